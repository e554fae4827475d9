"""Sparsity: share of the vocabulary whose probability lies under a threshold (Meister et al. 2020, Table 3)."""

import numpy as np


def shares_below(share: np.ndarray, log_thresholds: np.ndarray) -> dict[str, float]:
    """Mean over tokens of `share` (N, thresholds), keyed 'share_below_e-10' and so on; values in [0, 1]."""
    means = np.mean(share, axis=0, dtype=np.float64)
    return {f"share_below_e{value:g}": float(mean) for value, mean in zip(log_thresholds, means, strict=True)}
