"""Paper A: ROUGE and normalised entropy of abstractive summarisation by regularizer.

The published values are not available to us and are printed as such. The public BART number on CNN/DailyMail stands in
a row of its own: it is not from paper A.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from entropyreg.rendering.published import Published
from entropyreg.rendering.tables import labels
from entropyreg.rendering.tables.by_regularizer import build as build_by_regularizer
from entropyreg.rendering.tables.formats import GAMMA, Cell, Table
from entropyreg.rendering.tables.layout import (
    CONDITIONING_DEFINITION,
    CONDITIONINGS,
    ENTROPY,
    ENTROPY_DEFINITION,
    INTERVAL_DEFINITION,
    ROWS,
    SKEW,
    STRENGTH,
    TUNED,
    Layout,
    measured,
)

ROUGE = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rouge_l": "ROUGE-L"}
LAYOUT = Layout(
    name="a_table_summarization",
    title="Paper A: summarisation, ROUGE and normalised entropy by regularizer",
    rows=ROWS,
    quantities=(
        replace(SKEW, published=False),
        replace(STRENGTH, published=False),
        ENTROPY,
        *CONDITIONINGS,
        *(
            measured(key, name, "ROUGE", ".2f", published=True, signature="rouge_signature")
            for key, name in ROUGE.items()
        ),
    ),
    definitions=(
        labels.ABBREVIATIONS,
        ENTROPY_DEFINITION,
        CONDITIONING_DEFINITION,
        "ROUGE-1, ROUGE-2, ROUGE-L: F1 times 100 of detokenised summaries against one untouched reference, mean over "
        "the summaries; ROUGE-L is summary-level.",
        INTERVAL_DEFINITION,
        "The values that paper A published in this table, its skews and strengths included, are not available to us.",
    ),
    further="Ĥ under other conditionings",
    tuned=TUNED,
    references={
        "bart_readme": Cell(
            f"not from paper A: BART, LS {GAMMA} = 0.1", latex=r"\emph{not from paper A:} BART, LS $\gamma=0.1$"
        )
    },
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    return build_by_regularizer(LAYOUT, collected, published)
