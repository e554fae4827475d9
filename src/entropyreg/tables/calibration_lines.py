"""The lines of the calibration table: which run stands beside which published row.

Amounts of smoothing are set beside the same amount only; a published amount that was not run has a line of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isclose

from entropyreg.results.published import Published
from entropyreg.tables import beside
from entropyreg.tables.formats import Cell, Footnotes
from entropyreg.tables.image_layout import SOURCES
from entropyreg.tables.image_runs import Arm
from entropyreg.tables.shown import NOT_APPLICABLE

AMOUNT = "smoothed_"  # '<this><amount>': rows of the replication
SMOOTHING = "smoothing"  # metric of the paper's one smoothed row


Names = Mapping[str, str | None]  # by source; None: nothing stands beside


@dataclass(frozen=True)
class Line:
    """A line: `arm` None is one of published numbers only; `published_rows` by source, None for no such row."""

    arm: Arm | None
    title: str
    label: str
    names: Names  # of the published network
    published_rows: Mapping[str, str | None]
    scaled: bool = False


def lines_of(arms: Sequence[Arm], artefact: str, published: Published) -> list[Line]:
    """Of every network: hard, hard scaled, then every amount, run or published, in ascending order."""
    groups: dict[str | None, list[Arm]] = {}
    for arm in arms:
        groups.setdefault(arm.declared("model"), []).append(arm)
    lines = []
    for members in groups.values():
        name = next((arm.declared("published_as") for arm in members if arm.declared("published_as")), None)
        lines += network_lines(members, dict.fromkeys(SOURCES, name), artefact, published)
    return lines


def network_lines(members: Sequence[Arm], names: Names, artefact: str, published: Published) -> list[Line]:
    """The lines of one network, which stands beside the published networks `names`."""
    title = members[0].declared("model_title") or "-"
    lines = []
    for arm in (one for one in members if one.row == "hard"):
        lines.append(Line(arm, title, "hard", names, dict.fromkeys(SOURCES, "hard")))
        lines.append(Line(arm, title, "hard, scaled", names, dict.fromkeys(SOURCES, "hard_scaled"), True))
    known = published_amounts(artefact, names, published)
    smoothed: list[tuple[float, Line]] = []
    for arm in (one for one in members if one.row == "smoothed"):
        amount = arm.declared(SMOOTHING) or 0.0
        rows = {source: row_of(amount, amounts) for source, amounts in known.items()}
        smoothed.append((amount, Line(arm, title, label_of(amount, arm), names, rows)))
    run = [amount for amount, _ in smoothed]
    for amount in sorted({amount for amounts in known.values() for amount in amounts}):
        if not any(isclose(amount, one) for one in run):
            rows = {source: row_of(amount, amounts) for source, amounts in known.items()}
            smoothed.append((amount, Line(None, title, f"smoothed {amount:.3g}, not run", names, rows)))
    return lines + [line for _, line in sorted(smoothed, key=lambda item: item[0])]


def label_of(amount: float, arm: Arm) -> str:
    """'smoothed 0.1'; with a choice between several, which of them was chosen."""
    label = f"smoothed {amount:.3g}" if amount else "smoothed"
    return f"{label}, chosen" if arm.declared("selected") else label


def row_of(amount: float, amounts: Mapping[float, str]) -> str | None:
    return next((row for one, row in amounts.items() if isclose(one, amount)), None)


def published_amounts(artefact: str, names: Names, published: Published) -> dict[str, dict[float, str]]:
    """Row of each published amount of smoothing, by source."""
    found: dict[str, dict[float, str]] = {source: {} for source in SOURCES}
    amount = published.find("B", artefact, "smoothed", names["B"], SMOOTHING)
    if amount is not None and amount.value is not None:
        found["B"][amount.value] = "smoothed"
    for source, of, row, column, _ in published.numbers:
        if (source, of, column) == ("ReScience", artefact, names["ReScience"]) and row.startswith(AMOUNT):
            found["ReScience"][float(row.removeprefix(AMOUNT))] = row
    return found


def beside_cells(artefact: str, line: Line, published: Published, footnotes: Footnotes) -> list[Cell]:
    """ECE and temperature of the published row beside a line, of each source."""
    cells = []
    for source in SOURCES:
        row, name = line.published_rows[source], line.names[source]
        known = row is not None and name is not None
        ece = beside.cell(published, (source, artefact, row, name, "ece"), footnotes) if known else None
        divider = Cell("1") if known and published.find(source, artefact, row, name, "ece") else NOT_APPLICABLE
        if known and line.scaled:
            divider = beside.cell(published, (source, artefact, row, name, "temperature"), footnotes)
        cells += [ece or NOT_APPLICABLE, divider]
    return cells
