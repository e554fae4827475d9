"""What a table by regularizer and data set consists of: its rows, its quantities, and how each is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from entropyreg.rendering.tables import labels
from entropyreg.rendering.tables.cells import Quantity
from entropyreg.rendering.tables.formats import Cell
from entropyreg.rendering.tables.legend import MEAN_INTERVAL

SPLIT = "test"
MAIN, FURTHER = "main", "further"
GAIN = "_gain"  # '<measure>_gain': the measure minus that of the unregularized run of the same seed


@dataclass(frozen=True)
class Row:
    """A row as printed; `base` is the unregularized row that gains are taken to, None where it is one itself."""

    label: Cell
    base: str | None = "none"
    has_skew: bool = True


@dataclass(frozen=True)
class Measured(Quantity):
    """A quantity of a run's split: in which section it is shown, and all of them are in the csv.

    `published`: published numbers stand beside it; `signature` names the measure that holds its settings.
    """

    section: str = ""  # MAIN, FURTHER, or in the csv alone
    published: bool = False
    signature: str = ""

    @property
    def key(self) -> str:
        return self.path[-1]

    @property
    def is_gain(self) -> bool:
        return self.key.endswith(GAIN)

    @property
    def measure(self) -> tuple[str, ...]:
        return *self.path[:-1], self.key.removesuffix(GAIN)


def measured(key: str, header: str, unit: str, form: str = ".1f", section: str = MAIN, **more: Any) -> Measured:
    """A quantity of the test split."""
    return Measured((SPLIT, key), Cell(header), unit, form, section=section, **more)


@dataclass(frozen=True)
class Layout:
    """A table of paper `paper`. `references` are rows of published numbers only; `tuned` rows, tuned in the paper."""

    name: str
    title: str
    rows: Mapping[str, Row]
    quantities: tuple[Measured, ...]
    definitions: tuple[str, ...]
    further: str = ""  # title of the second section
    show_model: bool = False
    tuned: tuple[str, ...] = ()
    references: Mapping[str, Cell] = field(default_factory=dict)
    paper: str = "A"
    split: str = SPLIT

    def shown(self, section: str) -> tuple[Measured, ...]:
        return tuple(quantity for quantity in self.quantities if quantity.section == section)

    def row(self, name: str) -> Row:
        """A row that the paper lacks is printed by its name."""
        return self.rows.get(name) or Row(Cell(name))


ROWS = {  # of the main tables, as printed in the paper
    "none": Row(labels.NONE, base=None, has_skew=False),
    "label_smoothing_0.1": Row(labels.LABEL_SMOOTHING_01),
    "label_smoothing_tuned": Row(labels.LABEL_SMOOTHING_TUNED),
    "confidence_penalty": Row(labels.CONFIDENCE_PENALTY),
    "ger": Row(labels.GER),
}
TUNED = ("label_smoothing_tuned", "confidence_penalty", "ger")  # in the paper, by data set

SKEW = measured("skew", "skew", "number", ".4g", published=True, declared=True)
STRENGTH = measured("strength", "strength", "number", ".4g", published=True, declared=True)
SMOOTHING = measured("smoothing", "smoothing", "number", ".4g", section="", published=True, declared=True)
ENTROPY = measured("entropy_normalized", "Ĥ", "share of log V", ".2f", published=True)
CONDITIONINGS = (  # beside the primary one, which is `ENTROPY`: gold prefix, all entries of the softmax
    measured("entropy_normalized_own_prefix", "Ĥ, own prefix", "share of log V", ".2f", FURTHER),
    measured("entropy_normalized_beam", "Ĥ, beam", "share of log V", ".2f", FURTHER),
    measured("entropy_normalized_without_filler", "Ĥ, without filler", "share of log V", ".2f", FURTHER),
)
ENTROPY_DEFINITION = (
    "Ĥ: entropy of the predicted next-token distribution under the gold prefix, mean over the test tokens, divided by "
    "log V; V is the size of the softmax."
)
CONDITIONING_DEFINITION = (
    "Conditionings of the entropy, as found in the authors' code: gold prefix (primary, the Ĥ set beside published "
    "values); own prefix: along the model's own best hypothesis; beam: over all hypotheses in the beam at every step "
    "of the search. Without filler: gold prefix, the vocabulary's padding and filler entries left out of p and of V."
)
INTERVAL_DEFINITION = (
    f"{MEAN_INTERVAL} published: as printed in the source. difference: reproduced minus published, where the task is "
    "the published one. Student's interval is over seeds alone; those of the differences between rows resample "
    "sentences too, and verdicts are of that kind."
)
