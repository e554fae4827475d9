"""What the tables of image runs consist of: measures by their path, and what explains them.

Measures are shares, nats or dividers of logits; shares of accuracy and error are printed as percentages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from entropyreg.rendering.tables.beside import OF_B
from entropyreg.rendering.tables.cells import Quantity
from entropyreg.rendering.tables.differences import Metric
from entropyreg.rendering.tables.formats import Cell
from entropyreg.rendering.tables.runs import Arm

SHARE, PERCENT, SHARE_OF_LOG_K, NATS = "share", "percent", "share of log K", "nats"
DIVIDER = "divider of logits"


@dataclass(frozen=True)
class ImageLayout:
    """A table of image runs: its rows with their labels, its measures (all in the csv) and what explains them."""

    name: str
    title: str
    rows: Mapping[str, str]
    measures: tuple[Quantity, ...]
    definitions: tuple[str, ...]
    differences: Mapping[str, Metric]
    beside: tuple[str, ...] = ()  # published networks that stand beside every run, whatever the run is published as
    compared: tuple[str, ...] = ()  # the rows whose differences are shown; none: all

    def row(self, name: str) -> str:
        """A row as printed; one that the table does not list, by its name."""
        return self.rows.get(name, name)

    def label(self, arm: Arm) -> str:
        """The row, with the amount of smoothing of its run: 'smoothed 0.1'."""
        amount = arm.declared("smoothing") if arm.row in self.rows else None
        return f"{self.row(arm.row)} {amount:.3g}" if amount else self.row(arm.row)


DIFFERENCES = {
    "accuracy": Metric("accuracy (points)", "+.2f", 100, PERCENT),
    "nll": Metric("NLL (nats)", "+.4f", 1, NATS),
    "ece": Metric("ECE", "+.4f", 1, SHARE),
    "debiased_ece": Metric("debiased ECE", "+.4f", 1, SHARE),
    "scaled_ece": Metric("ECE against scaled", "+.4f", 1, SHARE),
}
INTERVAL = (
    "mean [low, high] (n): mean over n seeds with its 95 % interval by Student's t (normal seeds); the csv has "
    "standard deviation, minimum and maximum too."
)
PUBLISHED = " paper, replication: as printed there; difference, minus ...: reproduced minus published."
VALIDATION = "valid: images held out of the training images; test: images that nothing is chosen on."
SMOOTHING = "Smoothing of amount a: targets y (1 - a) + a / K over K classes. hard: amount 0."
SPLIT_OF = dict(zip(OF_B, ("valid", "test"), strict=True))  # that published numbers are of
VALIDATION_SET_IS_TEST = ("imagenet",)  # its published validation set: here nothing is chosen on it


def split_of(source: str, name: str) -> str:
    """The split of ours that a source's numbers on a published network stand beside."""
    return "test" if name.startswith(VALIDATION_SET_IS_TEST) else SPLIT_OF[source]


def sources_of(split: str, names: Iterable[str | None]) -> list[str]:
    """The sources whose numbers are of this split, for any of the published networks."""
    known = {name for name in names if name} or {""}
    return [source for source in OF_B if any(split_of(source, name) == split for name in known)]


def measure(path: tuple[str, ...], header: str, unit: str, form: str, factor: float = 1) -> Quantity:
    return Quantity(path, Cell(header), unit, form, factor)


def score(split: str, name: str, header: str, unit: str, form: str, factor: float = 1) -> Quantity:
    return measure(("scores", split, name), f"{split} {header}", unit, form, factor)


def accuracy(split: str) -> Quantity:
    return score(split, "accuracy", "accuracy (%)", PERCENT, ".2f", 100)
