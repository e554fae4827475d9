"""The command line: commands for people, and one for each stage of the workflow. Each one's function is in `stages`."""

import argparse
import json
import logging
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from entropyreg import __version__
from entropyreg.cli import stages
from entropyreg.cli.blame import read_by
from entropyreg.cli.stopping import Stopped, received
from entropyreg.config.paths import SCALES
from entropyreg.io.errors import SHOW_TRACEBACK, sentence_of
from entropyreg.io.run_folder import Busy, forget_failures, named, note_failure
from entropyreg.provenance import origins
from entropyreg.provenance.code_identity import BY_NAME, refuse_other_code


def json_argument(text: str) -> Any:
    """A JSON argument; argparse reports what is wrong with it."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None


PATHS = {"type": Path, "required": True}
SETTINGS = ("--settings", {"type": json_argument, "required": True, "help": "the stage's settings, as JSON"})
PLANNED = [  # arguments with which the workflow describes a job
    ("--code", {"metavar": "DIGEST", "help": "refuse to run if the code here is not that of this digest"}),
    ("--of", {"type": json_argument, "help": "the job's wildcards, as JSON"}),
    ("--root", {"type": Path, "help": "results of the scale: names in origins are relative to it"}),
    ("--inputs", {"type": Path, "nargs": "*", "default": [], "help": "files to compare with what made them"}),
    ("--outputs", {"type": Path, "nargs": "*", "help": "files whose origin is written"}),
]
CLAIMS = ("--claims", {**PATHS, "help": "workflow/experiments/claims.yaml"})
DATA_DIR = ("--data-dir", {"default": None, "help": "a folder of yours with data sets"})
DOWNLOAD_DIR = ("--download-dir", {"default": "results/downloads", "help": "where downloads go (default %(default)s)"})
ADOPTED = ("--adopted", {"type": Path, "help": "adopted.json: runs whose records lie elsewhere"})
TEACHER = ("--teacher", {"type": Path, "help": "folder of the teacher's run, for a student"})
SCALE = ("--scale", {"default": "demo", "choices": SCALES, "help": "default %(default)s"})
RESULTS_DIR = ("--results-dir", {"type": Path, "default": Path("results"), "help": "default %(default)s"})
WORKFLOW = (
    "--workflow",
    {"type": Path, "default": Path("workflow"), "help": "the project's (default %(default)s)"},
)
THREADS = ("--threads", {"type": int, "default": 1})
STAGES: dict[str, tuple[Callable[[argparse.Namespace], int | None], str, list[tuple[str, dict]]]] = {
    "download": (
        stages.download,
        "find, or download, files of data/sources.yaml, and check them",
        [
            ("names", {"nargs": "+", "metavar": "FOLDER/FILE", "help": "as in data/sources.yaml"}),
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
        [("pretrained", {}), ("--out", PATHS), DATA_DIR, DOWNLOAD_DIR],
    ),
    "propose": (
        stages.propose,
        "propose the next trial of a search or match",
        [SETTINGS, ("--runs", PATHS), ADOPTED, ("--out", PATHS)],
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
    "predict-temperatures": (
        stages.predict_temperatures,
        "statistics and hypotheses of a split at several temperatures, features of some words",
        [
            SETTINGS,
            ("--binary", PATHS),
            ("--run-dir", PATHS),
            ("--split", {"choices": ["valid", "test"], "default": "valid"}),
            THREADS,
        ],
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
        "measure the predictions of an image run: run.json, measures.csv, blocks.npz",
        [SETTINGS, ("--data", PATHS), ("--run-dir", PATHS), TEACHER, CLAIMS],
    ),
    "measure": (
        stages.measure,
        "measure a run's predictions: run.json, measures.csv, blocks.npz",
        [SETTINGS, ("--run-dir", PATHS), ("--text", PATHS), CLAIMS],
    ),
    "score": (
        stages.score,
        "the validation scores of a run that a search or match reads: scores.json",
        [SETTINGS, ("--run-dir", PATHS), ("--text", PATHS)],
    ),
    "adopt": (
        stages.adopt,
        "list the runs whose committed records stand in for them: adopted.json",
        [SETTINGS, ("--reference", PATHS), ("--out", PATHS)],
    ),
    "collect": (
        stages.collect,
        "collect the records of one artefact",
        [SETTINGS, ("--runs", PATHS), ADOPTED, ("--out", PATHS)],
    ),
    "judge": (
        stages.judge,
        "evaluate the declared claims from the collected tables and records: ledger.json",
        [SETTINGS, ("--tables", PATHS), ("--runs", PATHS), ADOPTED, CLAIMS, ("--out", PATHS)],
    ),
    "render": (
        stages.render,
        "draw a table or figure from its collected table",
        [("artefact", {}), ("--table", PATHS), ("--out", PATHS)],
    ),
    "report": (
        stages.report,
        "write the report of a scale: one page with verdicts, artefacts and all records",
        [SETTINGS, ADOPTED, *((flag, PATHS) for flag in ("--results", "--figures", "--captions", "--out"))],
    ),
    "forecast": (
        stages.forecast,
        "hours, bytes and money of a scale before it is run, and what of it is done",
        [
            ("--scale", {"choices": SCALES, "help": "default: that of base.yaml"}),
            ("--config", {"type": Path, "metavar": "FILE", "help": "keys of the configuration, as YAML"}),
            ("--settings", {"type": json_argument, "default": {}, "help": "the same, as JSON"}),
            DATA_DIR,
            ("--device", {"help": "a device of workflow/config/devices.yaml, instead of the one chosen there"}),
            ("--price", {"type": float, "help": "of one GPU and hour, instead of price_per_hour there"}),
            ("--calibrate", {"action": "store_true", "help": "time the models on this CPU first, and keep the rates"}),
            ("--json", {"action": "store_true", "help": "print JSON"}),
            WORKFLOW,
        ],
    ),
    "records": (
        stages.records,
        "every record of a scale as one table, a line a run, seed and split",
        [
            (
                "filters",
                {
                    "nargs": "*",
                    "metavar": "COLUMN=VALUE",
                    "help": "only lines with this value; an empty one: without any",
                },
            ),
            SCALE,
            RESULTS_DIR,
            (
                "--columns",
                {"metavar": "NAME,NAME", "help": "other columns than the ten that are shown, or all"},
            ),
            (
                "--rows",
                {"action": "store_true", "help": "a line a measured number, bins and curves too, with all columns"},
            ),
            (
                "--out",
                {"type": Path, "help": "a .csv or .parquet file (default: shown, as csv to a pipe)"},
            ),
        ],
    ),
    "status": (
        stages.status,
        "what of a scale is done, running, failed or missing, and the last error of what failed",
        [SCALE, RESULTS_DIR, WORKFLOW],
    ),
    "compare": (
        stages.compare,
        "two runs' measures side by side, with paired bootstrap intervals over sentences or images",
        [
            ("first", {"metavar": "RUN", "help": "a run's id, as under results/SCALE/runs (`records` lists them)"}),
            ("second", {"metavar": "RUN", "help": "another run of the same task; differences are it minus the first"}),
            SCALE,
            RESULTS_DIR,
        ],
    ),
    "reference": (
        stages.reference,
        "the committed results of a scale: draw them, verify their bytes, hold retrained numbers against them",
        [
            (
                "action",
                {
                    "choices": ["draw", "verify", "compare", "cell", "save", "export"],
                    "help": "draw: figures from the committed tables; verify: the same, compared byte by byte; "
                    "compare: the records of results/SCALE; cell: train what one cell needs anew and compare it; "
                    "save: commit the finished chains of results/SCALE; export: models and predictions as a tar file",
                },
            ),
            SCALE,
            ("--cell", {"metavar": "ARTEFACT/ROW/COLUMN", "help": "for cell: row and column are those of its csv"}),
            ("--out", {"type": Path, "help": "a folder (draw) or a .tar file (export)"}),
            ("--root", {"type": Path, "default": Path(), "help": "the repository (default: here)"}),
        ],
    ),
    "equilibrium": (
        stages.equilibrium,
        "predict the entropy of a regularizer, or the strength for an entropy",
        [
            (
                "--skew",
                {"type": float, "required": True, "help": "in [0, 1]: 0 confidence penalty, 1 label smoothing"},
            ),
            ("--vocabulary", {"type": int, "required": True, "help": "words or classes, at least 2"}),
            (
                "--strength",
                {"type": float, "default": 0.0, "help": "of the regularizer, at least 0 (default %(default)s: none)"},
            ),
            (
                "--entropy",
                {
                    "type": float,
                    "help": "wanted normalised entropy, in [0, 1): prints the strength, ignores --strength",
                },
            ),
        ],
    ),
}

FOR_PEOPLE = {  # the commands that people type; the others are the workflow's
    "results": ("status", "records", "compare", "reference"),
    "before a run": ("forecast", "download"),
    "theory": ("equilibrium",),
}
EXAMPLES = {
    "download": "entropyreg download mnist/train-images-idx3-ubyte.gz",
    "forecast": "entropyreg forecast --scale paper --price 2.5",
    "records": "entropyreg records task=demo_de_en split=valid --out records.parquet",
    "status": "entropyreg status --scale workstation",
    "compare": "entropyreg compare demo_de_en/transformer/none/seed1 "
    "demo_de_en/transformer/jensen-skew0.50-strength1.00/seed1",
    "reference": "entropyreg reference cell --cell a_table_translation/ger/demo_de_en",
    "equilibrium": "entropyreg equilibrium --skew 0.5 --entropy 0.4 --vocabulary 10000",
}


def overview() -> str:
    """The commands for people with a line each, by group, and the names of the others."""
    lines, left = [], set(STAGES)
    for title, names in FOR_PEOPLE.items():
        lines.append(f"{title}:")
        for name in names:
            lines += textwrap.wrap(f"  {name:<13}{STAGES[name][1]}", 79, subsequent_indent=" " * 15)
        lines.append("")
        left -= set(names)
    lines.append("stages of the workflow, which Snakemake runs:")
    stages_alone = "  " + ", ".join(name for name in STAGES if name in left)
    lines += textwrap.wrap(stages_alone, 79, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join([*lines, "", "`entropyreg COMMAND --help` explains each."])


def parser() -> argparse.ArgumentParser:
    """The parser with one sub-command a stage."""
    root = argparse.ArgumentParser(
        prog="entropyreg",
        description="Look at results, forecast a run, or run one stage of the workflow.",
        epilog=overview(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"entropyreg {__version__}")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND", help="one of those below")
    for name, (function, text, arguments) in STAGES.items():
        example = f"example: python -m {EXAMPLES[name]}" if name in EXAMPLES else None
        command = commands.add_parser(name, description=text, epilog=example)
        command.set_defaults(function=function)
        planned = name in BY_NAME or any(flag == "--settings" for flag, _ in arguments)
        for flag, options in arguments + (PLANNED if planned else []):
            command.add_argument(flag, **options)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command; bad input and refusals of the disk end it with one sentence on stderr and status 2."""
    logging.basicConfig(level=logging.WARNING)  # before fairseq is imported, which would print all its log messages
    args = parser().parse_args(argv)
    run_dir = getattr(args, "run_dir", None)
    stage = ".".join(filter(None, [args.command, getattr(args, "split", None)]))
    try:
        refuse_other_code(args)
        with named(run_dir, stage):
            write_origin = origins.begin(args)
            status = args.function(args)
            write_origin()
    except BaseException as error:
        if received:  # a library may have turned it into another error
            raise Stopped(described(args)) from None
        if not isinstance(error, Exception):
            raise
        told = sentence_of(error, read_by(args), run_dir)
        if run_dir is not None and not isinstance(error, Busy):
            note_failure(run_dir, stage, told or f"{type(error).__name__}: {error}")
        if told is None or os.environ.get(SHOW_TRACEBACK):
            raise
        print(f"entropyreg {args.command}: {told}", file=sys.stderr)
        return 2
    if run_dir is not None:
        forget_failures(run_dir, stage)
    return status or 0


def described(args: argparse.Namespace) -> str:
    """The command with the run or artefact that it works on: 'train of demo_de_en/transformer/none/seed1'."""
    settings = getattr(args, "settings", None) or {}
    name = settings.get("run") or settings.get("artefact") or getattr(args, "artefact", None)
    return f"{args.command} of {name}" if name else args.command
