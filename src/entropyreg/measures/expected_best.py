"""The best value expected after n trials of a search, over all orders in which the finished trials could have come.

    E[max of n of the values v_1 <= ... <= v_N] = sum_i v_i * C(i-1, n-1) / C(N, n),    n = 1 ... N

Source: the "expected validation performance" of Dodge et al. 2019, there with draws with replacement; here without, so
that it is exact and ends at the best value found. Limits: n = 1 is the mean, n = N the maximum. It takes the trials as
exchangeable, which guided trials are not.
"""

from collections.abc import Sequence
from math import comb, fsum

from entropyreg.measures.checks import check_finite


def expected_best(values: Sequence[float]) -> list[float]:
    """The expected maximum of n values drawn without replacement, for n = 1 ... N; [] for no value.

    Raises ValueError for a value that is not finite.
    """
    check_finite(values=values)
    ordered = sorted(values)
    total = len(ordered)
    return [
        fsum(value * comb(position, n - 1) for position, value in enumerate(ordered)) / comb(total, n)
        for n in range(1, total + 1)
    ]
