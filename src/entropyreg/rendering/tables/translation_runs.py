"""Translation runs of paper B in the shape of image runs, so that tables and figures of both are made alike.

A translation run is one seed and names it in its id; an image run has all seeds. Here a run's id is without its seed,
its regularizer has a `kind`, and the groups of its validation measures stand where those of an image run do; the group
`one` has what was measured at temperature 1.
"""

from collections.abc import Mapping
from typing import Any

from entropyreg.experiments.kinds import kind_of

GROUPS = ("temperatures", "projection", "clusters", "training_accuracy")  # of the measures of the validation split
ROWS = {  # of the collected tables, in order, as printed
    "hard": "hard",
    "smoothed": "smoothed",
    "skew0.5": "skew 0.5",
    "confidence_penalty": "confidence penalty",
}
PAPER_ROWS = ("hard", "smoothed")
EXTENSION = ("skew0.5", "confidence_penalty")  # rows that the paper does not have
QUANTITIES = ("bleu", "ece", "nll")  # over the temperature


def as_network_runs(collected: Mapping[str, Any]) -> dict[str, Any]:
    """The collected table with every run as an image run has it; `valid` and `test` stay where they are."""
    published = {column["task"]: column.get("published_as") for column in collected["columns"]}
    rows = [{**as_network_run(run), "published_as": published[run["column"]]} for run in collected["rows"]]
    return {**collected, "rows": rows}


def as_network_run(run: Mapping[str, Any]) -> dict[str, Any]:
    """One run; a row that no run fills has no kind, nor has one whose skew is not found yet."""
    shaped = {"model_title": None, "teacher": None, "selected": None, "dropout": None, "kind": None}
    waiting = run["skew"] is None and run.get("generator") == "entropy"
    if run["run"] is not None and not waiting:
        shaped["kind"] = kind_of(run["skew"], run.get("generator"))
    shaped["run"] = run["run"] and run["run"].rpartition("/")[0]
    valid = (run["measures"] or {}).get("valid")
    if valid:
        shaped["measures"] = {**run["measures"], **{group: valid.get(group) for group in GROUPS}}
        shaped["measures"]["one"] = at_one(valid.get("temperatures"))
        intervals = run.get("intervals") or {}
        shaped["intervals"] = {**intervals, **{group: intervals.get("valid", {}).get(group) for group in GROUPS}}
    return {**run, **shaped}


def at_one(measured: Mapping[str, Any] | None) -> dict[str, float]:
    """{bleu, ece, nll} of `measures.valid.temperatures` at temperature 1; empty where it was not measured."""
    if not measured or 1.0 not in measured["temperatures"]:
        return {}
    place = measured["temperatures"].index(1.0)
    return {quantity: measured[quantity][place] for quantity in QUANTITIES}


def interval_of(collected: Mapping[str, Any], column: str, row: str, metric: str) -> tuple[float, float] | None:
    """The collected 95 % interval of a row's metric; None where there is none."""
    for entry in collected.get("intervals") or ():
        if (entry["column"], entry["row"], entry["metric"]) == (column, row, metric):
            return entry["low"], entry["high"]
    return None


def parts_of(collected: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
    """The image part and the translation part of a table of both, whose columns have `images` true or false.

    None: it has no column of translation.
    """
    tasks = {column["task"] for column in collected["columns"] if column.get("images") is False}
    if not tasks:
        return collected, None

    def part(translation: bool) -> dict[str, Any]:
        chosen = {"columns": [one for one in collected["columns"] if (one["task"] in tasks) == translation]}
        for key in ("rows", "comparisons"):
            chosen[key] = [one for one in collected[key] if (one["column"] in tasks) == translation]
        return {**collected, **chosen}

    return part(False), part(True)
