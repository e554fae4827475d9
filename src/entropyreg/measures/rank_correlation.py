"""Spearman's rank correlation of many rows at once, and of pairs with a bootstrap interval.

rho = corr(rank x, rank y)        (Spearman 1904; equal values share their mean rank)
"""

import numpy as np
from scipy.stats import rankdata

from entropyreg.measures.checks import check_finite
from entropyreg.measures.significance import ENTRIES_AT_ONCE, Resampled, p_value_of


def spearman_rows(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rank correlation of each row of `x` and `y` (R, N); shape (R,), nan where one side is constant.

    Raises ValueError for numbers that are not finite: nan has no rank.
    """
    check_finite(x=x, y=y)
    a, b = (rankdata(values, axis=1) for values in (x, y))
    a, b = (ranks - ranks.mean(axis=1, keepdims=True) for ranks in (a, b))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.divide(np.einsum("ij,ij->i", a, b), norms, out=np.full(len(a), np.nan), where=norms > 0)


def spearman_interval(
    x: np.ndarray, y: np.ndarray, generator: np.random.Generator, n_replicates: int = 2000, level: float = 0.95
) -> Resampled:
    """Spearman's correlation of pairs `x`, `y` (N,), with a percentile interval over resampled pairs.

    The p-value is that of "rho > 0". Replicates in which one side is constant (few pairs) are left out. Raises
    ValueError for fewer than 3 pairs, a constant side, or numbers that are not finite.
    """
    check_finite(x=x, y=y)
    if x.shape != y.shape or x.ndim != 1 or x.size < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        raise ValueError(f"Spearman needs 3 pairs or more that vary; got {x.shape} and {y.shape}.")
    rows = max(1, ENTRIES_AT_ONCE // x.size)
    parts = []
    for start in range(0, n_replicates, rows):
        chosen = generator.integers(x.size, size=(min(rows, n_replicates - start), x.size))
        parts.append(spearman_rows(x[chosen], y[chosen]))
    replicates = np.concatenate(parts)
    replicates = replicates[np.isfinite(replicates)]
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    many = np.array(np.inf)
    estimate = spearman_rows(x[None], y[None])[0]
    return Resampled(estimate, low, high, p_value_of(estimate, replicates, many), replicates, many)
