"""A table by regularizer and data set, reproduced beside published: what the tables of paper A have in common.

A gain is the mean over seeds of a measure minus that of the unregularized run of the same seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from entropyreg.rendering.published import Published, published_numbers
from entropyreg.rendering.tables import differences, remarks, tidy
from entropyreg.rendering.tables.aggregate import Value
from entropyreg.rendering.tables.beside import ANOTHER, published_title
from entropyreg.rendering.tables.cells import Beside, Entry, block
from entropyreg.rendering.tables.collected import scale_line
from entropyreg.rendering.tables.differences import Metric
from entropyreg.rendering.tables.formats import Cell, Section, Table
from entropyreg.rendering.tables.layout import FURTHER, MAIN, Layout, Measured
from entropyreg.rendering.tables.legend import OTHER_TASK, Legend
from entropyreg.rendering.tables.runs import Arm, Column, at, cells_of_rows

SIZES = ("n_sentences", "n_tokens", "vocabulary_size", "filler_entries")


@dataclass(frozen=True)
class Content:
    """What the cells of one table are made from."""

    layout: Layout
    collected: Mapping[str, Any]
    published: Published
    arms: Mapping[tuple[str, str], Arm]
    legend: Legend = field(default_factory=Legend)

    def rows(self, column: Column) -> list[str]:
        """The paper's rows, then others that were collected of this column."""
        return list(dict.fromkeys([*self.layout.rows, *(row for row, task in self.arms if task == column["task"])]))

    def arm(self, row: str, column: Column) -> Arm:
        return self.arms.get((row, column["task"])) or Arm(column["task"], row)

    def value(self, row: str, column: Column, quantity: Measured) -> Value:
        """The reproduced value of one quantity in one cell."""
        arm, base = self.arm(row, column), self.base(row, column)
        if row in self.layout.references or (quantity.key == "skew" and not self.layout.row(row).has_skew):
            return Value()
        if quantity.declared:
            return arm.setting(quantity.key)
        if quantity.is_gain:
            return Value() if base is None else self.gain(arm, base, column, quantity)
        return arm.value(quantity.path)

    def base(self, row: str, column: Column) -> str | None:
        """The unregularized row that gains are taken to: of a row that the layout does not list, that of its model."""
        if row in self.layout.rows:
            return self.layout.rows[row].base
        model = self.arm(row, column).declared("model")
        plain = [name for name, one in self.layout.rows.items() if one.base is None]
        return next((name for name in plain if self.arm(name, column).declared("model") == model), None)

    def gain(self, arm: Arm, base: str, column: Column, quantity: Measured) -> Value:
        """The measure minus that of `base`; of one seed, with the interval of their collected comparison."""
        key = {"column": column["task"], "row": arm.row, "to": base, "metric": quantity.measure[-1]}
        found = [one for one in differences.comparisons(self.collected) if key.items() <= one.items()]
        interval = (found[0]["low"], found[0]["high"]) if found and found[0]["n_seeds"] == 1 else None
        return arm.minus(self.arm(base, column), quantity.measure).of_one_seed(interval)

    def beside(self, row: str, column: Column, quantity: Measured) -> tuple[Beside, ...]:
        """What is published on the cell, where the column stands beside a published data set."""
        name, layout = column.get("published_as"), self.layout
        if name is None or not quantity.published:
            return ()
        number = self.published.find(layout.paper, layout.name, row, name, quantity.key)
        own = layout.row(row)
        applies = own.base is not None if quantity.is_gain else own.has_skew or quantity.key != "skew"
        if row in layout.references or quantity.key == "smoothing":
            applies = number is not None
        return (Beside(layout.paper, number, "" if name == column["task"] else OTHER_TASK, applies),)

    def entries(self, row: str, column: Column, quantities: Sequence[Measured]) -> list[Entry]:
        return [Entry(q, self.value(row, column, q), self.beside(row, column, q)) for q in quantities]

    def references(self, column: Column) -> list[str]:
        """Rows that only the published list has, for this column."""
        return [
            row
            for row in self.layout.references
            if any(one.number for q in self.layout.quantities for one in self.beside(row, column, q))
        ]

    def label(self, row: str) -> Cell:
        return self.layout.references.get(row) or self.layout.row(row).label


def build(layout: Layout, collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    content = Content(layout, collected, published or published_numbers(), cells_of_rows(collected["rows"]))
    columns = collected["columns"]
    sections = [main_section(content, column) for column in columns]
    sections += [further_section(content, column) for column in columns if layout.further]
    titles = {row: layout.row(row).label.text for column in columns for row in content.rows(column)}
    metrics = {one.key: Metric(one.header.text, "+.1f", 1.0, one.unit) for one in layout.quantities}
    for column in columns:
        names = [((layout.row(row).label,), row, None) for row in content.rows(column)]
        sections += differences.section(collected, column, ["regularizer"], names, titles, metrics, content.legend)
    return Table(
        name=layout.name,
        title=layout.title,
        banner=scale_line(collected),
        sections=tuple(sections),
        notes=(*content.legend.notes(), *remarks.remarks(layout, collected, content.published)),
        tidy_header=tidy.HEADER,
        tidy_rows=(
            *csv_lines(content),
            *tidy.compared(collected, metrics),
        ),
    )


def main_section(content: Content, column: Column) -> Section:
    """One data set's part of the table; without a published counterpart it has no published columns."""
    layout = content.layout
    lines = []
    for row in [*content.rows(column), *content.references(column)]:
        model = (Cell(content.arm(row, column).declared("model") or "-"),) if layout.show_model else ()
        lines.append(((content.label(row), *model), content.entries(row, column, layout.shown(MAIN))))
    return block(
        section_title(column, content.published),
        sizes_text(content, column),
        ["regularizer", "model"][: 1 + layout.show_model],
        lines,
        content.legend,
    )


def further_section(content: Content, column: Column) -> Section:
    """What nothing is published on: BLEU of text, entropy under every other conditioning."""
    quantities = content.layout.shown(FURTHER)
    lines = [((content.label(row),), content.entries(row, column, quantities)) for row in content.rows(column)]
    return block(f"{column['title']}: {content.layout.further}", "", ["regularizer"], lines, content.legend)


def section_title(column: Column, published: Published) -> str:
    """Says what the data set is set beside; raises `UserError` for a published data set that is not in the list."""
    name, task = column.get("published_as"), column["task"]
    if name is None:
        return f"{column['title']} (nothing is published on it)"
    title = f"{column['title']}, beside published {published_title(task, name, published)}"
    return title if name == task else title + ANOTHER


def sizes_text(content: Content, column: Column) -> str:
    """Size of the split and of the vocabulary."""
    split = content.layout.split
    runs = [
        run for row in content.rows(column) for run in content.arm(row, column).done if at(run["measures"], (split,))
    ]
    sizes = sorted({tuple(run["measures"][split][key] for key in SIZES) for run in runs})
    text = "; ".join(
        f"{sentences} sentences, {tokens} tokens, V = {v} ({filler} of them padding, start of sentence or filler)"
        for sentences, tokens, v, filler in sizes
    )
    return f"Reproduced: {split} set of {text}." if text else "Reproduced: no finished run."


def csv_lines(content: Content) -> list[tuple[Any, ...]]:
    """Every quantity of every cell, and the published numbers that stand beside none."""
    lines, shown, layout = [], [], content.layout
    for column in content.collected["columns"]:
        for row in [*content.rows(column), *content.references(column)]:
            named = content.arm(row, column).named
            for quantity in layout.quantities:
                entries = content.entries(row, column, [quantity])
                beside = entries[0].beside
                if row in layout.references and not any(one.number for one in beside):
                    continue
                shown += beside
                signature = signatures_of(content.arm(row, column), quantity)
                lines += tidy.lines_of(
                    content.collected, column, entries, content.published, **named, signature=signature
                )
    return lines + tidy.rest(content.collected, content.published, layout.name, [layout.paper], shown)


def signatures_of(arm: Arm, quantity: Measured) -> str:
    """The settings of a metric, over the finished runs."""
    found = {at(run["measures"], (*quantity.path[:-1], quantity.signature)) for run in arm.done}
    return " ".join(sorted(one for one in found if one)) if quantity.signature else ""
