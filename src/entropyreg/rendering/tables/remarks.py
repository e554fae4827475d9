"""The lines under a table by regularizer and data set: definitions, signatures, what is to be known of the sources."""

from collections.abc import Iterator, Mapping
from typing import Any

from entropyreg.rendering.published import Published
from entropyreg.rendering.tables import beside, differences
from entropyreg.rendering.tables.aggregate import Run
from entropyreg.rendering.tables.formats import Note
from entropyreg.rendering.tables.layout import Layout

WINNER = "-winner/"  # in the name of a run whose regularizer a search on this data chose
TRANSLATION = "a_table_translation"  # the only table whose published skews and strengths are known


def remarks(layout: Layout, collected: Mapping[str, Any], published: Published) -> tuple[Note, ...]:
    """All notes but those of cells."""
    shown = [column.get("published_as") for column in collected["columns"]]
    return (
        *untuned_notes(layout, collected, published),
        *(Note(text) for text in layout.definitions),
        *differences.notes(collected, f"{layout.split} sentences", paired=True),
        *signatures(layout, collected),
        *beside.notes(layout.name, published, shown, (layout.paper,)),
    )


def untuned_notes(layout: Layout, collected: Mapping[str, Any], published: Published) -> Iterator[Note]:
    """Says which of the paper's tuned rows were not tuned on this data: run as published, or as declared here."""
    runs = [run for run in collected["rows"] if run["row"] in layout.tuned and run["run"]]
    runs = [run for run in runs if WINNER not in run["run"]]
    theirs = [run["row"] for run in runs if as_published(run, layout.paper, published)]
    ours = [run["row"] for run in runs if run["row"] not in theirs]
    source = "" if layout.name == TRANSLATION else " of translation"
    for rows, strength in (
        (theirs, f"Run with the published skew and strength{source}, not tuned on this data"),
        (ours, "Run with a strength declared for this scale, neither the published one nor tuned on this data"),
    ):
        if rows:
            yield Note(f"{strength}: {', '.join(layout.rows[row].label.text for row in layout.tuned if row in rows)}.")


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
