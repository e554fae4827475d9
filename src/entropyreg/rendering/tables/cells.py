"""The one form of a cell in every table: reproduced mean [low, high] (seeds), published value, their difference.

    difference = reproduced - published, in the unit of the published number

It is taken only where the task is the published one. Whatever a cell lacks, a word says why (`legend`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from entropyreg.rendering.published import PublishedNumber
from entropyreg.rendering.tables.aggregate import SETTING, Value
from entropyreg.rendering.tables.formats import Cell, Section
from entropyreg.rendering.tables.legend import DOES_NOT_APPLY, NEEDS_SEEDS, NOT_AVAILABLE, Legend

SOURCES = {"A": "published", "B": "paper", "ReScience": "replication"}  # of published numbers, by the key `paper`
NOT_APPLICABLE = Cell("-")


@dataclass(frozen=True)
class Quantity:
    """What a column shows: `path` leads to it in a run's measures, `factor` brings it to `unit` as it is printed.

    What is `declared` is not reproduced, so there is no column of differences.
    """

    path: tuple[str, ...]
    header: Cell
    unit: str
    form: str
    factor: float = 1.0
    declared: bool = False

    @property
    def key(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True)
class Beside:
    """What a source publishes on a cell: `number` None is not available; `reason`: why no difference is taken.

    `applies` False: the source has no such cell. `error` is the number after a plus-minus.
    """

    source: str
    number: PublishedNumber | None = None
    reason: str = ""
    applies: bool = True
    error: PublishedNumber | None = None

    @property
    def value(self) -> float | None:
        return self.number.value if self.number else None

    def difference(self, value: Value) -> tuple[float | None, str]:
        """Reproduced minus published, or None and why; None and '' where no difference applies."""
        if not self.applies or (value.mean is None and not value.reason):
            return None, ""
        if self.value is None:
            return None, NOT_AVAILABLE
        if value.mean is None:
            return None, value.reason
        return (None, self.reason) if self.reason else (value.mean - self.value, "")


@dataclass(frozen=True)
class Entry:
    """One cell: a quantity, its value in the unit that is printed, and what is published on it.

    `remark` is a footnote of the reproduced value.
    """

    quantity: Quantity
    value: Value
    beside: tuple[Beside, ...] = ()
    remark: str = ""


Line = tuple[tuple[Cell, ...], Sequence[Entry]]  # what names the line, and its cells


def block(title: str, text: str, labels: Sequence[str], lines: Sequence[Line], legend: Legend) -> Section:
    """A section of lines that have the same quantities, each with its published numbers and differences."""
    groups, headers = [("", len(labels))], [Cell(label) for label in labels]
    for entry in lines[0][1] if lines else ():
        own = headers_of(entry)
        groups.append((entry.quantity.header.text if entry.beside else "", len(own)))
        headers += own
    return Section(
        title=title,
        text=text,
        groups=tuple(groups),
        headers=tuple(headers),
        rows=tuple(
            (*names, *(one for entry in entries for one in cells_of(entry, legend))) for names, entries in lines
        ),
    )


def headers_of(entry: Entry) -> list[Cell]:
    """'reproduced', 'paper', 'difference'; with two sources the differences name theirs."""
    if not entry.beside:
        return [entry.quantity.header]
    names = ["reproduced"]
    for one in entry.beside:
        title = SOURCES[one.source]
        names.append(title)
        if not entry.quantity.declared:
            names.append("difference" if len(entry.beside) == 1 else f"minus {title}")
    return [Cell(name) for name in names]


def cells_of(entry: Entry, legend: Legend) -> list[Cell]:
    """The cells under `headers_of`."""
    cells = [reproduced(entry, legend)]
    for one in entry.beside:
        cells.append(published(one, legend))
        if not entry.quantity.declared:
            cells.append(difference(one, entry, legend))
    return cells


def reproduced(entry: Entry, legend: Legend) -> Cell:
    """'31.2 [30.2, 32.2] (3)', '31.2 [needs seeds] (1)', a word, or '-' where nothing applies."""
    value, form = entry.value, entry.quantity.form
    if value.mean is None:
        return legend.missing(value.reason or DOES_NOT_APPLY)
    marks = tuple(legend.mark(text) for text in (value.reason, entry.remark) if text)
    text = number_text(value.mean, form)
    if value.interval == SETTING:
        return Cell(text, marks)
    if value.low is None or value.high is None:
        return Cell(f"{text} [{legend.word(NEEDS_SEEDS)}] ({value.n})", marks)
    return Cell(f"{text} [{number_text(value.low, form)}, {number_text(value.high, form)}] ({value.n})", marks)


def published(one: Beside, legend: Legend) -> Cell:
    """As printed in the source: '86.8 ± 0.2'; its note in a footnote."""
    if not one.applies:
        return legend.missing(DOES_NOT_APPLY)
    if one.number is None or one.number.printed is None:
        return legend.missing(NOT_AVAILABLE)
    notes = [number.note for number in (one.number, one.error) if number and number.note]
    text = one.number.printed
    if one.error is not None:
        text += f" ± {one.error.printed or legend.word(NOT_AVAILABLE)}"
    return Cell(text, tuple(legend.mark(f"published: {note}") for note in notes))


def difference(one: Beside, entry: Entry, legend: Legend) -> Cell:
    """'+0.4', or a word."""
    found, reason = one.difference(entry.value)
    if found is None:
        return legend.missing(reason or DOES_NOT_APPLY)
    return Cell(number_text(found, f"+{entry.quantity.form.lstrip('+')}"))


def number_text(value: float, form: str) -> str:
    """The formatted number; '-0.0' and '+0.0' are '0.0'."""
    text = format(value, form)
    return text.lstrip("+-") if float(text) == 0 else text


def p_text(p_value: float) -> str:
    """'p = 0.012', 'p < 0.001'."""
    return f"p = {p_value:.3f}" if p_value >= 0.001 else "p < 0.001"
