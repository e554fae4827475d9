"""The lines of the calibration table: which run stands beside which published row.

Amounts of smoothing are set beside the same amount only; a published amount that was not run has a line of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isclose
from typing import Any

from entropyreg.rendering.published import Published
from entropyreg.rendering.tables.aggregate import Value, setting
from entropyreg.rendering.tables.beside import OF_B, beside
from entropyreg.rendering.tables.cells import Beside, Entry, Quantity
from entropyreg.rendering.tables.formats import Cell
from entropyreg.rendering.tables.runs import Arm

NAME = "b_table_calibration"
AMOUNT = "smoothed_"  # '<this><amount>': rows of the replication
SMOOTHING = "smoothing"  # metric of the paper's one smoothed row
OTHER_PART = "other part: of the published data set, not known to be its same part and direction: no difference"
NOT_RUN = "not run: no network here has this amount of smoothing"


Names = Mapping[str, str | None]  # by source; None: nothing stands beside


@dataclass(frozen=True)
class Line:
    """A line: `arm` None is one of published numbers only; `published_rows` by source, None for no such row."""

    arm: Arm | None
    title: str
    label: str
    names: Names  # of the published network
    published_rows: Mapping[str, str | None]
    task: str
    model: str | None
    scaled: bool = False

    @property
    def named(self) -> dict[str, Any]:
        """What a csv line says of it; of one that was not run, the published row."""
        if self.arm is not None:
            return self.arm.named
        return {"row": next(row for row in self.published_rows.values() if row), "model": self.model, "run": None}

    @property
    def cells(self) -> tuple[Cell, Cell]:
        return Cell(self.title), Cell(self.label)

    def beside(self, source: str, metric: str, published: Published, applies: bool = True) -> Beside:
        """What a source publishes on the line; temperatures only of lines that are scaled."""
        name = self.names[source]
        key = (source, NAME, self.published_rows[source] if applies else None, name, metric)
        found = beside(published, key, self.task)
        return replace(found, reason=OTHER_PART) if found.reason and same_text(self.task, name) else found

    def entry(
        self, quantity: Quantity, *found: Beside, remark: str = "", interval: tuple[float, float] | None = None
    ) -> Entry:
        if self.arm is None:
            return Entry(quantity, Value(reason=NOT_RUN), found)
        entry = self.arm.entry(quantity, *found, interval=interval)
        return Entry(quantity, entry.value, found, remark)

    def temperature(self, quantity: Quantity, published: Published, remark: str) -> Entry:
        """The divider of logits: fitted where the line is scaled, else 1."""
        found = [self.beside(source, "temperature", published, self.scaled) for source in OF_B]
        if self.scaled:
            return self.entry(quantity, *found, remark=remark)
        reason = NOT_RUN if self.arm is None else self.arm.missing
        value = Value(reason=reason) if reason else setting(1.0, len(self.arm.done))
        return Entry(Quantity(("temperature",), quantity.header, quantity.unit, quantity.form), value, tuple(found))


def same_text(task: str, name: str) -> bool:
    """Whether a task of translation is of the data set of a published model."""
    return task.startswith(name.removesuffix("_transformer"))


def lines_of(arms: Sequence[Arm], published: Published) -> list[Line]:
    """Of every network: hard, hard scaled, then every amount, run or published, in ascending order."""
    groups: dict[str | None, list[Arm]] = {}
    for arm in arms:
        groups.setdefault(arm.declared("model"), []).append(arm)
    lines = []
    for members in groups.values():
        name = next((arm.declared("published_as") for arm in members if arm.declared("published_as")), None)
        title = members[0].declared("model_title") or "-"
        lines += network_lines(members, title, dict.fromkeys(OF_B, name), published)
    return lines


def network_lines(members: Sequence[Arm], title: str, names: Names, published: Published) -> list[Line]:
    """The lines of one network, which stands beside the published networks `names`."""
    task, model, lines = members[0].task, members[0].declared("model"), []
    for arm in (one for one in members if one.row == "hard"):
        lines.append(Line(arm, title, "hard", names, dict.fromkeys(OF_B, "hard"), task, model))
        lines.append(Line(arm, title, "hard, scaled", names, dict.fromkeys(OF_B, "hard_scaled"), task, model, True))
    known = published_amounts(names, published)
    smoothed: list[tuple[float, Line]] = []
    for arm in (one for one in members if one.row == "smoothed"):
        amount = arm.declared(SMOOTHING) or 0.0
        rows = {source: row_of(amount, amounts) for source, amounts in known.items()}
        smoothed.append((amount, Line(arm, title, label_of(amount, arm), names, rows, task, model)))
    run = [amount for amount, _ in smoothed]
    for amount in sorted({amount for amounts in known.values() for amount in amounts}):
        if not any(isclose(amount, one) for one in run):
            rows = {source: row_of(amount, amounts) for source, amounts in known.items()}
            smoothed.append((amount, Line(None, title, f"smoothed {amount:.3g}", names, rows, task, model)))
    lines += [line for _, line in sorted(smoothed, key=lambda item: item[0])]
    others = [arm for arm in members if arm.row not in ("hard", "smoothed")]
    return lines + [Line(arm, title, arm.row, names, dict.fromkeys(OF_B), task, model) for arm in others]


def label_of(amount: float, arm: Arm) -> str:
    """'smoothed 0.1'; with a choice between several, which of them was chosen."""
    label = f"smoothed {amount:.3g}" if amount else "smoothed"
    return f"{label}, chosen" if arm.declared("selected") else label


def row_of(amount: float, amounts: Mapping[float, str]) -> str | None:
    return next((row for one, row in amounts.items() if isclose(one, amount)), None)


def published_amounts(names: Names, published: Published) -> dict[str, dict[float, str]]:
    """Row of each published amount of smoothing, by source."""
    found: dict[str, dict[float, str]] = {source: {} for source in OF_B}
    amount = published.find("B", NAME, "smoothed", names["B"], SMOOTHING)
    if amount is not None and amount.value is not None:
        found["B"][amount.value] = "smoothed"
    for source, of, row, column, _ in published.numbers:
        if (source, of, column) == ("ReScience", NAME, names["ReScience"]) and row.startswith(AMOUNT):
            found["ReScience"][float(row.removeprefix(AMOUNT))] = row
    return found
