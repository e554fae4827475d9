"""A table of paper B: what its tables of image and of translation runs have in common, around their own sections."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from entropyreg.rendering.published import Published, published_numbers
from entropyreg.rendering.tables import beside, differences, tidy
from entropyreg.rendering.tables.cells import Beside, Entry
from entropyreg.rendering.tables.collected import missing_text, scale_line
from entropyreg.rendering.tables.formats import Cell, Note, Section, Table
from entropyreg.rendering.tables.image_layout import ImageLayout
from entropyreg.rendering.tables.legend import Legend
from entropyreg.rendering.tables.runs import Arm, Collected, Column, arms, at

SPLITS = ("train", "valid", "test")


class Parts(NamedTuple):
    """What the runs of a task give: sections, entries of the csv with what names them, and definitions."""

    sections: list[Section]
    entries: list[tuple[Mapping[str, Any], Sequence[Entry]]]

    @property
    def beside(self) -> list[Beside]:
        return [one for _, entries in self.entries for entry in entries for one in entry.beside]


class Further(NamedTuple):
    """What a table shows beside its image runs: sections, csv lines, what stands beside them, and definitions."""

    sections: list[Section]
    lines: list[tidy.Line]
    beside: list[Beside]
    definitions: tuple[str, ...]


Make = Callable[[Column, Sequence[Arm], Published, Legend], Parts]
NOTHING = Further([], [], [], ())


def build(
    layout: ImageLayout,
    collected: Collected,
    published: Published | None,
    make: Make,
    further: Callable[[Published, Legend], Further] = lambda *_: NOTHING,
) -> Table:
    """The table of a collected table's content (pure); `make` gives what one task shows, `further` what follows.

    Every measure of the layout that an entry does not have already is in the csv too.
    """
    published, legend = published or published_numbers(), Legend()
    columns = collected["columns"]
    found = {column["task"]: arms(collected, column["task"], tuple(layout.rows)) for column in columns}
    sections, lines, shown = [], [], []
    for column in columns:
        own = found[column["task"]]
        parts = make(column, own, published, legend)
        sections += parts.sections
        shown += parts.beside
        for named, entries in [*parts.entries, *remaining(parts, own, layout.measures)]:
            lines += tidy.lines_of(collected, column, entries, published, **named)
    for column in columns:
        sections += difference_section(layout, collected, column, found[column["task"]], legend)
    more = further(published, legend)
    lines += [*more.lines, *tidy.compared(collected, layout.differences)]
    lines += tidy.rest(collected, published, layout.name, beside.OF_B, [*shown, *more.beside])
    told = differences.comparisons(collected) or not more.sections
    names = [*layout.beside, *(run.get("published_as") for run in collected["rows"])]
    return Table(
        name=layout.name,
        title=layout.title,
        banner=scale_line(collected),
        sections=(*sections, *more.sections),
        notes=(
            *legend.notes(),
            *map(Note, (*layout.definitions, *more.definitions)),
            *(differences.notes(collected, "images", paired=False) if told else ()),
            *beside.notes(layout.name, published, names),
        ),
        tidy_header=tidy.HEADER,
        tidy_rows=tuple(lines),
    )


def remaining(parts: Parts, own: Sequence[Arm], measures: Sequence[Any]) -> list[tuple[Mapping[str, Any], list[Entry]]]:
    """The measures of each run that stand in no section."""
    known = {(named["row"], named["run"], entry.quantity.path) for named, entries in parts.entries for entry in entries}
    return [
        (arm.named, [arm.entry(one) for one in measures if (arm.row, arm.named["run"], one.path) not in known])
        for arm in own
    ]


def difference_section(
    layout: ImageLayout, collected: Collected, column: Column, own: Sequence[Arm], legend: Legend
) -> list[Section]:
    """A line for each row and model, of the runs that were chosen and of the rows that are compared."""
    chosen = [arm for arm in own if arm.chosen and (not layout.compared or arm.row in layout.compared)]
    chosen = in_rows(chosen, layout.rows)
    names = {
        (arm.row, arm.declared("model")): (Cell(layout.row(arm.row)), Cell(arm.declared("model_title") or "-"))
        for arm in chosen
    }
    lines = [(cells, row, model) for (row, model), cells in names.items()]
    return differences.section(collected, column, ["row", "network"], lines, layout.rows, layout.differences, legend)


def in_rows(own: Sequence[Arm], rows: Iterable[str]) -> list[Arm]:
    """The lines in the order of `rows`, and then those of other rows."""
    order = {row: position for position, row in enumerate(rows)}
    return sorted(own, key=lambda arm: order.get(arm.row, len(order)))


def sizes_text(own: Sequence[Arm]) -> str:
    """'valid: 1000 images, test: 2000 images; 2 of 10 networks missing (failed: 2)': one network a seed."""
    runs = [run for arm in own for run in arm.runs]
    done = [run for run in runs if run["status"] == "done"]
    sizes = []
    for split in SPLITS:
        counts = sorted({n for run in done if (n := at(run["measures"], ("scores", split, "n_images")))})
        sizes += [f"{split}: {' or '.join(map(str, counts))} images"] if counts else []
    return "; ".join(text for text in (", ".join(sizes) or "no finished run", missing_text(runs, "network")) if text)
