"""Paper A, Table 1: BLEU and normalised entropy by regularizer and data set, published beside reproduced.

BLEU "as published" is of tokenised text, the way of the authors' code, and the only one set beside published numbers.
Further sections: entropy by conditioning, and differences to no regularization and to label smoothing .1 with crossed
bootstrap intervals.
"""

from collections.abc import Mapping
from typing import Any

from entropyreg.results.published import Published
from entropyreg.tables import labels
from entropyreg.tables.by_regularizer import build as build_by_regularizer
from entropyreg.tables.formats import Cell, Table
from entropyreg.tables.layout import (
    CONDITIONING_DEFINITION,
    CONDITIONINGS,
    DEVIATION_DEFINITION,
    ENTROPY,
    ENTROPY_DEFINITION,
    ROWS,
    SKEW,
    STRENGTH,
    TUNED,
    Layout,
    Quantity,
)

PUBLISHED_SIGNATURE = "bleu_as_published_signature"
LAYOUT = Layout(
    name="a_table_translation",
    title="Paper A, Table 1: translation, BLEU and normalised entropy by regularizer",
    rows=ROWS,
    quantities=(
        SKEW,
        STRENGTH,
        ENTROPY,
        *CONDITIONINGS,
        Quantity("bleu", "BLEU", Cell("BLEU"), signature="bleu_signature"),
        Quantity(
            *("bleu_as_published", "BLEU", Cell("BLEU as published")),
            published=Cell("BLEU"),
            signature=PUBLISHED_SIGNATURE,
        ),
        Quantity(
            *("bleu_as_published_gain", "BLEU", Cell("gain"), "+.1f"),
            published=Cell("gain"),
            signature=PUBLISHED_SIGNATURE,
        ),
    ),
    definitions=(
        labels.ABBREVIATIONS,
        ENTROPY_DEFINITION,
        CONDITIONING_DEFINITION,
        "BLEU: detokenised hypotheses against untouched references. BLEU as published: on tokenised text, the paper's "
        "way; it alone is set beside published numbers. gain: BLEU as published minus that of no regularization.",
        DEVIATION_DEFINITION,
    ),
    conditionings=True,
    tuned=TUNED,
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    return build_by_regularizer(LAYOUT, collected, published)
