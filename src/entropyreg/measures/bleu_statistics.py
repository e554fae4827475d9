"""Corpus BLEU from sentence sums, for many resampled corpora at once.

    BLEU = min(1, exp(1 - r/h)) * exp( 1/4 sum_n log precision_n )        (Papineni et al. 2002)

A sentence has ten integers (`measures.bleu.sentence_statistics`): hypothesis and reference length, then the matching
n-grams and all n-grams of the hypothesis, n = 1..4. Their sums over any corpus give its BLEU exactly as sacrebleu
scores it (exponential smoothing, its default: the k-th order without a match counts 1 / 2^k matches), so a resampled
corpus needs no text.
"""

import numpy as np

from entropyreg.measures.checks import check_counts

ORDERS = 4


def bleu_of_sums(sums: np.ndarray) -> np.ndarray:
    """BLEU (0..100) of summed statistics (..., 10); shape (...). 0 without a match, or where an order has no n-gram.

    Raises ValueError for sums that no text has: negative, not finite, or with more matches than n-grams.
    """
    sums = np.asarray(sums, np.float64)
    check_counts(sums=sums)
    length, reference, correct, total = sums[..., 0], sums[..., 1], sums[..., 2:6], sums[..., 6:]
    if (correct > total).any():
        raise ValueError("sums must not hold more matches than n-grams.")
    scored = (total > 0).all(axis=-1) & (correct > 0).any(axis=-1)
    total = np.where(total > 0, total, 1)
    halvings = np.cumsum(correct == 0, axis=-1)
    precision = np.where(correct > 0, correct, 0.5**halvings) / total
    mean_log = np.log(precision).sum(axis=-1) / ORDERS
    brevity = np.minimum(0, 1 - reference / np.where(length > 0, length, 1))
    return np.where(scored, 100 * np.exp(brevity + mean_log), 0)
