"""Maps each command to the input path named in its error messages.

The messages advise deleting it, so it is the one whose deletion costs Snakemake the least work. A command not listed
here names each file where it reads it (training of text does so, too); any other error is a bug of this package.
"""

import argparse
from pathlib import Path

READ_BY = {  # command: the argument and, where that is a folder that holds more, the file in it
    **dict.fromkeys(("predict", "predict-beams", "predict-temperatures"), ("run_dir", "training.json")),
    "predict-images": ("run_dir", "training.json"),
    "measure-images": ("run_dir", "predictions.json"),
    "segment": ("text", "summary.json"),
    "judge": ("tables", ""),  # collected anew in seconds
    "render": ("table", ""),
}


def read_by(args: argparse.Namespace) -> Path | None:
    """The file (or folder of nothing but tables) of other stages' outputs that the command reads."""
    if args.command not in READ_BY:
        return None
    argument, name = READ_BY[args.command]
    return getattr(args, argument) / name
