"""Label smoothing and the confidence penalty against torch's, fairseq's and the papers' formulas."""

import math
from itertools import product

import pytest
import torch
import torch.nn.functional as F

from entropyreg.regularizers import (
    confidence_penalty_cross_entropy,
    entropy_regularized_cross_entropy,
    label_smoothing_cross_entropy,
    strength_from_smoothing,
)

smoothings = pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4, 1.0])


@smoothings
@pytest.mark.parametrize("ignore_index", [-100, 3, 255])
def test_label_smoothing_equals_that_of_torch(smoothing, ignore_index):
    every = product([(7,), (2, 3, 4)], ("mean", "sum", "none"), (torch.float64, torch.float32))
    for shape, reduction, dtype in every:
        logits, targets = 4.0 * torch.randn(*shape, 12, dtype=dtype), torch.randint(0, 12, shape)
        targets[..., 1::3] = ignore_index
        settings, first, second = {"ignore_index": ignore_index, "reduction": reduction}, logits, logits.clone()
        of_torch = F.cross_entropy(
            first.requires_grad_().movedim(-1, 1), targets, label_smoothing=smoothing, **settings
        )
        ours = label_smoothing_cross_entropy(second.requires_grad_(), targets, smoothing=smoothing, **settings)
        of_torch.sum().backward()
        ours.sum().backward()
        torch.testing.assert_close((ours, second.grad), (of_torch, first.grad))


@smoothings
@pytest.mark.parametrize("padding", [0, 3, 11])
def test_the_fairseq_convention_equals_fairseq(smoothing, padding):
    criterion = pytest.importorskip(
        "fairseq.criterions.label_smoothed_cross_entropy", reason="fairseq is not installed"
    )
    logits, targets = torch.randn(7, 12, dtype=torch.float64), torch.randint(0, 12, (7,))
    targets[1::3] = padding
    for reduction in ("sum", "none"):
        expected, _ = criterion.label_smoothed_nll_loss(
            logits.log_softmax(-1), targets, smoothing, ignore_index=padding, reduce=reduction == "sum"
        )
        value = label_smoothing_cross_entropy(
            logits, targets, smoothing=smoothing, convention="fairseq", ignore_index=padding, reduction=reduction
        )
        torch.testing.assert_close(value, expected.squeeze(-1))


def test_the_fairseq_convention_gives_the_target_nothing_of_the_smoothing():
    logits, targets, smoothing = torch.randn(6, 9, dtype=torch.float64), torch.randint(0, 9, (6,)), 0.2
    spread = torch.full((6, 9), smoothing / 8, dtype=torch.float64).scatter_(1, targets[:, None], 1.0 - smoothing)
    expected = -(spread * logits.log_softmax(-1)).sum(-1)
    value = label_smoothing_cross_entropy(logits, targets, smoothing=smoothing, convention="fairseq", reduction="none")
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_confidence_penalty_is_likelihood_less_entropy(reduction):
    logits, targets = torch.randn(6, 9, dtype=torch.float64), torch.randint(0, 9, (6,))
    entropy = torch.distributions.Categorical(logits=logits).entropy()
    rows = F.cross_entropy(logits, targets, reduction="none") - 0.3 * entropy
    expected = {"mean": rows.mean(), "sum": rows.sum(), "none": rows}[reduction]
    value = confidence_penalty_cross_entropy(logits, targets, strength=0.3, reduction=reduction)
    torch.testing.assert_close(value, expected)


def test_skew_one_is_label_smoothing_on_another_scale():
    logits, targets, smoothing = torch.randn(6, 9, dtype=torch.float64), torch.randint(0, 9, (6,)), 0.1
    strength = strength_from_smoothing(smoothing)
    assert strength == pytest.approx(0.1111111)
    member = entropy_regularized_cross_entropy(logits, targets, skew=1.0, strength=strength)
    smoothed = label_smoothing_cross_entropy(logits, targets, smoothing=smoothing)
    torch.testing.assert_close((1.0 - smoothing) * member + smoothing * math.log(9), smoothed)


def test_skew_zero_is_the_confidence_penalty_up_to_a_constant():
    logits, targets = torch.randn(6, 9, dtype=torch.float64), torch.randint(0, 9, (6,))
    member = entropy_regularized_cross_entropy(logits, targets, skew=0.0, strength=0.3)
    penalised = confidence_penalty_cross_entropy(logits, targets, strength=0.3)
    torch.testing.assert_close(member - 0.3 * math.log(9), penalised)


def test_forbidden_symbols_leave_the_smoothed_loss_of_the_others():
    logits, targets = torch.randn(6, 9, dtype=torch.float64), torch.randint(0, 5, (6,))
    masked = logits.clone()
    masked[:, 5:] = -math.inf
    for loss in (
        lambda z: label_smoothing_cross_entropy(z, targets, smoothing=0.2),
        lambda z: confidence_penalty_cross_entropy(z, targets, strength=0.2),
    ):
        torch.testing.assert_close(loss(masked), loss(logits[:, :5]))


@pytest.mark.parametrize("smoothing", [1.0, -0.1, math.nan])
def test_smoothing_without_a_finite_strength_is_refused(smoothing):
    with pytest.raises(ValueError, match="smoothing"):
        strength_from_smoothing(smoothing)


def test_the_original_objective_of_unigram_smoothing_is_reached_by_a_baseline():
    from entropyreg.regularizers import annealed_unigram

    counts = torch.tensor([5.0, 1.0, 3.0, 8.0])
    u = annealed_unigram(counts, 2.0)
    logits, targets = torch.randn(6, 4, dtype=torch.float64), torch.randint(0, 4, (6,))
    kl = F.kl_div(logits.log_softmax(-1), u.probabilities.expand(6, 4), reduction="batchmean")
    value = entropy_regularized_cross_entropy(logits, targets, skew=1.0, strength=0.4, baseline=u)
    torch.testing.assert_close(value, F.cross_entropy(logits, targets) + 0.4 * kl)
