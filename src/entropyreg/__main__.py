"""`python -m entropyreg`: the command line, which is in `cli.main`."""

import sys

from entropyreg.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
