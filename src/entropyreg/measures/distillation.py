"""Equivalent smoothing: the label smoothing that spreads as much probability as a teacher does.

    gamma = E[ sum_k (1 - y_k) p_k(T) K / (K - 1) ],    p(T) = softmax(z_teacher / T)

over the training set (Müller et al. 2019, section 4, the x axis of their Figure 5). For targets smoothed by alpha,
y (1 - alpha) + alpha / K, it is alpha.
"""

import numpy as np

from entropyreg.measures.logits import check_logits, logit_statistics


def equivalent_smoothing(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """Equivalent smoothing of a teacher's `logits` (N, K) on the training set with `labels` (N,), at `temperature`.

    0 for a teacher that is certain and right, 1 for a uniform one, up to K/(K-1) for one that is always wrong. Errors
    as `logit_statistics`.
    """
    classes = logits.shape[-1]
    wrong = logit_statistics(logits, labels, temperature).wrong_mass
    return float(wrong.mean() * classes / (classes - 1))


def equivalent_smoothing_of_targets(targets: np.ndarray, labels: np.ndarray) -> float:
    """The same of given target distributions (N, K), which may hold zeros.

    Raises ValueError for other shapes or rows that are no distribution.
    """
    check_logits(targets, labels)
    if targets.min() < 0 or not np.allclose(targets.sum(axis=1, dtype=np.float64), 1, atol=1e-5):
        raise ValueError("targets must be distributions: no negative entry, rows that sum to 1.")
    wrong = targets.astype(np.float64)  # astype copies: the caller's targets stay
    wrong[np.arange(len(wrong)), labels] = 0
    classes = targets.shape[1]
    return float(wrong.sum() / len(wrong) * classes / (classes - 1))
