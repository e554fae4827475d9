"""Measures against numbers worked out by hand and against sacrebleu's own command."""

import math

import numpy as np
import pytest
import sacrebleu

from entropyreg.measures.bleu import corpus_bleu
from entropyreg.measures.entropy import entropy_spread, normalized_entropy
from entropyreg.measures.reference_rank import mean_reference_rank
from entropyreg.measures.sparsity import shares_below

HYPOTHESES = ["The cat sat on the mat .", "there is a dog in the garden"]
REFERENCES = ["The cat sat on the mat .", "There is a dog in our garden"]


def test_bleu_is_sacrebleus_and_carries_its_signature():
    bleu = corpus_bleu(HYPOTHESES, REFERENCES)
    assert bleu.score == pytest.approx(sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES]).score, abs=1e-12)
    assert bleu.signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")


def test_bleu_of_lowercased_tasks_ignores_case():
    lowered = corpus_bleu([line.lower() for line in HYPOTHESES], REFERENCES, lowercase=True)
    assert lowered.score > corpus_bleu([line.lower() for line in HYPOTHESES], REFERENCES).score
    assert "|case:lc|" in lowered.signature


def test_a_perfect_translation_has_bleu_100():
    assert corpus_bleu(REFERENCES, REFERENCES).score == pytest.approx(100)


@pytest.mark.parametrize(("hypotheses", "references"), [([], []), (["a"], ["a", "b"])])
def test_bleu_needs_as_many_hypotheses_as_references(hypotheses, references):
    with pytest.raises(ValueError, match="hypotheses for"):
        corpus_bleu(hypotheses, references)


def test_entropy_is_one_for_uniform_and_zero_for_one_hot_distributions():
    assert normalized_entropy(np.full(3, math.log(7)), 7) == pytest.approx(1)
    assert normalized_entropy(np.zeros(3), 7) == 0
    assert normalized_entropy(np.array([0, math.log(2)]), 4) == pytest.approx(0.25)
    assert entropy_spread(np.array([0, math.log(2)]), 4) == pytest.approx(0.25)


def test_entropy_needs_tokens():
    with pytest.raises(ValueError, match="0 tokens"):
        normalized_entropy(np.zeros(0), 7)


def test_rank_is_averaged_within_sentences_first():
    rank, sentence = np.array([0, 4, 10]), np.array([0, 0, 1])
    assert mean_reference_rank(rank, sentence) == pytest.approx((2 + 10) / 2)


def test_sparsity_names_its_thresholds():
    share = np.array([[0.5, 0.0], [1.0, 0.5]])
    assert shares_below(share, np.array([-10.0, -15.0])) == {"share_below_e-10": 0.75, "share_below_e-15": 0.25}
