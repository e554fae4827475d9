"""Paper A, variants of the regularizer and of the model: another baseline, another generator, a convolutional model.

The regularizer is D_J(u || p) with u uniform in the main tables; here also u = the annealed unigram distribution
(frequencies to the power 1/T, renormalised), the Euclidean generator G(p) = ||p||^2, whose divergence is ||u - p||^2
for every skew, and fconv in place of the Transformer. Published values are not available to us.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from entropyreg.rendering.published import Published
from entropyreg.rendering.tables import labels
from entropyreg.rendering.tables.by_regularizer import build as build_by_regularizer
from entropyreg.rendering.tables.formats import Cell, Table
from entropyreg.rendering.tables.layout import (
    CONDITIONINGS,
    ENTROPY,
    ENTROPY_DEFINITION,
    INTERVAL_DEFINITION,
    SKEW,
    STRENGTH,
    Layout,
    Row,
    measured,
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
        replace(SKEW, published=False),
        replace(STRENGTH, published=False),
        ENTROPY,
        *(replace(one, section="") for one in CONDITIONINGS),
        measured("bleu_as_published", "BLEU", "BLEU", published=True, signature="bleu_as_published_signature"),
        measured("bleu", "BLEU of text", "BLEU", signature="bleu_signature"),
        measured("bleu_gain", "gain of text", "BLEU", "+.1f", signature="bleu_signature"),
    ),
    definitions=(
        labels.ABBREVIATIONS,
        "Unigram baseline: u is the frequency of the training text's words to the power 1/T, renormalised (T = 20), in "
        "place of uniform. Euclidean generator: the regularizer is ||u - p||^2, whatever the skew. fconv: the "
        "convolutional model in place of the Transformer.",
        ENTROPY_DEFINITION + " The csv also has the other conditionings.",
        "BLEU: of tokenised text, the paper's way. BLEU of text: detokenised hypotheses against untouched references. "
        "gain of text: BLEU of text minus that of no regularization with the same model and seed.",
        INTERVAL_DEFINITION,
        "The authors' code has each of these variants; what paper A published on them is not available to us.",
    ),
    show_model=True,
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    return build_by_regularizer(LAYOUT, collected, published)
