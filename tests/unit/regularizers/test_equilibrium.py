"""The predicted equilibrium against numerical minimisation, closed forms, and the published entropies."""

import math
import subprocess
import sys

import numpy as np
import pytest
from reference import divergence
from scipy.optimize import minimize, minimize_scalar

from entropyreg.regularizers.equilibrium import equilibrium, strength_for_entropy

SKEWS = [0.0, 1e-6, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999, 1 - 1e-6, 1.0]
# Meister et al. 2020, table 1: skew, strength, normalised entropy. Vocabulary sizes: 40,000 (WMT) and 15,000 (MTTT) are
# assumed, 6,632 (IWSLT) is that of the usual preparation.
PUBLISHED = [
    (1.0, 0.11, 40_000, 0.23), (1.0, 0.35, 40_000, 0.38), (0.0, 0.28, 40_000, 0.55), (0.7, 0.65, 40_000, 0.47),
    (1.0, 0.11, 6_632, 0.18), (1.0, 0.50, 6_632, 0.40), (0.0, 0.76, 6_632, 0.81), (0.5, 1.00, 6_632, 0.56),
    (1.0, 0.11, 15_000, 0.18), (1.0, 0.693, 15_000, 0.47), (0.0, 0.95, 15_000, 0.86), (0.85, 0.52, 15_000, 0.37),
]  # fmt: skip


def objective(log_rest, skew, strength, size):
    """NLL + strength * J at the two-level distribution, literally."""
    rest = math.exp(log_rest)
    p = [1.0 - rest] + [rest / (size - 1)] * (size - 1)
    return -math.log1p(-rest) + strength * divergence([1.0 / size] * size, p, skew)


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("strength", [0.11, 0.7, 5.0])
def test_equilibrium_is_the_minimum_over_two_levels(skew, strength):
    size = 30
    found = minimize_scalar(
        objective, bounds=(-40.0, math.log1p(-1 / size)), args=(skew, strength, size), method="bounded",
        options={"xatol": 1e-10},
    )  # fmt: skip
    point = equilibrium(skew, strength, size)
    assert 1.0 - point.target_probability == pytest.approx(math.exp(found.x), rel=1e-4)


@pytest.mark.parametrize("skew", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_equilibrium_is_the_minimum_over_all_distributions(skew):
    size, strength = 5, 0.6

    def loss(logits):
        p = np.exp(logits - logits.max())
        p /= p.sum()
        return -math.log(p[0]) + strength * divergence([1 / size] * size, p.tolist(), skew)

    start = np.array([1.0, 0.5, -0.3, 0.2, 0.0])
    found = minimize(loss, start, method="BFGS", options={"gtol": 1e-9}).x
    p = np.exp(found - found.max())
    p /= p.sum()
    point = equilibrium(skew, strength, size)
    np.testing.assert_allclose(p, [point.target_probability] + [point.floor] * 4, rtol=2e-4)
    entropy = -(p * np.log(p)).sum() / math.log(size)
    assert point.normalized_entropy == pytest.approx(entropy, rel=1e-4)


def test_gradient_of_the_loss_vanishes_at_the_equilibrium():
    import torch

    from entropyreg.regularizers import entropy_regularized_cross_entropy

    for skew in SKEWS:
        point = equilibrium(skew, 0.7, 50)
        p = torch.tensor([point.target_probability] + [point.floor] * 49, dtype=torch.float64)
        logits = p.log()[None].requires_grad_()
        entropy_regularized_cross_entropy(logits, torch.tensor([0]), skew=skew, strength=0.7).backward()
        assert logits.grad.abs().max() < 1e-12


@pytest.mark.parametrize("strength", [1e-6, 0.11, 1.0, 1e6])
@pytest.mark.parametrize("size", [2, 10, 50_000])
def test_skew_one_has_the_mixture_of_label_smoothing(strength, size):
    point = equilibrium(1.0, strength, size)
    assert point.target_probability == pytest.approx((1.0 + strength / size) / (1.0 + strength), rel=1e-12)
    assert point.floor == pytest.approx(strength / size / (1.0 + strength), rel=1e-12)


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("size", [2, 1_500, 50_000])
def test_strength_for_entropy_inverts_equilibrium(skew, size):
    for entropy in (1e-6, 0.05, 0.4, 0.9, 0.9999):
        strength = strength_for_entropy(skew, entropy, size)
        assert equilibrium(skew, strength, size).normalized_entropy == pytest.approx(entropy, rel=1e-6)


@pytest.mark.parametrize("skew", SKEWS)
def test_entropy_grows_with_strength_from_zero_to_one(skew):
    strengths = [0.0, 1e-300, 1e-12, 1e-3, 0.1, 1.0, 10.0, 1e9, 1e300]
    points = [equilibrium(skew, strength, 1_500) for strength in strengths]
    entropies = [point.normalized_entropy for point in points]
    assert entropies == sorted(entropies)
    assert entropies[0] == 0.0 and entropies[-1] == pytest.approx(1.0)
    for point in points:
        assert point.target_probability + 1_499 * point.floor == pytest.approx(1.0)


def test_at_equal_entropy_the_floor_is_the_same_for_every_skew():
    floors = [equilibrium(skew, strength_for_entropy(skew, 0.45, 1_500), 1_500).floor for skew in SKEWS]
    assert floors == pytest.approx([floors[0]] * len(floors), rel=1e-9)


def test_nothing_is_lost_next_to_the_ends_of_the_skew():
    for end, near in ((0.0, 1e-12), (1.0, 1.0 - 1e-12)):
        assert equilibrium(near, 0.5, 1_000).floor == pytest.approx(equilibrium(end, 0.5, 1_000).floor, rel=1e-6)


def test_the_published_entropies_are_predicted():
    predicted = [equilibrium(skew, strength, size).normalized_entropy for skew, strength, size, _ in PUBLISHED]
    published = [entropy for *_, entropy in PUBLISHED]
    assert np.corrcoef(predicted, published)[0, 1] ** 2 > 0.9
    assert np.mean(np.abs(np.subtract(predicted, published))) < 0.06


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.1, 0.5, 10), "skew must lie in"),
        ((math.nan, 0.5, 10), "skew must lie in"),
        (("half", 0.5, 10), "skew must be a number"),
        ((0.5, -0.1, 10), "strength must be"),
        ((0.5, math.inf, 10), "strength must be"),
        ((0.5, 0.5, 1), "vocabulary_size must be"),
        ((0.5, 0.5, 2.5), "vocabulary_size must be"),
        ((0.5, 0.5, math.nan), "vocabulary_size must be"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        equilibrium(*arguments)


@pytest.mark.parametrize("entropy", [1.0, -0.1, 1.5, math.nan])
def test_entropies_that_no_finite_strength_reaches_are_refused(entropy):
    with pytest.raises(ValueError, match="entropy must"):
        strength_for_entropy(0.5, entropy, 100)


def test_no_strength_is_needed_for_no_entropy():
    assert strength_for_entropy(0.5, 0.0, 100) == 0.0


def test_equilibrium_needs_no_torch():
    code = "import sys; from entropyreg.regularizers.equilibrium import equilibrium; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
