"""How well predicted values agree with measured ones.

    squared correlation = Pearson's r^2,    mean absolute error = mean |measured - predicted|

The first asks for a straight line, the second for the identity.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from entropyreg.measures.checks import check_finite


class Agreement(NamedTuple):
    """Both numbers and how many pairs are behind them; None where they are not defined."""

    n: int
    squared_correlation: float | None  # None for fewer than three pairs or where one side is constant
    mean_absolute_error: float | None  # None for no pair


def agreement(predicted: Sequence[float], measured: Sequence[float]) -> Agreement:
    """Agreement of pairs of equal length N; raises ValueError if the lengths differ or a value is not finite."""
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(measured, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(f"predicted and measured must have one length, got {x.size} and {y.size}")
    check_finite(predicted=x, measured=y)
    if x.size == 0:
        return Agreement(0, None, None)
    error = float(np.mean(np.abs(y - x)))
    if x.size < 3 or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return Agreement(x.size, None, error)
    return Agreement(x.size, float(np.corrcoef(x, y)[0, 1] ** 2), error)
