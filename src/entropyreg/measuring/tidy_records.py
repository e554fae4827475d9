"""Joins the rows of runs with the identity of each, for `records`, `compare` and the report.

As lines there is one a run, seed and split, with a column a measure: `ece`, `bleu[beam=5]`, `scatter_ratio_low`. Points
of learning curves and bins are no columns; `rows_with_run` has them too.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from entropyreg.io.errors import blaming
from entropyreg.measuring.record_files import ABOUT, read_about
from entropyreg.measuring.rows import FILE, Row, places_of, read_rows
from entropyreg.regularizers.registry import kind_in

SPLITS = ("train", "valid", "test")
DECLARED = ("run", "task", "model", "kind", "skew", "strength", "smoothing", "seed", "updates", "split")
NO_COLUMNS = {"bin", "update"}  # places with too many points


def identity(about: Mapping[str, Any]) -> dict[str, Any]:
    """The identity of a run, with the parameters of its regularizer."""
    regularizer = about["regularizer"]
    return {
        "run": about["run"],
        "task": about["task"],
        "model": about["model"],
        "kind": kind_of(regularizer),
        **{key: regularizer.get(key) for key in ("skew", "strength", "smoothing")},
        **(regularizer.get("parameters") or {}),
        "updates": about.get("updates"),
    }


def kind_of(regularizer: Mapping[str, Any]) -> str:
    """The name of a regularizer in its papers: images declare it, for text it follows from generator and skew."""
    if "kind" not in regularizer and not regularizer["strength"]:
        return "none"
    return kind_in(regularizer).name


def read_run(folder: Path) -> tuple[dict[str, Any], dict[str, str], list[Row]]:
    """The identity of a run, how its scores were computed, its rows by seed and split; raises `UserError`."""
    about, rows = read_about(folder), read_rows(folder / FILE)
    with blaming(folder / ABOUT):
        declared, signatures = identity(about), dict(about["signatures"])
    with blaming(folder / FILE):
        return declared, signatures, sorted(rows, key=lambda row: (row.seed, SPLITS.index(row.split)))


def lines_of(folder: Path, adopted: str | None = None) -> list[dict[str, Any]]:
    """The lines of the run in a folder; those of an adopted one say from where, in a column `adopted`."""
    declared, signatures, rows = read_run(folder)
    lines: dict[tuple[int, str], dict[str, Any]] = {}
    for row in rows:
        line = lines.setdefault((row.seed, row.split), {**declared, "seed": row.seed, "split": row.split})
        if not NO_COLUMNS & set(places_of(row.at)):
            line |= dict(columns_of_row(row))
    return [line | signatures | ({"adopted": adopted} if adopted else {}) for line in lines.values()]


def columns_of_row(row: Row) -> Iterator[tuple[str, Any]]:
    """('bleu[beam=5]', 15.7) and, where there is an interval or a standard error, their columns."""
    where = f"[{row.at}]" if row.at else ""
    yield f"{row.measure}{where}", row.value
    for column in ("low", "high", "standard_error"):
        if (value := getattr(row, column)) is not None:
            yield f"{row.measure}_{column}{where}", value


def rows_with_run(folder: Path, adopted: str | None = None) -> list[dict[str, Any]]:
    """Every row of the run in a folder, with what the run is; what was measured as a fraction, whatever it counts."""
    declared, _, rows = read_run(folder)
    declared |= {"adopted": adopted} if adopted else {}
    return [declared | row._asdict() | {"value": None if row.value is None else float(row.value)} for row in rows]


def columns_of(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Declared columns first, then every measure in the order of first use."""
    return list(dict.fromkeys([*DECLARED, *(name for line in lines for name in line)]))


def short_number(value: Any) -> str:
    """'' for None, four significant digits of a fraction."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
