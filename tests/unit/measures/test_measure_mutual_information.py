"""The estimator on channels whose information is known, and its biases with their signs."""

import math

import numpy as np
import pytest
from scipy.integrate import quad, simpson
from scipy.special import xlogy
from scipy.stats import norm

from entropyreg.measures.mutual_information import (
    mutual_information,
    same_draw_information,
    upper_bound,
    without_one_over_n,
)


def channel(means: np.ndarray, noise: float, draws: int, fresh: int, seed: int = 0):
    generator = np.random.default_rng(seed)
    sample = means[:, None] + noise * generator.normal(size=(len(means), draws + fresh))
    return sample[:, :draws], sample[:, draws:]


def gaussian_mixture_information(means: np.ndarray, noise: float) -> float:
    """I(X; F) for X uniform and F ~ Normal(mean_X, noise^2): h(F) - h(F | X), h(F) by quadrature."""

    points = np.linspace(means.min() - 8 * noise, means.max() + 8 * noise, 6001)
    density = norm.pdf(points[:, None], means, noise).mean(axis=1)
    entropy = simpson(-xlogy(density, density), x=points)
    return entropy - 0.5 * math.log(2 * math.pi * math.e * noise**2)


def test_two_inputs_by_hand():
    draws, fresh = np.array([[0.0, 2.0], [3.0, 7.0]]), np.array([1.5, 4.0])
    means = np.array([1.0, 5.0])
    for name, variances in (("per_input", np.array([2.0, 8.0])), ("shared", np.full(2, (0.5**2 + 1.0) / 2))):
        density = norm.pdf(fresh[:, None], means, np.sqrt(variances))  # of each value under each input
        wanted = np.log(np.diag(density) / density.mean(axis=1)).mean()
        assert mutual_information(draws, fresh, name) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("variance", ["shared", "per_input"])
def test_separated_inputs_carry_log_n(variance):
    draws, fresh = channel(np.arange(600) * 100.0, 1.0, 25, 4)
    assert mutual_information(draws, fresh, variance) == pytest.approx(math.log(600), rel=1e-9)


@pytest.mark.parametrize("noise", [0.0, 1e-3])
@pytest.mark.parametrize("clusters", [1, 2, 5])
def test_inputs_in_clusters_carry_the_log_of_their_number(clusters, noise):
    means = np.repeat(np.arange(clusters) * 1.0, 600 // clusters)
    draws, fresh = channel(means, noise, 200, 20)
    # a cluster's inputs are one: what is left (about 1 / (2 L)) is the error of their estimated means
    assert mutual_information(draws, fresh) == pytest.approx(math.log(clusters), abs=0.05 * math.log(2))


@pytest.mark.parametrize("variance", ["shared", "per_input"])
@pytest.mark.parametrize("noise", [0.05, 0.3, 1.0])
def test_a_gaussian_channel_is_within_five_percent_of_the_integral(noise, variance):
    means = np.random.default_rng(1).normal(size=400)
    truth = gaussian_mixture_information(means, noise)
    draws, fresh = channel(means, noise, 300, 20)
    assert mutual_information(draws, fresh, variance) == pytest.approx(truth, rel=0.05)
    if noise == 0.3:  # and the integral is near that of a Gaussian input, (log(1 + 1 / noise^2)) / 2
        assert truth == pytest.approx(0.5 * math.log(1 + means.var() / noise**2), rel=0.03)


def test_noise_of_two_sizes_needs_the_variance_of_each_input():
    means = np.zeros(400)
    noise = np.where(np.arange(400) % 2 == 0, 1.0, 0.01)
    draws, fresh = channel(means, noise[:, None], 300, 20)

    def integrand(f: float) -> float:
        density = (norm.pdf(f, 0, 1) + norm.pdf(f, 0, 0.01)) / 2
        return -density * math.log(density)

    entropy = 2 * (quad(integrand, 0, 0.1, epsabs=1e-10)[0] + quad(integrand, 0.1, 9, epsabs=1e-10)[0])
    truth = entropy - np.mean(0.5 * np.log(2 * math.pi * math.e * np.array([1, 0.01]) ** 2))
    assert mutual_information(draws, fresh, "per_input") == pytest.approx(truth, rel=0.05)
    assert mutual_information(draws, fresh, "shared") < 0.1 * truth


def test_fresh_draws_lie_below_and_the_same_draws_above_the_truth():
    means = np.random.default_rng(1).normal(size=400)
    truth = gaussian_mixture_information(means, 0.3)
    few, fresh = channel(means, 0.3, 5, 20)
    many, fresh_of_many = channel(means, 0.3, 100, 20)
    assert mutual_information(few, fresh) < truth < same_draw_information(few)
    assert same_draw_information(few) - truth > 5 * abs(same_draw_information(many) - truth)
    assert abs(mutual_information(many, fresh_of_many) - truth) < truth - mutual_information(few, fresh)


def test_the_estimate_is_the_printed_sum():
    draws, fresh = channel(np.random.default_rng(2).normal(size=12), 0.5, 5, 1)
    f, mu = fresh[:, 0], draws.mean(axis=1)
    s2 = np.mean((f - mu) ** 2)
    total = 0.0
    for x in range(12):
        mixture = sum(math.exp(-((f[x] - mu[other]) ** 2) / (2 * s2)) for other in range(12)) / 12
        total += -((f[x] - mu[x]) ** 2) / (2 * s2) - math.log(mixture)
    assert mutual_information(draws, f) == pytest.approx(total / 12, rel=1e-12)
    slides = without_one_over_n(total / 12, 12)
    assert slides == pytest.approx(total / 12 - math.log(12))
    assert slides < 0  # the slides' formula cannot be an information


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_estimates_stay_within_their_bounds_and_ignore_units(seed, scale):
    generator = np.random.default_rng(seed)
    draws, fresh = channel(generator.normal(size=50), generator.uniform(0.01, 3), 5, 3, seed)
    value = mutual_information(draws * scale, fresh * scale)
    assert -0.1 < value <= upper_bound(50) == math.log(50)
    assert value == pytest.approx(mutual_information(draws, fresh), rel=1e-6)
    assert 0 < same_draw_information(draws) <= math.log(50)


def test_a_constant_output_carries_nothing():
    assert mutual_information(np.ones((30, 5)), np.ones(30)) == pytest.approx(0, abs=1e-12)


def test_impossible_arguments_are_refused():
    with pytest.raises(ValueError, match=r"\(N, L\)"):
        mutual_information(np.ones((30, 5)), np.ones(29))
    with pytest.raises(ValueError, match="L >= 2"):
        mutual_information(np.ones((30, 1)), np.ones(30), "per_input")
    with pytest.raises(ValueError, match="finite"):
        mutual_information(np.full((3, 2), np.nan), np.ones(3))
