"""The files that measuring leaves of a run: `run.json` (what it is), `measures.csv` (rows), `projection.json`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError, blaming
from entropyreg.io.files import content_of, read_json, write_json
from entropyreg.measuring import rows
from entropyreg.measuring.nested import measures_of, rows_of

ABOUT, POINTS = "run.json", "projection.json"
FILES = (ABOUT, rows.FILE, POINTS)


def record_folders(runs_dir: Path) -> list[Path]:
    """The folder of every run with a record, in the order of their paths."""
    return sorted(path.parent for path in runs_dir.glob(f"**/{ABOUT}"))


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write a record's files, `run.json` last: a run that has it is measured."""
    by_seed = record["measures"] if "seeds" in record else {str(record["seed"]): record["measures"].get("valid", {})}
    about = {key: value for key, value in record.items() if key != "measures"}
    about["signatures"] = dict(signatures(record["measures"]))
    for own in by_seed.values():
        if "mutual_information" in own:
            about["mutual_information_classes"] = own["mutual_information"]["classes"]
    points = {seed: own["projection"] for seed, own in by_seed.items() if own.get("projection") is not None}
    rows.write_rows(folder / rows.FILE, rows_of(record))
    write_json(folder / POINTS, points)
    write_json(folder / ABOUT, about)


def signatures(measures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """How scores were computed, by the name of each signature: the same for all scores of a run."""
    for name, value in measures.items():
        if isinstance(value, Mapping):
            yield from signatures(value)
        elif name.endswith("_signature"):
            yield name, value


def read_about(folder: Path) -> dict[str, Any]:
    """Reads the identity of a run; raises `UserError` for a file that is missing or damaged."""
    about = read_json(folder / ABOUT)
    if not isinstance(about, dict) or not {"run", "regularizer", "claims_sha256", "signatures"} <= set(about):
        raise UserError(f"{folder / ABOUT} is not a record: delete it and run again.")
    return about


def read_record(folder: Path) -> dict[str, Any]:
    """The record with its measures in their nested form; raises `UserError` for a file that is missing or damaged."""
    about, points, found = read_about(folder), read_json(folder / POINTS), rows.read_rows(folder / rows.FILE)
    with blaming(folder / ABOUT):
        seeds = set(map(str, about["seeds"] if "seeds" in about else [about["seed"]]))
    if (
        not isinstance(points, dict)
        or not set(points) <= seeds
        or not all(isinstance(one, list) for one in points.values())
    ):
        raise UserError(f"{folder / POINTS} does not hold points of the run's seeds: delete it and run again.")
    if {str(row.seed) for row in found} - seeds:
        raise UserError(f"{folder / rows.FILE} has rows of seeds that the run has not: delete it and run again.")
    with blaming(folder / rows.FILE):
        measures = content_of(measures_of(about, found, points), f"{folder / rows.FILE}: measures")
    kept = {key: value for key, value in about.items() if key not in ("signatures", "mutual_information_classes")}
    return {**kept, "measures": measures}
