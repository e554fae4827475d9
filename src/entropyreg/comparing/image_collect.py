"""Collects the image records of one artefact into one tidy table: a row per seed of a run, with the groups it shows.

Where several runs fill one row (amounts of smoothing, temperatures of a teacher), one is chosen by its mean over seeds
on validation; the others show no test measure.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from entropyreg.comparing.collect import missing_reason, read_record
from entropyreg.comparing.comparisons import compare_rows
from entropyreg.io.errors import blaming
from entropyreg.measuring.rows import FILE as MEASURES

CELL = ("row", "column", "run", "model", "model_title", "published_as", "kind", "smoothing", "skew", "strength")
CELL += ("wanted_entropy", "baseline", "dropout", "teacher")
FOUND_LATER = ("skew", "strength", "smoothing")
TEST = "test"


def collect_images(settings: Mapping[str, Any], runs_dir: Path) -> dict[str, Any]:
    """The collected table; `settings` is `entropyreg.config.image_settings.image_collecting_settings`.

    A record that is absent is a missing row for each seed. Raises `UserError` for one that belongs to another run.
    """
    rows, classes = [], {}
    for cell in settings["cells"]:
        found, names = collect_cell(settings, cell, runs_dir)
        rows += found
        classes |= {cell["column"]: names} if names else {}
    for choice in settings["select"]:
        select(rows, choice)
    compare = settings["compare"]
    comparisons = compare_rows(compare, rows, runs_dir, images=True) if compare else []
    kept = ("artefact", "title", "scale", "scale_note", "images")
    return {
        **{key: settings[key] for key in kept},
        "columns": [{**column, "classes": classes.get(column["task"])} for column in settings["columns"]],
        "rows": [shown(row, settings["measures"]) for row in rows],
        "comparisons": comparisons,
    }


def collect_cell(
    settings: Mapping[str, Any], cell: Mapping[str, Any], runs_dir: Path
) -> tuple[list[dict[str, Any]], list[str] | None]:
    """The rows of a run, one per seed, and the names of its classes if it has a record."""
    title = next(column["title"] for column in settings["columns"] if column["task"] == cell["column"])
    row = {**dict.fromkeys(CELL), **{key: cell[key] for key in (*CELL, "parameters", "plugin") if key in cell}}
    row |= {"task": cell["column"], "task_title": title, "seed": None, "status": "missing", "selected": None}
    row |= {"updates": None, "n_classes": None, "measures": None, "reason": missing_reason(settings, row, runs_dir)}
    seeds = cell.get("seeds", [None])
    if row["reason"] is not None:
        return [{**row, "seed": seed} for seed in seeds], None
    record = read_record(row["run"], runs_dir)
    with blaming(runs_dir / row["run"] / MEASURES):
        return rows_of_record(record, row, seeds), record["data"]["classes"]


def rows_of_record(
    record: Mapping[str, Any], row: Mapping[str, Any], seeds: Sequence[int | None]
) -> list[dict[str, Any]]:
    """A row per seed with the record's measures; `row` has the declaration of the run."""
    row = {**row, **{key: record["regularizer"][key] for key in FOUND_LATER}}
    row |= {"status": "done", "updates": record["updates"], "n_classes": record["n_classes"]}
    rows = []
    for seed in seeds:
        own = record["measures"].get(str(seed))
        if own is None:
            absent = {"status": "missing", "reason": "no record of this seed yet"}
            rows.append({**row, **absent, "seed": seed})
            continue
        teacher = {**row["teacher"], **own["teacher"]} if row["teacher"] else None
        rows.append({**row, "seed": seed, "teacher": teacher, "measures": own})
    return rows


def select(rows: Sequence[dict[str, Any]], choice: Mapping[str, Any]) -> None:
    """Mark the runs of a row as chosen or not, within a task, a model and, with `by: teacher`, a teacher."""
    groups: dict[tuple, dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        if row["row"] == choice["row"] and row["status"] == "done":
            teacher = row["teacher"]["run"] if choice.get("by") == "teacher" and row["teacher"] else None
            groups.setdefault((row["task"], row["model"], teacher), {}).setdefault(row["run"], []).append(row)
    for runs in groups.values():
        value = {run: fmean(valid_metric(row, choice["metric"]) for row in members) for run, members in runs.items()}
        sign = 1 if choice["best"] == "least" else -1
        best = min(value, key=lambda run: (sign * value[run], run))
        for run, members in runs.items():
            for row in members:
                row["selected"] = run == best


def valid_metric(row: Mapping[str, Any], metric: str) -> float:
    group = "calibration" if metric == "ece" else "scores"
    return row["measures"][group]["valid"][metric]


def shown(row: Mapping[str, Any], groups: Sequence[str]) -> dict[str, Any]:
    """A row with the groups that the artefact shows; without test measures if another run was chosen."""
    if row["measures"] is None:
        return dict(row)
    measures = {group: row["measures"].get(group) for group in groups}
    if row["selected"] is False:
        measures = {group: without_test(measures[group]) for group in groups}
    return {**row, "measures": measures}


def without_test(value: Any) -> Any:
    """`value` without the key 'test' in any map of it."""
    if isinstance(value, Mapping):
        return {key: without_test(part) for key, part in value.items() if key != TEST}
    return value
