"""A table by regularizer and data set, reproduced beside published: what the tables of paper A have in common.

Each cell is the mean over the finished seeds; with two or more, the standard deviation over seeds and their number
stand beside it. A gain is the mean over seeds of a measure minus that of the unregularized run of the same seed. A cell
without a value says why in a footnote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from entropyreg.errors import UserError
from entropyreg.results.published import Published, PublishedNumber, published_numbers
from entropyreg.tables import differences, remarks, tidy
from entropyreg.tables.aggregate import Run, Value, declared, decoded, group, mean_gain, mean_over_seeds
from entropyreg.tables.collected import scale_line
from entropyreg.tables.formats import Cell, Footnotes, Section, Table
from entropyreg.tables.layout import CONDITIONINGS, DECLARED, ENTROPY, Layout, Quantity
from entropyreg.tables.shown import NOT_APPLICABLE, shown, shown_published

Column = Mapping[str, Any]


@dataclass(frozen=True)
class Content:
    """What the cells of one table are made from."""

    layout: Layout
    collected: Mapping[str, Any]
    published: Published
    cells: Mapping[tuple[str, str], Sequence[Run]]
    footnotes: Footnotes = field(default_factory=Footnotes)

    @property
    def rows(self) -> list[str]:
        """The paper's rows, then others that were collected."""
        return list(dict.fromkeys([*self.layout.rows, *(row for row, _ in self.cells)]))

    def runs(self, row: str, column: Column) -> Sequence[Run]:
        return self.cells.get((row, column["task"]), ())

    def value(self, row: str, column: Column, quantity: Quantity) -> Value:
        """The reproduced value of one quantity in one cell."""
        runs, base = self.runs(row, column), self.layout.row(row).base
        if (quantity.key == "skew" and not self.layout.row(row).has_skew) or (quantity.is_gain and base is None):
            return Value()
        if quantity.key in DECLARED:
            return declared(runs, quantity.key)
        if quantity.is_gain:
            return mean_gain(runs, self.runs(base, column), self.layout.split, quantity.measure)
        return mean_over_seeds(runs, self.layout.split, quantity.key)

    def number(self, row: str, column: Column, quantity: Quantity) -> PublishedNumber | None:
        """The published value beside it."""
        layout = self.layout
        return self.published.find(layout.paper, layout.name, row, column.get("published_as"), quantity.key)

    def references(self, column: Column) -> list[str]:
        """Rows that only the published list has, for this column."""
        numbers = {row: [self.number(row, column, q) for q in self.layout.quantities] for row in self.layout.references}
        return [row for row, found in numbers.items() if any(found)]


def build(layout: Layout, collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    content = Content(layout, collected, published or published_numbers(), group(collected["rows"]))
    columns = collected["columns"]
    check_columns(columns, content.published)
    sections = [main_section(content, column) for column in columns]
    if layout.conditionings:
        sections += [entropy_section(content, column) for column in columns]
    sections += differences.sections(layout, collected, content.rows, content.footnotes)
    return Table(
        name=layout.name,
        title=layout.title,
        banner=scale_line(collected),
        sections=tuple(sections),
        notes=(*content.footnotes.notes(), *remarks.remarks(layout, collected, content.published)),
        tidy_header=tidy.HEADER,
        tidy_rows=(*csv_lines(content), *differences.csv_lines(layout, collected)),
    )


def check_columns(columns: Sequence[Column], published: Published) -> None:
    """Raise `UserError` for a published data set that is not in the list."""
    for column in columns:
        counterpart = column.get("published_as")
        if counterpart is not None and counterpart not in published.data_sets:
            allowed = ", ".join(published.data_sets)
            raise UserError(f"task '{column['task']}' has published_as '{counterpart}'; allowed: {allowed}.")


def main_section(content: Content, column: Column) -> Section:
    """One data set's part of the table; without a published counterpart it has no published columns."""
    layout = content.layout
    beside = layout.beside if column.get("published_as") else ()
    model = (Cell("model"),) if layout.show_model else ()
    own = (*model, *(quantity.header for quantity in layout.main))
    groups = (("", 1), ("reproduced", len(own)), ("published", len(beside)))
    return Section(
        title=section_title(column, content.published),
        text=sizes_text(content, column),
        groups=groups if beside else groups[:2],
        headers=(Cell("regularizer"), *own, *(quantity.published for quantity in beside)),
        rows=(
            *(line(content, row, column, beside) for row in content.rows),
            *(reference_line(content, row, column, beside) for row in content.references(column)),
        ),
    )


def line(content: Content, row: str, column: Column, beside: Sequence[Quantity]) -> tuple[Cell, ...]:
    """The cells of one row: label, reproduced, published."""
    layout = content.layout
    reproduced = [shown(content.value(row, column, q), q.form, content.footnotes) for q in layout.main]
    if layout.show_model:
        models = sorted({run["model"] for run in content.runs(row, column) if run["model"]})
        reproduced.insert(0, Cell(", ".join(models) or "-"))
    return layout.row(row).label, *reproduced, *(published_cell(content, row, column, q) for q in beside)


def published_cell(content: Content, row: str, column: Column, quantity: Quantity) -> Cell:
    """The published value, where the row can have one."""
    row_layout = content.layout.row(row)
    applies = row_layout.base is not None if quantity.is_gain else row_layout.has_skew or quantity.key != "skew"
    return shown_published(content.number(row, column, quantity), content.footnotes) if applies else NOT_APPLICABLE


def reference_line(content: Content, row: str, column: Column, beside: Sequence[Quantity]) -> tuple[Cell, ...]:
    """A row of published numbers from elsewhere: nothing of it is reproduced."""
    empty = [NOT_APPLICABLE] * (len(content.layout.main) + content.layout.show_model)
    numbers = [content.number(row, column, quantity) for quantity in beside]
    cells = [shown_published(number, content.footnotes) if number else NOT_APPLICABLE for number in numbers]
    return content.layout.references[row], *empty, *cells


def entropy_section(content: Content, column: Column) -> Section:
    """Entropy under every conditioning, the primary one first."""
    quantities = (ENTROPY, *CONDITIONINGS)
    return Section(
        title=f"{column['title']}: Ĥ by conditioning",
        text="",
        groups=(("", 1), ("", len(quantities))),
        headers=(Cell("regularizer"), Cell("gold prefix (primary)"), *(q.header for q in CONDITIONINGS)),
        rows=tuple(
            (
                content.layout.row(row).label,
                *(shown(content.value(row, column, q), q.form, content.footnotes) for q in quantities),
            )
            for row in content.rows
        ),
    )


def section_title(column: Column, published: Published) -> str:
    """Says what the data set is set beside."""
    counterpart = column.get("published_as")
    if counterpart is None:
        return f"{column['title']} (nothing is published on it)"
    title = f"{column['title']}, beside published {published.data_sets[counterpart]}"
    return title if counterpart == column["task"] else f"{title} (another data set: values are not to be equated)"


def sizes_text(content: Content, column: Column) -> str:
    """Size of the split and of the vocabulary."""
    runs = [run for row in content.rows for run in content.runs(row, column)]
    done = [run["measures"][content.layout.split] for run in runs if decoded(run, content.layout.split)]
    keys = ("n_sentences", "n_tokens", "vocabulary_size", "filler_entries")
    sizes = sorted({tuple(measures[key] for key in keys) for measures in done})
    text = "; ".join(
        f"{sentences} sentences, {tokens} tokens, V = {v} ({filler} of them padding, start of sentence or filler)"
        for sentences, tokens, v, filler in sizes
    )
    return f"Reproduced: {content.layout.split} set of {text}." if text else "Reproduced: no finished run."


def csv_lines(content: Content) -> list[tuple[Any, ...]]:
    """Every quantity of every cell, and the published numbers of the reference rows."""
    lines = []
    for column in content.collected["columns"]:
        for row in [*content.rows, *content.references(column)]:
            for quantity in content.layout.quantities:
                number = content.number(row, column, quantity)
                reference = row in content.layout.references
                if reference and number is None:
                    continue
                value = Value() if reference else content.value(row, column, quantity)
                where = (content.layout, content.collected, column, row, quantity, content.runs(row, column))
                lines.append(tidy.quantity_line(*where, value, number, content.published))
    return lines
