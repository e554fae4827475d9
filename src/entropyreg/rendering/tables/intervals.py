"""The 95 % interval of a mean over n seeds: mean +- t s / sqrt(n), t of Student's distribution of n - 1 degrees."""

from functools import cache
from math import sqrt

LEVEL = 0.95


def mean_interval(mean: float, deviation: float, n: int) -> tuple[float, float]:
    """Low and high end for a mean of n values with this sample standard deviation; raises `ValueError` for n < 2."""
    if n < 2:
        raise ValueError(f"n is {n}; allowed: at least 2.")
    half = student_quantile(n - 1) * deviation / sqrt(n)
    return mean - half, mean + half


@cache
def student_quantile(degrees: int) -> float:
    """The t with P(|T| <= t) = 0.95."""
    from scipy.special import stdtrit  # asked for only where a row has several seeds

    return float(stdtrit(degrees, (1 + LEVEL) / 2))
