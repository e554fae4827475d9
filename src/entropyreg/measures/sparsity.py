"""Sparsity: share of the vocabulary whose probability lies under a threshold (Meister et al. 2020, Table 3).

The published thresholds are e^-10 and e^-15. With a small vocabulary the floor of the regularizer's equilibrium lies
above both, so thresholds relative to that floor stand beside them.
"""

import numpy as np

from entropyreg.measures.standard_error import clustered_standard_error


def threshold_names(log_thresholds: np.ndarray, floor_factors: np.ndarray) -> list[str]:
    """'share_below_e-10' and so on; the last thresholds are the floor times each factor: 'share_below_floor_x0.1'."""
    fixed = len(log_thresholds) - len(floor_factors)
    names = [f"share_below_e{value:g}" for value in log_thresholds[:fixed]]
    return names + [f"share_below_floor_x{factor:g}" for factor in floor_factors]


def shares_below(share: np.ndarray, sentence: np.ndarray, names: list[str]) -> dict[str, float]:
    """Mean over tokens of `share` (N, thresholds) by name, values in [0, 1], each with its standard error.

    The standard error, `<name>_standard_error`, takes the sentences as the units that were sampled.
    """
    means = np.mean(share, axis=0, dtype=np.float64)
    errors = clustered_standard_error(share, sentence)
    values = dict(zip(names, map(float, means), strict=True))
    return values | {f"{name}_standard_error": float(one) for name, one in zip(names, errors, strict=True)}
