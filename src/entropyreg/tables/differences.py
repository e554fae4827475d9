"""Differences between the rows of a table, with intervals: the collected `comparisons` as sections and csv lines.

They are computed when runs are collected (`entropyreg.results.comparisons`); nothing here resamples.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.tables import tidy
from entropyreg.tables.formats import Cell, Footnotes, Note, Section
from entropyreg.tables.layout import Layout
from entropyreg.tables.shown import NOT_APPLICABLE, number_text, p_text

DEFINITION = (
    "[low, high]: 95 % interval of the difference by crossed bootstrap over seeds and test sentences; with n = 1 seed "
    'over sentences only, so it is about these two models, not about training. p: one-sided, of "the difference is '
    'positive"; not corrected for the number of comparisons.'
)
NO_PAIR = "no difference: the two rows have no finished runs of one seed"
NONE_AT_ALL = "Differences between rows, with intervals: none was collected."
Entry = Mapping[str, Any]


def comparisons(collected: Mapping[str, Any]) -> Sequence[Entry]:
    """Tables that were collected before there were comparisons have none."""
    return collected.get("comparisons") or ()


def sections(
    layout: Layout, collected: Mapping[str, Any], rows: Sequence[str], footnotes: Footnotes
) -> tuple[Section, ...]:
    """One section a data set, one group of columns for each row that the others are compared with."""
    entries = comparisons(collected)
    if not entries:
        return ()
    to = [row for row in rows if any(entry["to"] == row for entry in entries)]
    metrics = list(dict.fromkeys(entry["metric"] for entry in entries))
    headers = {quantity.key: quantity.header for quantity in layout.quantities}
    found = {(e["column"], e["row"], e["to"], e["metric"]): e for e in entries}
    made = []
    for column in collected["columns"]:
        task = column["task"]
        lines = [
            (
                layout.row(row).label,
                *(cell(found.get((task, row, t, m)), row == t, footnotes) for t in to for m in metrics),
            )
            for row in rows
        ]
        made.append(
            Section(
                title=f"{column['title']}: differences with 95 % intervals",
                text=sizes_text([entry for entry in entries if entry["column"] == task], layout.split),
                groups=(("", 1), *((f"minus {layout.row(row).label.text}:", len(metrics)) for row in to)),
                headers=(Cell("regularizer"), *(headers.get(m, Cell(m)) for _ in to for m in metrics)),
                rows=tuple(lines),
            )
        )
    return tuple(made)


def cell(entry: Entry | None, same: bool, footnotes: Footnotes, form: str = "+.1f") -> Cell:
    """'+1.4 [-0.2, +2.9], p = 0.041 (n = 2)'."""
    if same:
        return NOT_APPLICABLE
    if entry is None:
        return Cell("n/a", (footnotes.mark(NO_PAIR),))
    low, high = (number_text(entry[bound], form) for bound in ("low", "high"))
    difference = number_text(entry["difference"], form)
    return Cell(f"{difference} [{low}, {high}], {p_text(entry['p_value'])} (n = {entry['n_seeds']})")


def sizes_text(entries: Sequence[Entry], split: str) -> str:
    """What was resampled how often."""
    sizes = sorted({(entry["n_sentences"], entry["n_replicates"]) for entry in entries})
    return "; ".join(f"{sentences} {split} sentences, {n} replicates" for sentences, n in sizes) + "." * bool(sizes)


def notes(collected: Mapping[str, Any]) -> tuple[Note, ...]:
    return (Note(DEFINITION if comparisons(collected) else NONE_AT_ALL),)


def csv_lines(layout: Layout, collected: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """One csv line a comparison: the quantity is '<metric>_difference'."""
    columns = {column["task"]: column for column in collected["columns"]}
    units = {quantity.key: quantity.unit for quantity in layout.quantities}
    return [
        tidy.line(
            collected,
            columns[entry["column"]],
            row=entry["row"],
            quantity=f"{entry['metric']}_difference",
            unit=units.get(entry["metric"]),
            compared_with=entry["to"],
            mean=entry["difference"],
            status="done",
            **{key: entry[key] for key in ("low", "high", "p_value", "n_seeds")},
        )
        for entry in comparisons(collected)
    ]
