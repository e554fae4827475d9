"""Paper A: BLEU and normalised entropy by regularizer and data set, published beside reproduced.

"BLEU" is of tokenised text, the way of the authors' code, and the only one set beside published numbers.
Further sections: BLEU of text and entropy by conditioning, and differences to no regularization and to label smoothing
.1 with crossed bootstrap intervals.
"""

from collections.abc import Mapping
from typing import Any

from entropyreg.rendering.published import Published
from entropyreg.rendering.tables import labels
from entropyreg.rendering.tables.by_regularizer import build as build_by_regularizer
from entropyreg.rendering.tables.formats import Table
from entropyreg.rendering.tables.layout import (
    CONDITIONING_DEFINITION,
    CONDITIONINGS,
    ENTROPY,
    ENTROPY_DEFINITION,
    FURTHER,
    INTERVAL_DEFINITION,
    ROWS,
    SKEW,
    SMOOTHING,
    STRENGTH,
    TUNED,
    Layout,
    measured,
)

PUBLISHED_SIGNATURE = "bleu_as_published_signature"
LAYOUT = Layout(
    name="a_table_translation",
    title="Paper A: translation, BLEU and normalised entropy by regularizer",
    rows=ROWS,
    quantities=(
        *(SKEW, STRENGTH, SMOOTHING, ENTROPY),
        measured("bleu_as_published", "BLEU", "BLEU", published=True, signature=PUBLISHED_SIGNATURE),
        measured("bleu_as_published_gain", "gain", "BLEU", "+.1f", published=True, signature=PUBLISHED_SIGNATURE),
        measured("bleu", "BLEU of text", "BLEU", section=FURTHER, signature="bleu_signature"),
        *CONDITIONINGS,
    ),
    definitions=(
        labels.ABBREVIATIONS,
        ENTROPY_DEFINITION,
        CONDITIONING_DEFINITION,
        "BLEU: of tokenised text, the paper's way, so it is set beside published numbers. gain: BLEU minus that of no "
        "regularization with the same seed. BLEU of text: detokenised hypotheses against untouched references.",
        INTERVAL_DEFINITION,
    ),
    further="BLEU of text, and Ĥ under other conditionings",
    tuned=TUNED,
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    return build_by_regularizer(LAYOUT, collected, published)
