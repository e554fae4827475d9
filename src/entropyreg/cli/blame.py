"""Maps each command to the file that its error messages name where what it read is not what it should be.

They advise to delete it, so it is the one whose deletion makes Snakemake make the least again. A command that is absent
names each file where it reads it (training of text checks what it reads, too); any other error is a mistake of ours.
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
