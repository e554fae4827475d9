"""Measures of tokens that are all in memory: what `results.records`, block by block, must equal to the last bit."""

import numpy as np


def mean_reference_rank(rank: np.ndarray, sentence: np.ndarray) -> float:
    """Mean zero-based rank within each sentence (end of sentence included), then over sentences: the authors' way.

    `rank` and `sentence` have shape (N,); `sentence` numbers the sentences.
    """
    _, index = np.unique(sentence, return_inverse=True)
    sums = np.bincount(index, weights=rank.astype(np.float64))
    return float(np.mean(sums / np.bincount(index)))


def shares_below(share: np.ndarray, sentence: np.ndarray, names: list[str]) -> dict[str, float]:
    """Mean over tokens of `share` (N, thresholds) by name, each with its standard error over sentences."""
    means = np.mean(share, axis=0, dtype=np.float64)
    errors = clustered_standard_error(share, sentence)
    values = dict(zip(names, map(float, means), strict=True))
    return values | {f"{name}_standard_error": float(one) for name, one in zip(names, errors, strict=True)}


def clustered_standard_error(values: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Standard error of the mean of `values` (N,) or (N, k) over tokens; `cluster` (N,) numbers the sentences.

    Returns () or (k,). Raises ValueError for fewer than two sentences.
    """
    names, index = np.unique(cluster, return_inverse=True)
    if names.size < 2:
        raise ValueError(f"a standard error over sentences needs at least 2 of them; got {names.size}.")
    values = values.astype(np.float64)
    residuals = values - values.mean(axis=0)
    sums = np.zeros((names.size, *values.shape[1:]))
    np.add.at(sums, index, residuals)
    return np.sqrt(names.size / (names.size - 1) * np.sum(sums**2, axis=0)) / len(values)
