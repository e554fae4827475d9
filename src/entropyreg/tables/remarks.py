"""The lines under a table by regularizer and data set: definitions, signatures, what is to be known of the sources."""

from collections.abc import Mapping
from typing import Any

from entropyreg.results.published import Published
from entropyreg.tables import differences
from entropyreg.tables.aggregate import Run, decoded
from entropyreg.tables.formats import Note
from entropyreg.tables.layout import Layout

TRANSLATION = "a_table_translation"  # the only table whose published skews and strengths are known


def remarks(layout: Layout, collected: Mapping[str, Any], published: Published) -> tuple[Note, ...]:
    """All notes but the footnotes of cells."""
    return (
        *untuned_note(layout, collected, published),
        *(Note(text) for text in layout.definitions),
        *differences.notes(collected),
        *signatures(layout, collected),
        *source_notes(layout, collected, published),
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
    runs = [run["measures"][layout.split] for run in collected["rows"] if decoded(run, layout.split)]
    labels: dict[str, list[str]] = {}
    for quantity in layout.main:
        if quantity.signature and not quantity.is_gain:
            labels.setdefault(quantity.signature, []).append(quantity.header.text)
    return tuple(
        Note(f"{', '.join(names)}, signature:", code=signature)
        for key, names in labels.items()
        for signature in sorted({measures.get(key) or "unknown" for measures in runs})
    )


def source_notes(layout: Layout, collected: Mapping[str, Any], published: Published) -> tuple[Note, ...]:
    """Where published numbers were read, remarks on them, and which have no counterpart here."""
    key = (layout.paper, layout.name)
    texts = []
    certainties = sorted({n.certainty for n in published.numbers.values() if (n.paper, n.artefact) == key})
    if certainties:
        texts.append(f"Where the published numbers were read: {', '.join(certainties)}.")
    texts += published.notes.get(key, ())
    shown_beside = {column.get("published_as") for column in collected["columns"]}
    absent = [published.data_sets[name] for name in published.columns(*key) if name not in shown_beside]
    if absent:
        texts.append(f"Published, without a counterpart at this scale: {', '.join(absent)}.")
    return tuple(Note(text) for text in texts)
