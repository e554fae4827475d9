"""The expected best of n trials against all orders, and its ends."""

from itertools import combinations
from statistics import fmean

import pytest

from entropyreg.measures.expected_best import expected_best


@pytest.mark.parametrize("values", [[3.0], [1.0, 4.0], [20.5, 19.0, 22.5, 22.5, 3.0], [0.0, -1.0, 5.0, 2.0, 2.5, 9.0]])
def test_equals_the_mean_of_the_maximum_over_every_choice(values):
    wanted = [fmean(max(chosen) for chosen in combinations(values, n)) for n in range(1, len(values) + 1)]
    assert expected_best(values) == pytest.approx(wanted, rel=1e-12)


def test_starts_at_the_mean_ends_at_the_maximum_and_never_falls():
    values = [21.3, 20.1, 22.9, 18.4, 22.0]
    curve = expected_best(values)
    assert curve[0] == pytest.approx(fmean(values)) and curve[-1] == max(values)
    assert curve == sorted(curve)


def test_does_not_depend_on_the_order():
    assert expected_best([1.0, 7.0, 3.0]) == expected_best([7.0, 3.0, 1.0])


def test_no_trial_gives_no_curve():
    assert expected_best([]) == []
