"""The 95 % interval of a mean over n seeds: mean +- t s / sqrt(n), t of Student's distribution of n - 1 degrees.

    P(|T| <= t) = 2 (a + sin a (cos a + 2/3 cos^3 a + 2 4 / (3 5) cos^5 a + ...)) / pi    for an odd number of degrees
    P(|T| <= t) = sin a (1 + 1/2 cos^2 a + 1 3 / (2 4) cos^4 a + ...)                     for an even one

with a = arctan(t / sqrt(degrees)) and powers below the number of degrees (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4):
drawing tables needs no scipy.
"""

from functools import cache
from math import atan, cos, pi, sin, sqrt

LEVEL = 0.95
BISECTIONS = 80


def mean_interval(mean: float, deviation: float, n: int) -> tuple[float, float]:
    """Low and high end for a mean of n values with this sample standard deviation; raises `ValueError` for n < 2."""
    if n < 2:
        raise ValueError(f"n is {n}; allowed: at least 2.")
    half = student_quantile(n - 1) * deviation / sqrt(n)
    return mean - half, mean + half


@cache
def student_quantile(degrees: int) -> float:
    """The t with P(|T| <= t) = 0.95, by bisection."""
    low, high = 0.0, 13.0  # one degree has 12.7, and it falls from there
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if student_probability(middle, degrees) < LEVEL else (low, middle)
    return (low + high) / 2


def student_probability(t: float, degrees: int) -> float:
    """P(|T| <= t); raises `ValueError` for fewer than one degree of freedom."""
    if degrees < 1:
        raise ValueError(f"degrees is {degrees}; allowed: at least 1.")
    angle = atan(t / sqrt(degrees))
    first = 1 if degrees % 2 else 0  # the least power of the cosine
    term, total = cos(angle) ** first, 0.0
    for power in range(first, degrees - 1, 2):
        total += term
        term *= (power + 1) / (power + 2) * cos(angle) ** 2
    return 2 * (angle + sin(angle) * total) / pi if first else sin(angle) * total
