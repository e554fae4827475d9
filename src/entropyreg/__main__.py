"""`python -m entropyreg`: the command line, which is in `cli.main`."""

from entropyreg.cli.stopping import program

if __name__ == "__main__":
    program()
