"""Binds predictions to the run, the weights and the `training.json` that they were made with.

Each predicting stage writes, last, its files' checksums with these three; readers of a file compare them first. So
files of another run or of other weights, edited, cut or lost ones are told, with what Snakemake makes again when it is
deleted: the file of checksums is an output of the rule that predicts, and `training.json` of the one that trains.
"""

from collections.abc import Iterable
from pathlib import Path

from entropyreg.io.errors import UserError, blaming
from entropyreg.io.files import read_json, sha256_of, sum_of, write_json
from entropyreg.io.trained_weights import read_training

FOLDER = "predictions"
IMAGES = "predictions.json"  # in the folder of a run of images: the checksums for all its seeds
MADE_WITH = ("run", "weights_sha256", "training_sha256")


def files_of(what: str) -> list[str]:
    """The files in `predictions/` that one predicting stage of text makes, for example of `valid.temperatures`."""
    split, _, sweep = what.partition(".")
    if sweep == "beams":
        return [f"{what}.tsv"]
    if sweep == "temperatures":
        return [f"{what}.npz", f"{what}.tsv", *(["features.npz"] if split == "valid" else [])]
    return [f"{what}.{part}" for part in ("tokens.npz", "own.npz", "hypotheses.tsv")]


def sums_of(what: str) -> str:
    """The file of their checksums, in the same folder."""
    return f"{what}.sums.json"


def write_sums(run_dir: Path, run: str, what: str) -> None:
    """Write the checksums of a stage's predictions for a run of text."""
    bind(run_dir / FOLDER / sums_of(what), run_dir, run, [f"{FOLDER}/{name}" for name in files_of(what)])


def verify_sums(run_dir: Path, run: str, what: str) -> None:
    """Raise `UserError` unless a stage's predictions are unchanged and were made by `run` with its present weights."""
    verify(run_dir / FOLDER / sums_of(what), run_dir, run, [f"{FOLDER}/{name}" for name in files_of(what)])


def write_image_sums(run_dir: Path, run: str) -> None:
    """Write the checksums of all predictions of a run of images, and of training's log of its trajectory."""
    settings, folder = read_training(run_dir, run)["settings"], run_dir / FOLDER
    for path in (folder / f"seed{seed}" / "trajectory.npz" for seed in settings["seeds"]):
        if settings.get("trajectory") and not path.exists():
            raise UserError(f"{path} is missing: delete {run_dir / 'training.json'} and run again.")
    paths = sorted(folder.glob("seed*/*.npz"))
    bind(run_dir / IMAGES, run_dir, run, [str(path.relative_to(run_dir)) for path in paths])


def verify_image_sums(run_dir: Path, run: str, seeds: Iterable[int], parts: Iterable[str]) -> None:
    """The same as `verify_sums` for a run of images; `parts` are the files that are read for each seed."""
    verify(run_dir / IMAGES, run_dir, run, [f"{FOLDER}/seed{seed}/{part}" for seed in seeds for part in parts])


def bind(path: Path, run_dir: Path, run: str, names: Iterable[str]) -> None:
    """Write a file of checksums; `names` are paths in the folder of the run."""
    training = read_training(run_dir, run)
    made_with = run, training["weights_sha256"], sha256_of(run_dir / "training.json")
    files = {name: sha256_of(run_dir / name) for name in names}
    write_json(path, {**dict(zip(MADE_WITH, made_with, strict=True)), "files": files})


def verify(path: Path, run_dir: Path, run: str, names: Iterable[str]) -> None:
    """Raise `UserError` unless `path` lists intact files, `names` among them, made by `run` with these weights."""
    outcome, sums = run_dir / "training.json", read_json(path)
    training, remedy = read_training(run_dir, run), f"delete {path} and run again"
    with blaming(path):
        found, weights, trained = (sums[key] for key in MADE_WITH)
        files = {name: str(wanted) for name, wanted in sums["files"].items()}
    if found != run:
        raise UserError(f"{path} is of the run {found!r}, not of {run!r}: delete it and run again.")
    if weights != training["weights_sha256"]:
        raise UserError(f"{path} is of other weights than {outcome} describes: delete it and run again.")
    if trained != sum_of(outcome):
        raise UserError(f"{outcome} is not the one that {path} was made with: delete {outcome} and run again.")
    for name in names:
        if name not in files:
            raise UserError(f"{path} has no sum of {name}: delete it and run again.")
    for name, wanted in files.items():
        if not (run_dir / name).is_file() or sum_of(run_dir / name) != wanted:
            raise UserError(f"{run_dir / name} is missing or not what was predicted: {remedy}.")
