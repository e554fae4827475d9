"""Measures against numbers worked out by hand and against sacrebleu's own command."""

import math

import numpy as np
import pytest
import sacrebleu
from whole_measures import clustered_standard_error, mean_reference_rank, shares_below

from entropyreg.measures.bleu import corpus_bleu, sentence_statistics
from entropyreg.measures.entropy import normalized_entropy
from entropyreg.measures.sparsity import threshold_names

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
    small = np.array([1, 2**-25], np.float32)  # whose sum in float32 is 1
    assert normalized_entropy(small, 4) * math.log(4) == pytest.approx(0.5 + 2**-26, rel=1e-12)


def test_entropy_needs_tokens():
    with pytest.raises(ValueError, match="0 tokens"):
        normalized_entropy(np.zeros(0), 7)


def test_rank_is_averaged_within_sentences_first():
    rank, sentence = np.array([0, 4, 10]), np.array([0, 0, 1])
    assert mean_reference_rank(rank, sentence) == pytest.approx((2 + 10) / 2)


def test_the_statistics_of_sentences_add_up_to_sacrebleus_counts():
    found = sentence_statistics(HYPOTHESES, REFERENCES)
    score = sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES])
    assert found.sum(axis=0).tolist() == [score.sys_len, score.ref_len, *score.counts, *score.totals]


def test_sparsity_names_its_thresholds():
    names = threshold_names(np.array([-10.0, -15.0, -7.0, -9.3]), np.array([1.0, 0.1]))
    assert names == ["share_below_e-10", "share_below_e-15", "share_below_floor_x1", "share_below_floor_x0.1"]
    assert threshold_names(np.array([-10.0]), np.array([])) == ["share_below_e-10"]


def test_shares_are_means_over_tokens_with_sentences_as_units():
    share, sentence = np.array([[0.5, 0.0], [1.0, 0.5], [0.0, 0.0]]), np.array([0, 0, 1])
    found = shares_below(share, sentence, ["one", "two"])
    assert found["one"] == pytest.approx(0.5) and found["two"] == pytest.approx(1 / 6)
    # residual sums of the sentences: (.5, -.5) and (1/6, -1/6); SE^2 = 2/1 * sum of squares / 3^2
    assert found["one_standard_error"] == pytest.approx(math.sqrt(2 * 0.5) / 3)
    assert found["two_standard_error"] == pytest.approx(math.sqrt(2 * 2 / 36) / 3)


def test_one_token_a_sentence_is_the_usual_standard_error():
    values = np.random.default_rng(1).normal(size=50)
    expected = values.std(ddof=1) / math.sqrt(50)
    assert clustered_standard_error(values, np.arange(50)) == pytest.approx(expected)


def test_tokens_that_copy_their_sentence_add_nothing():
    values = np.random.default_rng(1).normal(size=50)
    alone = clustered_standard_error(values, np.arange(50))
    assert clustered_standard_error(np.repeat(values, 4), np.repeat(np.arange(50), 4)) == pytest.approx(alone)
    with pytest.raises(ValueError, match="at least 2"):
        clustered_standard_error(values, np.zeros(50))
