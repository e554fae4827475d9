"""Computes per-example statistics of logits at a temperature, a block of rows at a time, for the other measures.

    p(T) = softmax(z / T)        (temperature scaling, Guo et al. 2017; T > 1 softens)

NLL, the largest probability, whether it is the label's, the label's probability and the Brier score. In float64: the
log-sum-exp is taken after the row's maximum is subtracted, so no logit of float32 overflows.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax

BLOCK_ENTRIES = 1 << 22  # logits converted to float64 at once: 32 MiB


class LogitStatistics(NamedTuple):
    """One value an example, each of shape (N,).

    `nll` in nats, `confidence` (the largest probability), `correct` (bool: the label has it; of equal logits the first
    counts), `brier` (0..2), `wrong_mass` = 1 - p_y, without cancellation.
    """

    nll: np.ndarray
    confidence: np.ndarray
    correct: np.ndarray
    brier: np.ndarray
    wrong_mass: np.ndarray


def logit_statistics(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> LogitStatistics:
    """Statistics of softmax(`logits` / `temperature`); `logits` has shape (N, K), `labels` (N,) in 0..K-1.

        nll = -log p_y,    brier = sum_k (p_k - [k = y])^2        (Brier 1950, the multi-class sum: 0..2)

    Raises ValueError for other shapes, labels out of range, logits that are not finite or a temperature <= 0.
    """
    check_logits(logits, labels)
    check_temperature(temperature)
    n, classes = logits.shape
    columns = LogitStatistics(*(np.empty(n, kind) for kind in (float, float, bool, float, float)))
    rows = max(1, BLOCK_ENTRIES // classes)
    for start in range(0, n, rows):
        part = slice(start, start + rows)
        block = logits[part].astype(np.float64)  # (rows, K)
        if not np.isfinite(block).all():
            raise ValueError("logits must be finite.")
        log_probs = log_softmax(block / temperature, axis=1)
        own = np.take_along_axis(log_probs, labels[part, None], axis=1)[:, 0]
        probs = np.exp(log_probs)
        columns.confidence[part] = np.exp(log_probs.max(axis=1))
        columns.correct[part] = block.argmax(axis=1) == labels[part]
        # the wrong classes by themselves: 1 - p_y and log p_y lose a probability near 1
        probs[np.arange(len(probs)), labels[part]] = 0
        wrong = np.minimum(probs.sum(axis=1), 1)
        columns.nll[part] = np.where(wrong < 0.5, -np.log1p(-np.minimum(wrong, 0.5)), -own)
        columns.brier[part] = wrong**2 + np.einsum("ij,ij->i", probs, probs)
        columns.wrong_mass[part] = wrong
    return columns


def check_logits(logits: np.ndarray, labels: np.ndarray) -> None:
    """Raise ValueError unless `logits` is (N, K) with N >= 1 and K >= 2, and `labels` N integers in 0..K-1."""
    if logits.ndim != 2 or logits.shape[0] < 1 or logits.shape[1] < 2:
        raise ValueError(f"logits must have shape (N, K), N >= 1, K >= 2; got {logits.shape}.")
    check_labels(labels, logits.shape[0])
    if labels.max() >= logits.shape[1]:
        raise ValueError(f"labels must lie in 0..{logits.shape[1] - 1}; got {labels.max()}.")


def check_labels(labels: np.ndarray, examples: int) -> None:
    """Raise ValueError unless `labels` are as many integers >= 0 as there are `examples`."""
    if labels.shape != (examples,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be {examples} integers; got shape {labels.shape} of {labels.dtype}.")
    if labels.min() < 0:
        raise ValueError(f"labels must not be negative; got {labels.min()}.")


def check_temperature(temperature: float) -> None:
    """Raise ValueError unless 0 < `temperature` < infinity."""
    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature must be positive and finite; got {temperature}.")
