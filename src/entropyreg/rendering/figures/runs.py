"""The finished runs of a collected table, once each, and what every plotted row says of its run."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from entropyreg.experiments.kinds import WITHOUT_SKEW, by_kind, kind_of
from entropyreg.rendering.figures.style import FAMILIES, MARKS

DESCRIPTION = ("artefact", "scale", "column", "column_title", "row", "run", "model", "family", "skew", "strength")
DESCRIPTION += ("smoothing", "baseline", "seed", "split")  # keys of `describe`, the first columns of a figure's csv


def finished_runs(collected: Mapping[str, Any], split: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each finished run with its measures on `split`, in the collected order: once however many cells it fills."""
    seen = set()
    for run in collected["rows"]:
        measures = (run["measures"] or {}).get(split)
        key = run["column"], run["run"]
        if run["status"] == "done" and measures and key not in seen:
            seen.add(key)
            yield run, measures


def describe(collected: Mapping[str, Any], run: Mapping[str, Any], split: str) -> dict[str, Any]:
    """The values of `DESCRIPTION` for a run."""
    titles = {column["task"]: column["title"] for column in collected["columns"]}
    row = {key: run[key] for key in DESCRIPTION if key in run}
    row |= {"artefact": collected["artefact"], "scale": collected["scale"], "split": split}
    return row | {"column_title": titles[run["column"]], "family": family_of(run)}


def family_of(run: Mapping[str, Any]) -> str:
    """The key of the run's mark in `style.MARKS`."""
    return kind_of(run["skew"], run.get("generator"))


def is_unregularized(run: Mapping[str, Any]) -> bool:
    """Whether a finished run had no regularizer (the Euclidean one has no skew either)."""
    return family_of(run) == "none"


def baseline_label(run: Mapping[str, Any]) -> str:
    """The direct label of a run's point: only the two baselines of the paper have one."""
    if is_unregularized(run):
        return FAMILIES["none"].label
    standard = run["smoothing"] is not None and math.isclose(run["smoothing"], 0.1, rel_tol=1e-6)
    return "label smoothing .1" if run["skew"] == 1 and standard and run["baseline"] == "uniform" else ""


def regularizer_name(run: Mapping[str, Any]) -> str:
    """The regularizer of a finished run in words: 'label smoothing .1', 'skew .5, strength 1', 'no regularizer'."""
    kind, amount = family_of(run), f"strength {digits(run['strength'])}"
    names = {
        "none": FAMILIES["none"].label,
        "label_smoothing": f"label smoothing {digits(run['smoothing'] or 0.0)}",
        "confidence_penalty": f"confidence penalty, {amount}",
        "skew_jensen": f"skew {digits(run['skew'] or 0.0)}, {amount}",
        **{name: f"{MARKS[name].label}, {amount}" for name in WITHOUT_SKEW.values()},
    }
    name = by_kind(names, kind)
    return f"{name}, unigram" if run["baseline"] == "unigram" else name


def digits(number: float) -> str:
    """Three significant digits without the zero before the point: '.111', '.5', '1'."""
    return f"{number:.3g}".removeprefix("0") or "0"
