"""Shows differences between the rows of a table, with intervals: the collected `comparisons` as sections.

They are computed when runs are collected (`comparing.comparisons`); nothing here resamples.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from entropyreg.rendering.tables.cells import NOT_APPLICABLE, number_text, p_text
from entropyreg.rendering.tables.formats import Cell, Note, Section
from entropyreg.rendering.tables.legend import DOES_NOT_APPLY, Legend

DEFINITION = (
    "Differences: the row minus the other{seeds}. [low, high]: 95 % interval by crossed bootstrap over seeds and "
    "{units}; with n = 1 seed over {units} only, so it is about these models, not about training. p: one-sided, of "
    '"the difference is positive"; not corrected for the number of comparisons.'
)
PAIRED = ", of seeds that both have"
NO_PAIR = "no pair: the two rows have no finished runs that are compared"
NONE_AT_ALL = "Differences between rows, with intervals: none was collected."
Entry = Mapping[str, Any]
Names = Sequence[tuple[tuple[Cell, ...], str, str | None]]  # cells that name a line: its row, its model


class Metric(NamedTuple):
    """The format of a difference."""

    header: str
    form: str
    factor: float
    unit: str


Metrics = Mapping[str, Metric]


def comparisons(collected: Mapping[str, Any], task: str | None = None) -> list[Entry]:
    """The comparisons of a task, or all; tables collected by older versions have none."""
    found = collected.get("comparisons") or ()
    return [entry for entry in found if task in (None, entry["column"])]


def section(
    collected: Mapping[str, Any],
    column: Mapping[str, Any],
    labels: Sequence[str],
    names: Names,
    rows: Mapping[str, str],
    metrics: Metrics,
    legend: Legend,
) -> list[Section]:
    """One section for a task with comparisons, else none; `rows` has the titles of all rows, in order."""
    entries = comparisons(collected, column["task"])
    if not entries:
        return []
    to = [row for row in rows if any(entry["to"] == row for entry in entries)]
    shown = [metric for metric in metrics if any(entry["metric"] == metric for entry in entries)]
    found = {(e["row"], e.get("model"), e["to"], e["metric"]): e for e in entries}
    lines = [
        (*cells, *(cell(found.get((row, model, t, m)), row == t, metrics[m], legend) for t in to for m in shown))
        for cells, row, model in names
    ]
    return [
        Section(
            title=f"{column['title']}: differences with 95 % intervals",
            text=sizes_text(entries, metrics),
            groups=(("", len(labels)), *((f"minus {rows[row]}:", len(shown)) for row in to)),
            headers=(*map(Cell, labels), *(Cell(metrics[m].header) for _ in to for m in shown)),
            rows=tuple(line for line in lines if any(one != NOT_APPLICABLE for one in line[len(labels) :])),
        )
    ]


def cell(entry: Entry | None, same: bool, metric: Metric, legend: Legend) -> Cell:
    """'+1.4 [-0.2, +2.9], p = 0.041 (n = 2)'; of unequal numbers of seeds '(n = 5 and 3)'."""
    if same:
        return legend.missing(DOES_NOT_APPLY)
    if entry is None:
        return legend.missing(NO_PAIR)
    numbers = (metric.factor * entry[key] for key in ("difference", "low", "high"))
    difference, low, high = (number_text(number, metric.form) for number in numbers)
    seeds = entry["n_seeds"] if isinstance(entry["n_seeds"], list) else [entry["n_seeds"]]
    shown = " and ".join(map(str, dict.fromkeys(seeds)))
    return Cell(f"{difference} [{low}, {high}], {p_text(entry['p_value'])} (n = {shown})")


def sizes_text(entries: Sequence[Entry], metrics: Metrics) -> str:
    """Resampled items and replicates: '500 test sentences, 2000 replicates.'; names the metrics that differ in it."""
    shown: dict[tuple[Any, ...], list[str]] = {}
    for entry in entries:
        unit = "images" if "n_images" in entry else "sentences"
        names = shown.setdefault((entry[f"n_{unit}"], entry["split"], unit, entry["n_replicates"]), [])
        names.append(metrics[entry["metric"]].header)
    texts = []
    for (n, split, unit, replicates), names in sorted(shown.items()):
        of = f"{', '.join(dict.fromkeys(names))}: " if len(shown) > 1 else ""
        texts.append(f"{of}{n} {split} {unit}, {replicates} replicates")
    return "; ".join(texts) + "."


def notes(collected: Mapping[str, Any], units: str, paired: bool) -> tuple[Note, ...]:
    """Notes that explain the differences; `paired`: of seeds that both rows have."""
    if not comparisons(collected):
        return (Note(NONE_AT_ALL),)
    return (Note(DEFINITION.format(units=units, seeds=PAIRED if paired else "")),)
