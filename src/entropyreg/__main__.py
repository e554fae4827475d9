"""The command line: one sub-command a stage, with its arguments. `stages` has what each does."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from entropyreg import stages
from entropyreg.errors import UserError


def json_argument(text: str) -> Any:
    """A JSON argument; argparse reports what is wrong with it."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None


PATHS = {"type": Path, "required": True}
SETTINGS = ("--settings", {"type": json_argument, "required": True, "help": "the stage's settings, as JSON"})
CLAIMS = ("--claims", {**PATHS, "help": "workflow/experiments/claims.yaml"})
DATA_DIR = ("--data-dir", {"default": None, "help": "a folder of yours with data sets"})
DOWNLOAD_DIR = ("--download-dir", {"default": "results/downloads", "help": "where downloads go (default %(default)s)"})
TEACHER = ("--teacher", {"type": Path, "help": "folder of the teacher's run, for a student"})
THREADS = ("--threads", {"type": int, "default": 1})
STAGES: dict[str, tuple[Callable[[argparse.Namespace], None], str, list[tuple[str, dict]]]] = {
    "download": (
        stages.download,
        "find, or download, files of data/sources.yaml, and check them",
        [
            ("names", {"nargs": "+", "metavar": "FOLDER/FILE"}),
            DATA_DIR,
            DOWNLOAD_DIR,
            ("--offline", {"action": "store_true", "help": "download nothing"}),
            ("--links", {"type": Path, "help": "make links LINKS/FOLDER/FILE to them"}),
        ],
    ),
    "prepare": (
        stages.prepare,
        "prepare a parallel corpus: split, normalise, tokenise, clean",
        [SETTINGS, ("--out", PATHS), DATA_DIR, DOWNLOAD_DIR],
    ),
    "segment": (
        stages.segment,
        "learn joint byte-pair encoding and apply it",
        [SETTINGS, ("--text", PATHS)],
    ),
    "binarize": (
        stages.binarize,
        "make fairseq's binary data set",
        [SETTINGS, ("--subwords", PATHS), ("--out", PATHS)],
    ),
    "train": (
        stages.train,
        "train a run, or resume it",
        [
            SETTINGS,
            ("--binary", PATHS),
            ("--run-dir", PATHS),
            ("--log", PATHS),
            ("--proposal", {"type": Path, "help": "skew and strength, for a run that waits for a proposal"}),
            ("--pretrained", {"type": Path, "help": "weights, for a model that is fine-tuned"}),
            THREADS,
        ],
    ),
    "extract-pretrained": (
        stages.extract_pretrained,
        "take published weights out of their archive",
        [("name", {}), ("--out", PATHS), DATA_DIR, DOWNLOAD_DIR],
    ),
    "propose": (
        stages.propose,
        "propose the next trial of a search or match",
        [SETTINGS, ("--runs", PATHS), ("--out", PATHS)],
    ),
    "predict": (
        stages.predict,
        "token statistics and beam-search hypotheses of a trained run",
        [
            SETTINGS,
            ("--binary", PATHS),
            ("--run-dir", PATHS),
            ("--split", {"choices": ["valid", "test"], "required": True}),
            THREADS,
        ],
    ),
    "predict-beams": (
        stages.predict_beams,
        "decode validation with several beam sizes",
        [SETTINGS, ("--binary", PATHS), ("--run-dir", PATHS), THREADS],
    ),
    "prepare-images": (
        stages.prepare_images,
        "prepare a set of images: split, and what normalisation needs",
        [SETTINGS, ("--out", PATHS), DATA_DIR],
    ),
    "train-images": (
        stages.train_images,
        "train all seeds of an image run, or resume it",
        [
            SETTINGS,
            ("--data", PATHS),
            ("--run-dir", PATHS),
            TEACHER,
            ("--matched-to", {"type": Path, "help": "run whose entropy the teacher is brought to, for some students"}),
            DATA_DIR,
            THREADS,
        ],
    ),
    "predict-images": (
        stages.predict_images,
        "logits and penultimate features of a trained image run",
        [SETTINGS, ("--data", PATHS), ("--run-dir", PATHS), DATA_DIR, THREADS],
    ),
    "measure-images": (
        stages.measure_images,
        "measure the predictions of an image run: record.json, examples.npz",
        [SETTINGS, ("--data", PATHS), ("--run-dir", PATHS), TEACHER, CLAIMS],
    ),
    "measure": (
        stages.measure,
        "measure a run's predictions: record.json, sentences.npz",
        [SETTINGS, ("--run-dir", PATHS), ("--text", PATHS), CLAIMS],
    ),
    "collect": (
        stages.collect,
        "collect the records of one artefact",
        [SETTINGS, ("--runs", PATHS), ("--out", PATHS), CLAIMS],
    ),
    "render": (
        stages.render,
        "draw a table or figure from its collected table",
        [("artefact", {}), ("--table", PATHS), ("--out", PATHS)],
    ),
    "equilibrium": (
        stages.equilibrium,
        "predict the entropy of a regularizer, or the strength for an entropy",
        [
            ("--skew", {"type": float, "required": True}),
            ("--vocabulary", {"type": int, "required": True}),
            ("--strength", {"type": float, "default": 0.0}),
            ("--entropy", {"type": float, "default": None, "help": "wanted normalised entropy, in (0, 1)"}),
        ],
    ),
}


def parser() -> argparse.ArgumentParser:
    """The parser with one sub-command a stage."""
    root = argparse.ArgumentParser(prog="entropyreg", description=__doc__)
    commands = root.add_subparsers(dest="command", required=True)
    for name, (function, text, arguments) in STAGES.items():
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        for flag, options in arguments:
            command.add_argument(flag, **options)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command; bad input is one sentence on stderr and status 2."""
    args = parser().parse_args(argv)
    try:
        args.function(args)
    except UserError as error:
        print(f"entropyreg {args.command}: {error}", file=sys.stderr)
        return 2
    except ValueError as error:
        if args.command == "equilibrium":
            print(f"entropyreg {args.command}: {error}", file=sys.stderr)
            return 2
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
