"""Many tests at once: adjusted p-values, to be compared with the level itself.

    p~_(i) = max over j <= i of min(1, (m - j + 1) p_(j))        Holm 1979: any false claim
    p~_(i) = min over j >= i of min(1, m p_(j) / j)              Benjamini & Hochberg 1995: the share of false ones

with p_(1) <= ... <= p_(m) the p-values in order.
"""

import numpy as np
from scipy.stats import false_discovery_control


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values (m,), in the order given. Raises ValueError for p-values outside [0, 1]."""
    p_values = _checked(p_values)
    order = np.argsort(p_values, kind="stable")
    adjusted = np.minimum(1, np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1)))
    result = np.empty_like(adjusted)
    result[order] = adjusted
    return result


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's adjusted p-values (m,), by scipy. Raises ValueError as `holm`."""
    p_values = _checked(p_values)
    return false_discovery_control(p_values, method="bh") if p_values.size else p_values


def _checked(p_values: np.ndarray) -> np.ndarray:
    p_values = np.asarray(p_values, np.float64)
    if p_values.ndim != 1 or not np.all((p_values >= 0) & (p_values <= 1)):
        raise ValueError(f"p-values must be a list of numbers in [0, 1]; got {p_values.tolist()}.")
    return p_values
