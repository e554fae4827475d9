"""Divergences of a Bernoulli distribution: both ends of the family, its middle, its symmetry and its finite values."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy

from entropyreg.measures.bernoulli_divergence import entropy, euclidean, skew_jensen

P = np.linspace(0.01, 0.99, 99)
U = [0.5, 0.5]


def by_definition(p, skew):
    """((1-a) G(u) + a G(p) - G((1-a) u + a p)) / (a (1-a)) with G the negative entropy."""

    def generator(q):
        return -scipy_entropy([q, 1 - q])

    mixed = generator((1 - skew) * 0.5 + skew * p)
    return ((1 - skew) * generator(0.5) + skew * generator(p) - mixed) / (skew * (1 - skew))


@pytest.mark.parametrize("skew", [0.1, 0.25, 0.5, 0.75, 0.9])
def test_equals_the_definition_by_the_generator(skew):
    wanted = [by_definition(p, skew) for p in P]
    np.testing.assert_allclose(skew_jensen(P, skew), wanted, rtol=1e-9, atol=1e-14)


def test_skew_zero_is_the_exclusive_divergence():
    wanted = [scipy_entropy([p, 1 - p], U) for p in P]
    np.testing.assert_allclose(skew_jensen(P, 0.0), wanted, rtol=1e-12, atol=1e-15)


def test_skew_one_is_the_inclusive_divergence():
    wanted = [scipy_entropy(U, [p, 1 - p]) for p in P]
    np.testing.assert_allclose(skew_jensen(P, 1.0), wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("skew", "end"), [(1e-9, 0.0), (1 - 1e-9, 1.0)])
def test_both_ends_are_limits_of_the_family(skew, end):
    np.testing.assert_allclose(skew_jensen(P, skew), skew_jensen(P, end), atol=1e-6)


def test_skew_one_half_is_four_times_jensen_shannon():
    wanted = [4 * jensenshannon([p, 1 - p], U) ** 2 for p in P]
    np.testing.assert_allclose(skew_jensen(P, 0.5), wanted, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("skew", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_zero_at_uniform_symmetric_and_never_negative(skew):
    values = skew_jensen(P, skew)
    assert skew_jensen(0.5, skew) == 0.0
    np.testing.assert_allclose(values, values[::-1], rtol=1e-9, atol=1e-15)
    assert np.all(values >= -1e-16)


def test_only_skew_one_is_infinite_at_a_certain_outcome():
    ends = np.array([0.0, 1.0])
    assert np.all(np.isinf(skew_jensen(ends, 1.0)))
    np.testing.assert_allclose(skew_jensen(ends, 0.0), np.log(2))
    for skew in (0.25, 0.75):
        wanted = 0.5 * -np.log1p(-(skew**2)) / skew + 0.0  # KL(u || m) with m = ((1+skew)/2, (1-skew)/2)
        wanted += np.log(2 / (1 + skew)) / (1 - skew)
        np.testing.assert_allclose(skew_jensen(ends, skew), wanted, rtol=1e-12)


def test_near_uniform_every_skew_is_the_same_parabola():
    p = 0.5 + 1e-4
    for skew in (0.0, 0.2, 0.5, 0.9, 1.0):
        assert skew_jensen(p, skew) == pytest.approx(2 * 1e-8, rel=1e-3)
    assert euclidean(p) == pytest.approx(2 * 1e-8, rel=1e-9)


def test_euclidean_is_the_squared_distance_and_entropy_scipys():
    np.testing.assert_allclose(euclidean([0.0, 0.2, 1.0]), [0.5, 0.3**2 + 0.3**2, 0.5])
    np.testing.assert_allclose(entropy(P), [scipy_entropy([p, 1 - p]) for p in P], rtol=1e-12)


def test_arguments_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"skew must lie in \[0, 1\], got 1.5"):
        skew_jensen(P, 1.5)
    with pytest.raises(ValueError, match=r"p must lie in \[0, 1\], got values from 0.5 to 1.1"):
        euclidean([0.5, 1.1])
