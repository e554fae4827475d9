"""What a table by regularizer and data set consists of: its rows, its quantities, and how each is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from entropyreg.tables import labels
from entropyreg.tables.formats import Cell

GAIN = "_gain"  # '<measure>_gain': the measure minus that of the unregularized run of the same seed
DECLARED = ("skew", "strength")  # of the regularizer, not measured


@dataclass(frozen=True)
class Row:
    """A row as printed; `base` is the unregularized row that gains are taken to, None where it is one itself."""

    label: Cell
    base: str | None = "none"
    has_skew: bool = True


@dataclass(frozen=True)
class Quantity:
    """A quantity of a run: where it is shown, as what, in which format; all of them are in the csv.

    `published` is its header among the published columns, None for no such column; `signature` names the measure that
    holds its settings.
    """

    key: str
    unit: str
    header: Cell
    form: str = ".1f"
    shown: bool = True  # in the main section
    published: Cell | None = None
    signature: str = ""

    @property
    def is_gain(self) -> bool:
        return self.key.endswith(GAIN)

    @property
    def measure(self) -> str:
        return self.key.removesuffix(GAIN)


@dataclass(frozen=True)
class Layout:
    """A table of paper `paper`. `references` are rows of published numbers only; `tuned` rows, tuned in the paper."""

    name: str
    title: str
    rows: Mapping[str, Row]
    quantities: tuple[Quantity, ...]
    definitions: tuple[str, ...]
    conditionings: bool = False  # a second section with the entropy under every conditioning
    show_model: bool = False
    tuned: tuple[str, ...] = ()
    references: Mapping[str, Cell] = field(default_factory=dict)
    paper: str = "A"
    split: str = "test"

    @property
    def main(self) -> tuple[Quantity, ...]:
        return tuple(quantity for quantity in self.quantities if quantity.shown)

    @property
    def beside(self) -> tuple[Quantity, ...]:
        return tuple(quantity for quantity in self.quantities if quantity.published)

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

SKEW = Quantity("skew", "number", Cell("skew"), ".4g", published=Cell("skew"))
STRENGTH = Quantity("strength", "number", Cell("strength"), ".4g", published=Cell("strength"))
ENTROPY = Quantity("entropy_normalized", "share of log V", Cell("Ĥ"), ".2f", published=Cell("Ĥ"))
CONDITIONINGS = (  # beside the primary one, which is `ENTROPY`: gold prefix, all entries of the softmax
    Quantity("entropy_normalized_own_prefix", "share of log V", Cell("own prefix"), ".2f", shown=False),
    Quantity("entropy_normalized_beam", "share of log V", Cell("beam"), ".2f", shown=False),
    Quantity("entropy_normalized_without_filler", "share of log V", Cell("without filler"), ".2f", shown=False),
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
DEVIATION_DEFINITION = "±: standard deviation over n seeds; no ±: one seed."
