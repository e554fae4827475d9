"""The lines of the calibration table: which run stands beside which published row.

Amounts of smoothing are set beside the same amount only; a published amount that was not run has a line of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isclose

from entropyreg.results.published import Published
from entropyreg.tables.image_runs import Arm

AMOUNT = "smoothed_"  # '<this><amount>': rows of the replication
SMOOTHING = "smoothing"  # metric of the paper's one smoothed row


@dataclass(frozen=True)
class Line:
    """A line: `arm` None is one of published numbers only; `published_rows` by source, None for no such row."""

    arm: Arm | None
    title: str
    label: str
    name: str | None  # of the published network
    published_rows: Mapping[str, str | None]
    scaled: bool = False


def lines_of(arms: Sequence[Arm], artefact: str, published: Published) -> list[Line]:
    """Of every network: hard, hard scaled, then every amount, run or published, in ascending order."""
    groups: dict[str | None, list[Arm]] = {}
    for arm in arms:
        groups.setdefault(arm.declared("model"), []).append(arm)
    return [line for members in groups.values() for line in network_lines(members, artefact, published)]


def network_lines(members: Sequence[Arm], artefact: str, published: Published) -> list[Line]:
    title = members[0].declared("model_title") or "-"
    name = next((arm.declared("published_as") for arm in members if arm.declared("published_as")), None)
    lines = []
    for arm in (one for one in members if one.row == "hard"):
        lines.append(Line(arm, title, "hard", name, dict.fromkeys(("B", "ReScience"), "hard")))
        lines.append(Line(arm, title, "hard, scaled", name, dict.fromkeys(("B", "ReScience"), "hard_scaled"), True))
    known = published_amounts(artefact, name, published)
    smoothed: list[tuple[float, Line]] = []
    for arm in (one for one in members if one.row == "smoothed"):
        amount = arm.declared(SMOOTHING) or 0.0
        rows = {source: row_of(amount, amounts) for source, amounts in known.items()}
        smoothed.append((amount, Line(arm, title, label_of(amount, arm), name, rows)))
    run = [amount for amount, _ in smoothed]
    for amount in sorted({amount for amounts in known.values() for amount in amounts}):
        if not any(isclose(amount, one) for one in run):
            rows = {source: row_of(amount, amounts) for source, amounts in known.items()}
            smoothed.append((amount, Line(None, title, f"smoothed {amount:.3g}, not run", name, rows)))
    return lines + [line for _, line in sorted(smoothed, key=lambda item: item[0])]


def label_of(amount: float, arm: Arm) -> str:
    """'smoothed 0.1'; with a choice between several, which of them was chosen."""
    label = f"smoothed {amount:.3g}" if amount else "smoothed"
    return f"{label}, chosen" if arm.declared("selected") else label


def row_of(amount: float, amounts: Mapping[float, str]) -> str | None:
    return next((row for one, row in amounts.items() if isclose(one, amount)), None)


def published_amounts(artefact: str, name: str | None, published: Published) -> dict[str, dict[float, str]]:
    """Row of each published amount of smoothing, by source."""
    found: dict[str, dict[float, str]] = {"B": {}, "ReScience": {}}
    amount = published.find("B", artefact, "smoothed", name, SMOOTHING)
    if amount is not None and amount.value is not None:
        found["B"][amount.value] = "smoothed"
    for source, of, row, column, _ in published.numbers:
        if (source, of, column) == ("ReScience", artefact, name) and row.startswith(AMOUNT):
            found["ReScience"][float(row.removeprefix(AMOUNT))] = row
    return found
