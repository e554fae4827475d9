"""The command line: one sub-command a stage. Every stage imports what it needs only when it runs."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from entropyreg.errors import UserError


def download(args: argparse.Namespace) -> None:
    from entropyreg.data.download import fetch, link

    for name in args.names:
        located = fetch(name, args.data_dir, args.download_dir, offline=args.offline)
        if args.links:
            link(located.path, args.links / name)
        else:
            print(f"{located.path}  sha256 {located.sha256}")


def prepare(args: argparse.Namespace) -> None:
    from entropyreg.data.preparation import prepare_corpus

    prepare_corpus(args.settings, args.out, args.data_dir, args.download_dir)


def segment(args: argparse.Namespace) -> None:
    from entropyreg.data.subwords import segment_corpus

    segment_corpus(args.settings, args.text)


def binarize(args: argparse.Namespace) -> None:
    from entropyreg.translation.binarization import binarize as run

    run(args.settings, args.subwords, args.out)


def train(args: argparse.Namespace) -> None:
    from entropyreg.translation.training import train as run

    run(args.settings, args.binary, args.run_dir, args.log, args.threads, args.proposal, args.pretrained)


def extract_pretrained(args: argparse.Namespace) -> None:
    from entropyreg.translation.pretrained import extract_weights as run

    run(args.name, args.out, args.data_dir, args.download_dir)


def propose(args: argparse.Namespace) -> None:
    from entropyreg.files import write_json
    from entropyreg.search.proposals import propose as run

    write_json(args.out, run(args.settings, [args.runs / name / "record.json" for name in args.settings["runs"]]))


def predict(args: argparse.Namespace) -> None:
    from entropyreg.translation.prediction import predict as run

    run(args.settings, args.binary, args.run_dir, args.split, args.threads)


def predict_beams(args: argparse.Namespace) -> None:
    from entropyreg.translation.prediction import predict_beams as run

    run(args.settings, args.binary, args.run_dir, args.threads)


def prepare_images(args: argparse.Namespace) -> None:
    from entropyreg.images.data.preparation import prepare_images as run

    run(args.settings, args.out, args.data_dir)


def train_images(args: argparse.Namespace) -> None:
    from entropyreg.images.training import train_image_run

    settings = args.settings
    if args.matched_to:
        from entropyreg.images.matching import with_matched_temperature

        settings = with_matched_temperature(settings, args.teacher, args.matched_to)
    train_image_run(settings, args.data, args.run_dir, args.threads, args.teacher, args.data_dir)


def predict_images(args: argparse.Namespace) -> None:
    from entropyreg.images.prediction import predict_images as run
    from entropyreg.images.prediction import write_sums

    run(args.settings, args.data, args.run_dir, args.settings["splits"], args.threads, args.data_dir)
    write_sums(args.run_dir)


def measure_images(args: argparse.Namespace) -> None:
    from entropyreg.files import sha256_of, write_json, write_npz
    from entropyreg.results.image_records import measure_image_run
    from entropyreg.results.provenance import run_provenance

    claims = sha256_of(args.claims)
    record, examples = measure_image_run(args.settings, args.run_dir, args.data, claims, args.teacher)
    write_npz(args.run_dir / "examples.npz", examples)
    write_json(args.run_dir / "provenance.json", run_provenance(args.run_dir))
    write_json(args.run_dir / "record.json", record)


def measure(args: argparse.Namespace) -> None:
    from entropyreg.files import sha256_of, write_json, write_npz
    from entropyreg.results.provenance import run_provenance
    from entropyreg.results.records import measure_run

    record, sentences = measure_run(args.settings, args.run_dir, args.text, sha256_of(args.claims))
    write_npz(args.run_dir / "sentences.npz", sentences)
    write_json(args.run_dir / "provenance.json", run_provenance(args.run_dir))
    write_json(args.run_dir / "record.json", record)


def collect(args: argparse.Namespace) -> None:
    from entropyreg.files import sha256_of, write_json

    if args.settings.get("images"):
        from entropyreg.results.image_collect import collect_images as run
    else:
        from entropyreg.results.collect import collect as run

    write_json(args.out, run(args.settings, args.runs, sha256_of(args.claims)))


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
DATA_DIR = ("--data-dir", {"default": None, "help": "a folder of yours with data sets"})
DOWNLOAD_DIR = ("--download-dir", {"default": "results/downloads", "help": "where downloads go (default %(default)s)"})
TEACHER = ("--teacher", {"type": Path, "help": "folder of the teacher's run, for a student"})
THREADS = ("--threads", {"type": int, "default": 1})
STAGES: dict[str, tuple[Callable[[argparse.Namespace], None], str, list[tuple[str, dict]]]] = {
    "download": (
        download,
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
        prepare,
        "prepare a parallel corpus: split, normalise, tokenise, clean",
        [SETTINGS, ("--out", PATHS), DATA_DIR, DOWNLOAD_DIR],
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
        extract_pretrained,
        "take published weights out of their archive",
        [("name", {}), ("--out", PATHS), DATA_DIR, DOWNLOAD_DIR],
    ),
    "propose": (
        propose,
        "propose the next trial of a search or match",
        [SETTINGS, ("--runs", PATHS), ("--out", PATHS)],
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
    "predict-beams": (
        predict_beams,
        "decode validation with several beam sizes",
        [SETTINGS, ("--binary", PATHS), ("--run-dir", PATHS), THREADS],
    ),
    "prepare-images": (
        prepare_images,
        "prepare a set of images: split, and what normalisation needs",
        [SETTINGS, ("--out", PATHS), DATA_DIR],
    ),
    "train-images": (
        train_images,
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
        predict_images,
        "logits and penultimate features of a trained image run",
        [SETTINGS, ("--data", PATHS), ("--run-dir", PATHS), DATA_DIR, THREADS],
    ),
    "measure-images": (
        measure_images,
        "measure the predictions of an image run: record.json, examples.npz",
        [SETTINGS, ("--data", PATHS), ("--run-dir", PATHS), TEACHER, CLAIMS],
    ),
    "measure": (
        measure,
        "measure a run's predictions: record.json, sentences.npz",
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
