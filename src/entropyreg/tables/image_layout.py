"""What the tables of image runs consist of: measures by their path, how each is written, and what stands beside them.

Measures are shares, nats or dividers of logits; only what is printed is a percentage.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from entropyreg.tables.formats import Cell, Footnotes
from entropyreg.tables.image_runs import Arm, scaled
from entropyreg.tables.shown import shown

SOURCES = {"B": "paper", "ReScience": "replication"}  # of numbers beside ours, by the key `paper`
SHARE, SHARE_OF_LOG_K, NATS = "share", "share of log K", "nats"


@dataclass(frozen=True)
class Measure:
    """A measure of an image run at `path` of its measures; printed in `form` after multiplication by `factor`."""

    path: tuple[str, ...]
    header: str
    unit: str
    form: str
    factor: float = 1

    @property
    def key(self) -> str:
        return ".".join(self.path)

    def cell(self, arm: Arm, footnotes: Footnotes) -> Cell:
        """'98.2 ± 0.1 (n = 5)', or 'n/a' with the reason in a footnote."""
        return shown(scaled(arm.value(self.path), self.factor), self.form, footnotes)


@dataclass(frozen=True)
class ImageLayout:
    """A table of image runs: its rows with their labels, its measures (all in the csv) and what explains them."""

    name: str
    title: str
    rows: Mapping[str, str]
    measures: tuple[Measure, ...]
    definitions: tuple[str, ...]
    differences: Mapping[str, tuple[str, str, float]]  # metric: header, format, factor
    beside: tuple[str, ...] = ()  # published networks that stand beside every run, whatever the run is published as

    def label(self, arm: Arm) -> str:
        """The row, with the amount of smoothing of its run: 'smoothed 0.1'."""
        amount = arm.declared("smoothing")
        return f"{self.rows[arm.row]} {amount:.3g}" if amount else self.rows[arm.row]


DIFFERENCES = {
    "accuracy": ("accuracy (points)", "+.2f", 100),
    "nll": ("NLL (nats)", "+.4f", 1),
    "ece": ("ECE", "+.4f", 1),
    "debiased_ece": ("debiased ECE", "+.4f", 1),
    "scaled_ece": ("ECE against scaled", "+.4f", 1),
}
DEVIATION = "±: standard deviation over n seeds; no ±: one seed. The csv has minimum and maximum as well."
VALIDATION = "valid: images held out of the training images; test: images that nothing is chosen on."
SMOOTHING = "Smoothing of amount a: targets y (1 - a) + a / K over K classes. hard: amount 0."


def score(split: str, name: str, header: str, unit: str, form: str, factor: float = 1) -> Measure:
    return Measure(("scores", split, name), f"{split} {header}", unit, form, factor)


def accuracy(split: str) -> Measure:
    return score(split, "accuracy", "accuracy (%)", SHARE, ".2f", 100)
