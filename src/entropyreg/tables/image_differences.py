"""Differences between the rows of a table of image runs: the collected `comparisons` as one section a task.

They are computed when runs are collected (`entropyreg.results.image_comparisons`); nothing here resamples.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.tables.formats import Cell, Footnotes, Note, Section
from entropyreg.tables.image_layout import ImageLayout
from entropyreg.tables.image_runs import Arm, Collected
from entropyreg.tables.shown import NOT_APPLICABLE, number_text, p_text

DEFINITION = (
    "Differences: the row minus the other. [low, high]: 95 % interval by crossed bootstrap over seeds and images; with "
    'n = 1 seed over images only, so it is about these networks, not about training. p: one-sided, of "the difference '
    'is positive"; not corrected for the number of comparisons.'
)
NO_PAIR = "no difference: the two rows have no finished runs that are compared"
NONE_AT_ALL = "Differences between rows, with intervals: none was collected."
Entry = Mapping[str, Any]


def sections(
    layout: ImageLayout, collected: Collected, arms: Mapping[str, Sequence[Arm]], footnotes: Footnotes
) -> list[Section]:
    """One section for each task with a comparison; a line for each row and model, without rows that have none."""
    made = []
    for column in collected["columns"]:
        entries = [entry for entry in collected["comparisons"] if entry["column"] == column["task"]]
        if entries:
            made.append(section(layout, column["title"], entries, arms[column["task"]], footnotes))
    return made


def section(
    layout: ImageLayout, title: str, entries: Sequence[Entry], arms: Sequence[Arm], footnotes: Footnotes
) -> Section:
    to = [row for row in layout.rows if any(entry["to"] == row for entry in entries)]
    metrics = list(dict.fromkeys(entry["metric"] for entry in entries))
    found = {(e["row"], e["model"], e["to"], e["metric"]): e for e in entries}
    chosen = sorted((arm for arm in arms if arm.chosen), key=lambda arm: list(layout.rows).index(arm.row))
    names = {(arm.row, arm.declared("model")): arm.declared("model_title") or "-" for arm in chosen}
    lines = []
    for (row, model), name in names.items():
        cells = [cell(layout, found.get((row, model, t, m)), row == t, footnotes) for t in to for m in metrics]
        if any(one != NOT_APPLICABLE for one in cells):
            lines.append((Cell(layout.rows[row]), Cell(name), *cells))
    sizes = sorted({(entry["n_images"], entry["split"], entry["n_replicates"]) for entry in entries})
    return Section(
        title=f"{title}: differences with 95 % intervals",
        text="; ".join(f"{images} {split} images, {n} replicates" for images, split, n in sizes) + ".",
        groups=(("", 2), *((f"minus {layout.rows[row]}:", len(metrics)) for row in to)),
        headers=(Cell("row"), Cell("network"), *(Cell(layout.differences[m][0]) for _ in to for m in metrics)),
        rows=tuple(lines),
    )


def cell(layout: ImageLayout, entry: Entry | None, same: bool, footnotes: Footnotes) -> Cell:
    """'+1.40 [-0.20, +2.90], p = 0.041 (n = 5)'; of unequal numbers of seeds '(n = 5 and 3)'."""
    if same:
        return NOT_APPLICABLE
    if entry is None:
        return Cell("n/a", (footnotes.mark(NO_PAIR),))
    _, form, factor = layout.differences[entry["metric"]]
    difference, low, high = (number_text(factor * entry[key], form) for key in ("difference", "low", "high"))
    seeds = " and ".join(map(str, dict.fromkeys(entry["n_seeds"])))
    return Cell(f"{difference} [{low}, {high}], {p_text(entry['p_value'])} (n = {seeds})")


def notes(collected: Collected) -> tuple[Note, ...]:
    return (Note(DEFINITION if collected["comparisons"] else NONE_AT_ALL),)
