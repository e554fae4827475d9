"""Which input of a command is named where it turns out not to be what it should be."""

import argparse
from pathlib import Path

# The argument that names what a stage reads of other stages: blamed if that is not what it should be. Training of text
# has none: it checks what it reads, and what fairseq raises in an update would be blamed on data that are whole.
READ_BY = {
    **dict.fromkeys(("measure", "score", "measure-images", "predict-images"), "run_dir"),
    **dict.fromkeys(("collect", "propose"), "runs"),
    **dict.fromkeys(("records", "compare", "status"), "results_dir"),
    **dict.fromkeys(("predict", "predict-beams", "predict-temperatures"), "run_dir"),
    **{"segment": "text", "judge": "tables", "render": "table", "report": "results"},
}
READ_FILE = {  # and the file there, where deleting the whole folder would cost a training
    **dict.fromkeys(("predict", "predict-beams", "predict-temperatures"), "training.json"),
}


def read_by(args: argparse.Namespace) -> Path | None:
    """The folder or file of other stages' outputs that the command reads."""
    folder = getattr(args, READ_BY.get(args.command, ""), None)
    return folder / READ_FILE[args.command] if folder is not None and args.command in READ_FILE else folder
