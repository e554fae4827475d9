"""The command line: one sub-command a stage. Every stage imports what it needs only when it runs."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from entropyreg.errors import UserError


def prepare(args: argparse.Namespace) -> None:
    from entropyreg.data.preparation import prepare_corpus

    prepare_corpus(args.settings, args.out, args.data_dir)


def segment(args: argparse.Namespace) -> None:
    from entropyreg.data.subwords import segment_corpus

    segment_corpus(args.settings, args.text)


def binarize(args: argparse.Namespace) -> None:
    from entropyreg.translation.binarization import binarize as run

    run(args.settings, args.subwords, args.out)


def train(args: argparse.Namespace) -> None:
    from entropyreg.translation.training import train as run

    run(args.settings, args.binary, args.run_dir, args.log, args.threads)


def predict(args: argparse.Namespace) -> None:
    from entropyreg.translation.prediction import predict as run

    run(args.settings, args.binary, args.run_dir, args.split, args.threads)


def measure(args: argparse.Namespace) -> None:
    from entropyreg.files import sha256_of, write_json
    from entropyreg.results.provenance import run_provenance
    from entropyreg.results.records import measure_run

    record = measure_run(args.settings, args.run_dir, args.text, sha256_of(args.claims))
    write_json(args.run_dir / "provenance.json", run_provenance(args.run_dir))
    write_json(args.run_dir / "record.json", record)


def collect(args: argparse.Namespace) -> None:
    from entropyreg.files import sha256_of, write_json
    from entropyreg.results.collect import collect as run

    runs = [cell["run"] for cell in args.settings["cells"] if cell["run"]]
    records = {run_id: args.runs / run_id / "record.json" for run_id in runs}
    write_json(args.out, run(args.settings, records, sha256_of(args.claims)))


def render(args: argparse.Namespace) -> None:
    kind = args.artefact.split("_")[1] if args.artefact.count("_") else ""
    if kind == "figure":
        from entropyreg.figures import render as run
    else:
        from entropyreg.tables import render as run
    run(args.artefact, args.table, args.out)


def equilibrium(args: argparse.Namespace) -> None:
    from entropyreg.regularizers.equilibrium import equilibrium as solve
    from entropyreg.regularizers.equilibrium import strength_for_entropy

    strength = args.strength
    if args.entropy is not None:
        strength = strength_for_entropy(args.skew, args.entropy, args.vocabulary)
        print(f"strength {strength:.6g}")
    solution = solve(args.skew, strength, args.vocabulary)
    print(f"target probability {solution.target_probability:.6g}")
    print(f"floor {solution.floor:.6g}")
    print(f"normalised entropy {solution.normalized_entropy:.6g}")


def json_argument(text: str) -> Any:
    """A JSON argument; argparse reports what is wrong with it."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None


PATHS = {"type": Path, "required": True}
SETTINGS = ("--settings", {"type": json_argument, "required": True, "help": "the stage's settings, as JSON"})
CLAIMS = ("--claims", {**PATHS, "help": "workflow/experiments/claims.yaml"})
THREADS = ("--threads", {"type": int, "default": 1})
STAGES: dict[str, tuple[Callable[[argparse.Namespace], None], str, list[tuple[str, dict]]]] = {
    "prepare": (
        prepare,
        "prepare a parallel corpus: split, normalise, tokenise, clean",
        [SETTINGS, ("--out", PATHS), ("--data-dir", {"default": None})],
    ),
    "segment": (
        segment,
        "learn joint byte-pair encoding and apply it",
        [SETTINGS, ("--text", PATHS)],
    ),
    "binarize": (
        binarize,
        "make fairseq's binary data set",
        [SETTINGS, ("--subwords", PATHS), ("--out", PATHS)],
    ),
    "train": (
        train,
        "train a run, or resume it",
        [SETTINGS, ("--binary", PATHS), ("--run-dir", PATHS), ("--log", PATHS), THREADS],
    ),
    "predict": (
        predict,
        "token statistics and beam-search hypotheses of a trained run",
        [
            SETTINGS,
            ("--binary", PATHS),
            ("--run-dir", PATHS),
            ("--split", {"choices": ["valid", "test"], "required": True}),
            THREADS,
        ],
    ),
    "measure": (
        measure,
        "measure a run's predictions: record.json",
        [SETTINGS, ("--run-dir", PATHS), ("--text", PATHS), CLAIMS],
    ),
    "collect": (
        collect,
        "collect the records of one artefact",
        [SETTINGS, ("--runs", PATHS), ("--out", PATHS), CLAIMS],
    ),
    "render": (
        render,
        "draw a table or figure from its collected table",
        [("artefact", {}), ("--table", PATHS), ("--out", PATHS)],
    ),
    "equilibrium": (
        equilibrium,
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
