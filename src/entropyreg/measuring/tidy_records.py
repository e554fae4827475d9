"""Records as tidy lines: one a run, seed and split, a column a measure. What `records`, `compare` and the report read.

A measure is named by its path ('calibration.ece'); lists (histograms, curves, reliability bins) and whatever is no
number or text stay in the record.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from entropyreg.io.errors import blaming
from entropyreg.measuring.record_files import ABOUT, read_record
from entropyreg.regularizers.registry import kind_in

SPLITS = ("train", "valid", "test")
DECLARED = ("run", "task", "model", "kind", "skew", "strength", "smoothing", "seed", "updates", "split")


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """The lines of the record in a run's folder; raises `UserError` for a folder without one."""
    record = read_record(folder)
    with blaming(folder / ABOUT):
        return tidy_lines(record)


def tidy_lines(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of one record, of text or of images (whose measures are by seed)."""
    regularizer = record["regularizer"]
    declared = {
        "run": record["run"],
        "task": record["task"],
        "model": record["model"],
        "kind": kind_of(regularizer),
        **{key: regularizer.get(key) for key in ("skew", "strength", "smoothing")},
        **(regularizer.get("parameters") or {}),
        "updates": record.get("updates"),
    }
    if "seeds" in record:
        by_seed = {int(seed): by_split(measures) for seed, measures in record["measures"].items()}
    else:
        by_seed = {record["seed"]: record["measures"]}
    return [
        {**declared, "seed": seed, "split": split, **dict(numbers(measures[split]))}
        for seed, measures in sorted(by_seed.items())
        for split in SPLITS
        if split in measures
    ]


def kind_of(regularizer: Mapping[str, Any]) -> str:
    """The name of a regularizer in its papers: images declare it, text has it by generator and skew."""
    if "kind" not in regularizer and not regularizer["strength"]:
        return "none"
    return kind_in(regularizer).name


def by_split(measures: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Measures of images, which are by group and then by split, by split: 'calibration.ece' of 'valid'.

    What belongs to no split (temperatures, information about the training) stays out.
    """
    found: dict[str, dict[str, Any]] = {}
    for group, values in measures.items():
        for split in SPLITS:
            if isinstance(values, Mapping) and isinstance(values.get(split), Mapping):
                own = {f"{group}.{name}" if group != "scores" else name: one for name, one in values[split].items()}
                found.setdefault(split, {}).update(own)
    return found


def numbers(measures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float | int | str | None]]:
    """(path, value) of every number and text."""
    for name, value in measures.items():
        if isinstance(value, Mapping):
            yield from numbers(value, f"{prefix}{name}.")
        elif value is None or isinstance(value, int | float | str):
            yield f"{prefix}{name}", value


def columns_of(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is declared first, then every measure in the order of first use."""
    return list(dict.fromkeys([*DECLARED, *(name for line in lines for name in line)]))


def short_number(value: Any) -> str:
    """'' for None, four significant digits of a fraction."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
