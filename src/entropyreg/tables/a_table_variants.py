"""Paper A, variants of the regularizer and of the model: another baseline, another generator, a convolutional model.

The regularizer is D_J(u || p) with u uniform in the main tables; here also u = the annealed unigram distribution
(frequencies to the power 1/T, renormalised), the Euclidean generator G(p) = ||p||^2, whose divergence is ||u - p||^2
for every skew, and fconv in place of the Transformer. Published values are not available to us.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from entropyreg.results.published import Published
from entropyreg.tables import labels
from entropyreg.tables.by_regularizer import build as build_by_regularizer
from entropyreg.tables.formats import Cell, Table
from entropyreg.tables.layout import (
    CONDITIONINGS,
    DEVIATION_DEFINITION,
    ENTROPY,
    ENTROPY_DEFINITION,
    SKEW,
    STRENGTH,
    Layout,
    Quantity,
    Row,
)

ROWS = {
    "none": Row(labels.NONE, base=None, has_skew=False),
    "label_smoothing_0.1": Row(labels.LABEL_SMOOTHING_01),
    "ger": Row(labels.GER),
    "ger_unigram": Row(Cell(f"{labels.GER.text}, unigram baseline", latex=f"{labels.GER.latex}, unigram baseline")),
    "euclidean": Row(Cell("Euclidean generator"), has_skew=False),
    "fconv_none": Row(Cell("fconv, no regularization"), base=None, has_skew=False),
    "fconv_ger": Row(Cell(f"fconv, {labels.GER.text}", latex=f"fconv, {labels.GER.latex}"), base="fconv_none"),
}
LAYOUT = Layout(
    name="a_table_variants",
    title="Paper A, variants: baseline, generator and model, BLEU and normalised entropy",
    rows=ROWS,
    quantities=(
        replace(SKEW, published=None),
        replace(STRENGTH, published=None),
        ENTROPY,
        *CONDITIONINGS,
        Quantity("bleu", "BLEU", Cell("BLEU"), signature="bleu_signature"),
        Quantity("bleu_gain", "BLEU", Cell("gain"), "+.1f", signature="bleu_signature"),
        Quantity(
            *("bleu_as_published", "BLEU", Cell("BLEU as published")),
            published=Cell("BLEU"),
            signature="bleu_as_published_signature",
        ),
    ),
    definitions=(
        labels.ABBREVIATIONS,
        "Unigram baseline: u is the frequency of the training text's words to the power 1/T, renormalised (T = 20), in "
        "place of uniform. Euclidean generator: the regularizer is ||u - p||^2, whatever the skew. fconv: the "
        "convolutional model in place of the Transformer.",
        ENTROPY_DEFINITION + " The csv also has the other conditionings.",
        "BLEU: detokenised hypotheses against untouched references. gain: BLEU minus that of no regularization with "
        "the same model and seed. BLEU as published: on tokenised text, the paper's way.",
        DEVIATION_DEFINITION,
        "The authors' code has each of these variants; what paper A published on them is not available to us.",
    ),
    show_model=True,
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    return build_by_regularizer(LAYOUT, collected, published)
