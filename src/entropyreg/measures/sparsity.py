"""Sparsity: share of the vocabulary whose probability lies under a threshold (Meister et al. 2020).

The published thresholds are e^-10 and e^-15. With a small vocabulary the floor of the regularizer's equilibrium lies
above both, so thresholds relative to that floor stand beside them.
"""

import numpy as np


def threshold_names(log_thresholds: np.ndarray, floor_factors: np.ndarray) -> list[str]:
    """'share_below_e-10' and so on; the last thresholds are the floor times each factor: 'share_below_floor_x0.1'."""
    fixed = len(log_thresholds) - len(floor_factors)
    names = [f"share_below_e{value:g}" for value in log_thresholds[:fixed]]
    return names + [f"share_below_floor_x{factor:g}" for factor in floor_factors]
