"""`python -m entropyreg`: the command line, which is in `cli.main`."""
