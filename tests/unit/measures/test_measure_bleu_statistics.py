"""BLEU of resampled corpora: sacrebleu's own scores, to 1e-9."""

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU

from entropyreg.measures.bleu import corpus_bleu, sentence_statistics
from entropyreg.measures.bleu_statistics import bleu_of_sums
from entropyreg.measures.significance import Arm, crossed_contrast

WORDS = [*"abcdefg.,!"]


def sentences(generator, n: int, shortest: int = 1) -> list[str]:
    return [" ".join(generator.choice(WORDS, generator.integers(shortest, 12))) for _ in range(n)]


def sacrebleus(sums: np.ndarray) -> float:
    correct, total = sums[2:6].tolist(), sums[6:].tolist()
    return BLEU.compute_bleu(correct, total, int(sums[0]), int(sums[1]), smooth_method="exp").score


def test_bleu_of_sums_is_sacrebleus_on_resampled_corpora():
    generator = np.random.default_rng(9)
    references = sentences(generator, 60)
    hypotheses = [" ".join(words.split()[: generator.integers(1, 12)]) + " a b" for words in references]
    statistics = sentence_statistics(hypotheses, references)
    chosen = generator.integers(60, size=(300, 25))
    vectorised = bleu_of_sums(statistics[chosen].sum(axis=1))
    expected = [sacrebleus(statistics[row].sum(axis=0)) for row in chosen]
    np.testing.assert_allclose(vectorised, expected, atol=1e-9, rtol=0)
    texts = [corpus_bleu([hypotheses[i] for i in row], [references[i] for i in row]).score for row in chosen[:5]]
    np.testing.assert_allclose(vectorised[:5], texts, atol=1e-9, rtol=0)


def test_bleu_of_sums_is_sacrebleus_where_orders_have_no_match_or_no_ngram():
    generator = np.random.default_rng(10)
    statistics = sentence_statistics(sentences(generator, 400), sentences(generator, 400))
    expected = [sacrebleus(row) for row in statistics]
    np.testing.assert_allclose(bleu_of_sums(statistics), expected, atol=1e-9, rtol=0)
    correct = statistics[:, 2:6]
    smoothed = (statistics[:, 6:] > 0).all(axis=1) & (correct[:, 0] > 0) & (correct[:, 3] == 0)
    assert smoothed.sum() > 50
    assert (statistics[:, 9] == 0).sum() > 50
    assert bleu_of_sums(np.array([0, 7, 0, 0, 0, 0, 0, 0, 0, 0])) == 0


def test_crossed_bleu_sees_a_better_system_and_not_a_difference_of_seeds():
    generator = np.random.default_rng(11)
    references = sentences(generator, 80, shortest=5)

    def system(error: float) -> np.ndarray:
        texts = [
            " ".join(generator.choice(WORDS) if generator.random() < error else word for word in line.split())
            for line in references
        ]
        return sentence_statistics(texts, references)

    def difference(a: np.ndarray, b: np.ndarray):
        arms = [Arm(1.0, a, bleu_of_sums), Arm(-1.0, b, bleu_of_sums)]
        return crossed_contrast(arms, 500, generator=generator).resampled

    good, equal = (np.stack([system(0.2) for _ in range(4)]) for _ in range(2))
    bad = np.stack([system(0.4) for _ in range(4)])
    better = difference(good, bad)
    expected = np.mean([sacrebleus(arm.sum(axis=0)) for arm in good]) - np.mean(
        [sacrebleus(arm.sum(axis=0)) for arm in bad]
    )
    assert better.estimate == pytest.approx(expected, abs=1e-9)
    assert better.low > 0
    assert better.p_value < 0.001
    same = difference(good, equal)
    assert same.low < 0 < same.high
