"""A table of image runs: what the tables of paper B have in common, around the sections that each of them defines."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from entropyreg.results.published import Published, published_numbers
from entropyreg.tables import beside, image_differences, image_tidy
from entropyreg.tables.collected import missing_text, scale_line
from entropyreg.tables.formats import Footnotes, Note, Section, Table
from entropyreg.tables.image_layout import ImageLayout
from entropyreg.tables.image_runs import Arm, Collected, arms, at

Column = Mapping[str, Any]
Sections = Callable[[Column, Sequence[Arm], Published, Footnotes], list[Section]]
MoreLines = Callable[[Collected, Column, Sequence[Arm]], list[dict[str, Any]]]
SPLITS = ("train", "valid", "test")


class Further(NamedTuple):
    """What a table shows beside its image runs: sections, csv lines and definitions."""

    sections: list[Section]
    lines: list[dict[str, Any]]
    definitions: tuple[str, ...]


NOTHING = Further([], [], ())


def build(
    layout: ImageLayout,
    collected: Collected,
    published: Published | None,
    sections: Sections,
    more_lines: MoreLines = lambda *_: [],
    further: Callable[[Published, Footnotes], Further] = lambda *_: NOTHING,
) -> Table:
    """The table of a collected table's content (pure); `sections` makes those of one task, `further` what follows."""
    published, footnotes = published or published_numbers(), Footnotes()
    columns = collected["columns"]
    found = {column["task"]: arms(collected, column["task"], tuple(layout.rows)) for column in columns}
    made, lines = [], []
    for column in columns:
        own = found[column["task"]]
        made += sections(column, own, published, footnotes)
        lines += image_tidy.measured(collected, column, own, layout.measures) + more_lines(collected, column, own)
    made += image_differences.sections(layout, collected, found, footnotes)
    beside_images = further(published, footnotes)
    made += beside_images.sections
    lines += beside_images.lines
    lines += image_tidy.compared(collected) + image_tidy.published_lines(collected, layout.name, published)
    compared = () if beside_images.sections and not collected["comparisons"] else image_differences.notes(collected)
    texts = tuple(Note(text) for text in (*layout.definitions, *beside_images.definitions))
    shown = [*layout.beside, *(run.get("published_as") for run in collected["rows"])]
    return Table(
        name=layout.name,
        title=layout.title,
        banner=scale_line(collected),
        sections=tuple(made),
        notes=(
            *footnotes.notes(),
            *texts,
            *compared,
            *beside.notes(layout.name, published, shown),
        ),
        tidy_header=image_tidy.HEADER,
        tidy_rows=image_tidy.lines(lines),
    )


def sizes_text(own: Sequence[Arm]) -> str:
    """'valid: 1000 images, test: 2000 images; 2 of 10 networks missing (failed: 2)': one network a seed."""
    runs = [run for arm in own for run in arm.runs]
    done = [run for run in runs if run["status"] == "done"]
    sizes = []
    for split in SPLITS:
        counts = sorted({n for run in done if (n := at(run["measures"], ("scores", split, "n_images")))})
        sizes += [f"{split}: {' or '.join(map(str, counts))} images"] if counts else []
    return "; ".join(text for text in (", ".join(sizes) or "no finished run", missing_text(runs, "network")) if text)
