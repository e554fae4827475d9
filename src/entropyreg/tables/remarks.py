"""The lines under a table by regularizer and data set: definitions, signatures, what is to be known of the sources."""

from collections.abc import Mapping
from typing import Any

from entropyreg.results.published import Published
from entropyreg.tables import beside, differences
from entropyreg.tables.aggregate import Run
from entropyreg.tables.formats import Note
from entropyreg.tables.layout import Layout

TRANSLATION = "a_table_translation"  # the only table whose published skews and strengths are known


def remarks(layout: Layout, collected: Mapping[str, Any], published: Published) -> tuple[Note, ...]:
    """All notes but those of cells."""
    shown = [column.get("published_as") for column in collected["columns"]]
    return (
        *untuned_note(layout, collected, published),
        *(Note(text) for text in layout.definitions),
        *differences.notes(collected, f"{layout.split} sentences", paired=True),
        *signatures(layout, collected),
        *beside.notes(layout.name, published, shown, (layout.paper,)),
    )


def untuned_note(layout: Layout, collected: Mapping[str, Any], published: Published) -> tuple[Note, ...]:
    """Says which rows took their regularizer from the paper instead of being tuned on this data."""
    rows = [
        row
        for row in layout.tuned
        if any(run["row"] == row and as_published(run, layout.paper, published) for run in collected["rows"])
    ]
    if not rows:
        return ()
    source = "" if layout.name == TRANSLATION else " of translation"
    names = ", ".join(layout.rows[row].label.text for row in rows)
    return (Note(f"Run with the published skew and strength{source}, not tuned on this data: {names}."),)


def as_published(run: Run, paper: str, published: Published) -> bool:
    """Whether skew and strength are those that the paper prints in this row for one of its data sets."""
    if run["skew"] is None or run["strength"] is None:
        return False
    for data_set in published.data_sets:
        skew, strength = (published.find(paper, TRANSLATION, run["row"], data_set, key) for key in ("skew", "strength"))
        if skew and strength and (skew.value, strength.value) == (run["skew"], run["strength"]):
            return True
    return False


def signatures(layout: Layout, collected: Mapping[str, Any]) -> tuple[Note, ...]:
    """The settings of every metric that is shown."""
    done = [run["measures"].get(layout.split) for run in collected["rows"] if run["status"] == "done"]
    titles: dict[str, list[str]] = {}
    for quantity in layout.quantities:
        if quantity.signature and quantity.section and not quantity.is_gain:
            titles.setdefault(quantity.signature, []).append(quantity.header.text)
    return tuple(
        Note(f"{', '.join(names)}, signature:", code=signature)
        for key, names in titles.items()
        for signature in sorted({measures.get(key) or "unknown" for measures in done if measures})
    )
