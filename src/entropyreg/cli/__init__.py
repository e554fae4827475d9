"""The command line: the stages of the workflow, and the commands for people."""
