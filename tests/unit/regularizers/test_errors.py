"""Wrong arguments are refused by ValueError, with the argument's name, its value and what is allowed."""

import math

import pytest
import torch

import entropyreg.regularizers as regularizers
from entropyreg.regularizers import (
    annealed_unigram,
    confidence_penalty_cross_entropy,
    entropy_regularized_cross_entropy,
    euclidean_regularized_cross_entropy,
    given_baseline,
    label_smoothing_cross_entropy,
    skew_jensen,
)

GOOD = {"logits": torch.zeros(3, 4), "targets": torch.zeros(3, dtype=torch.long), "skew": 0.5, "strength": 1.0}
WRONG = [
    ({"skew": -0.1}, r"skew must lie in \[0, 1\].*-0.1"),
    ({"skew": 1.0000001}, r"skew must lie in \[0, 1\]"),
    ({"skew": math.nan}, r"skew must lie in \[0, 1\].*nan"),
    ({"skew": "half"}, "skew must be a number.*half"),
    ({"skew": None}, "skew must be a number"),
    ({"strength": -1e-9}, "strength must be finite and at least 0.*-1e-09"),
    ({"strength": math.inf}, "strength must be finite"),
    ({"strength": math.nan}, "strength must be finite"),
    ({"reduction": "average"}, "reduction must be one of 'mean', 'sum', 'none', got 'average'"),
    ({"ignore_index": 1.5}, "ignore_index must be an integer"),
    ({"logits": [[0.0]]}, "logits must be a torch.Tensor, got list"),
    ({"logits": torch.zeros(3, 4, dtype=torch.long)}, "logits must be float64.*int64"),
    ({"logits": torch.zeros(3, 4, dtype=torch.complex64)}, "logits must be float64.*complex64"),
    ({"logits": torch.tensor(1.0)}, r"logits must have shape \(..., V\)"),
    ({"logits": torch.zeros(3, 0)}, r"logits must have shape \(..., V\) with V >= 1"),
    ({"targets": [0, 0, 0]}, "targets must be a torch.Tensor"),
    ({"targets": torch.zeros(3)}, r"targets must hold integer class indices, or probabilities in the shape of logits"),
    ({"targets": torch.zeros(3, dtype=torch.bool)}, "targets must hold integer"),
    ({"targets": torch.zeros(2, dtype=torch.long)}, r"targets must have the shape of logits.*\(3,\), got \(2,\)"),
    ({"targets": torch.zeros(3, 1, dtype=torch.long)}, "targets must have the shape"),
    ({"targets": torch.tensor([0, 4, 1])}, r"targets must lie in \[0, 4\) or equal ignore_index=-100, got 4"),
    ({"targets": torch.tensor([0, -1, 1])}, "targets must lie in.*got -1"),
    ({"baseline": [0.5, 0.5]}, "baseline must have one entry for each of the 4 classes"),
    ({"baseline": [0.5, 0.5, 0.0, 0.0]}, "baseline must be positive.*0.0 at index 2"),
    ({"baseline": [0.7, 0.5, -0.1, -0.1]}, "baseline must be positive.*-0.1 at index 2"),
    ({"baseline": [0.5, 0.5, 0.5, 0.5]}, "baseline must sum to 1, got a sum of 2.0"),
    ({"baseline": [math.nan, 0.5, 0.3, 0.2]}, "baseline must be positive.*nan"),
    ({"baseline": torch.full((2, 4), 0.25)}, r"baseline must have shape \(V,\), got \(2, 4\)"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_wrong_arguments_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        entropy_regularized_cross_entropy(**(GOOD | change))


@pytest.mark.parametrize("change", [{"skew": 2.0}, {"logits": torch.zeros(3, 0)}, {"baseline": [1.0]}])
def test_the_divergence_alone_checks_too(change):
    arguments = {"logits": GOOD["logits"], "skew": 0.5} | change
    with pytest.raises(ValueError, match=next(iter(change))):
        skew_jensen(**arguments)


@pytest.mark.parametrize(
    ("loss", "setting", "message"),
    [
        (label_smoothing_cross_entropy, {"smoothing": 1.5}, r"smoothing must lie in \[0, 1\], got 1.5"),
        (label_smoothing_cross_entropy, {"smoothing": 0.1, "convention": "torch"}, "convention must be 'papers'"),
        (confidence_penalty_cross_entropy, {"strength": -1}, "strength must be"),
        (euclidean_regularized_cross_entropy, {"strength": -1}, "strength must be"),
        (euclidean_regularized_cross_entropy, {"strength": 1, "baseline": [1.0]}, "baseline must have"),
    ],
)
def test_the_other_members_check_too(loss, setting, message):
    with pytest.raises(ValueError, match=message):
        loss(GOOD["logits"], GOOD["targets"], **setting)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_annealing_needs_a_positive_finite_temperature(temperature):
    with pytest.raises(ValueError, match="temperature must be positive and finite"):
        annealed_unigram([1.0, 2.0], temperature)


@pytest.mark.parametrize("counts", [[0.0, 1.0], [-1.0, 2.0], [math.inf, 1.0], [[1.0]]])
def test_counts_must_be_a_positive_vector(counts):
    with pytest.raises(ValueError, match="counts must"):
        annealed_unigram(counts, 1.0)


def test_a_small_error_of_the_sum_is_made_good_in_float64():
    baseline = given_baseline(torch.full((3,), 1 / 3, dtype=torch.float16))
    assert baseline.probabilities.dtype == torch.float64
    assert baseline.probabilities.sum().item() == pytest.approx(1.0, abs=1e-15)


LOSS = (entropy_regularized_cross_entropy, GOOD)
CLASSES = {key: GOOD[key] for key in ("logits", "targets")}
CONSTANTS = [  # function, its arguments, the one that is to be differentiated, its value
    (*LOSS, "skew", 0.5),
    (*LOSS, "baseline", [0.25] * 4),
    (skew_jensen, {"logits": GOOD["logits"], "skew": 0.5}, "skew", 0.5),
    (label_smoothing_cross_entropy, CLASSES, "smoothing", 0.1),
    (regularizers.linear_entropy_regularized_cross_entropy,
     {"hidden": GOOD["logits"], "weight": torch.zeros(5, 4), "targets": GOOD["targets"], "skew": 0.5}, "strength", 1.0),
    (regularizers.EntropyRegularizedCrossEntropy, {"strength": 1.0}, "skew", 0.5),
    (regularizers.strength_for_entropy, {"skew": 0.5, "vocabulary_size": 9}, "entropy", 0.5),
    (annealed_unigram, {"counts": [1.0, 2.0]}, "temperature", 2.0),
    (annealed_unigram, {}, "counts", [1.0, 2.0]),
]  # fmt: skip


@pytest.mark.parametrize(("function", "arguments", "name", "value"), CONSTANTS)
def test_a_setting_that_requires_a_gradient_is_refused_as_it_would_get_none(function, arguments, name, value):
    message = f"{name} must not require a gradient.*pass {name}.detach"
    leaf = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    function(**(arguments | {name: leaf.detach()}))
    with pytest.raises(ValueError, match=message):
        function(**(arguments | {name: leaf}))
    if function is regularizers.strength_for_entropy:  # which knows nothing of torch
        return

    def of_one(setting):
        out = function(**(arguments | {name: setting}))
        return out.sum() if isinstance(out, torch.Tensor) else setting.sum()

    with pytest.raises(ValueError, match=message):
        torch.func.grad(of_one)(leaf.detach())
    with pytest.raises(ValueError, match=message):
        torch.func.jvp(of_one, (leaf.detach(),), (torch.ones_like(leaf),))
    with torch.autograd.forward_ad.dual_level(), pytest.raises(ValueError, match=message):
        of_one(torch.autograd.forward_ad.make_dual(leaf.detach(), torch.ones_like(leaf)))


def test_every_exported_name_exists():
    for name in regularizers.__all__:
        assert getattr(regularizers, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'focal'"):
        _ = regularizers.focal
