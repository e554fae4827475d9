"""The configuration: merging and checking it, the settings of each stage, the paths of the workflow."""
