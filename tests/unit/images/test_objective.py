"""What is minimised, against literal values and torch's own label smoothing."""

import math

import pytest
import torch
import torch.nn.functional as F

from entropyreg import regularizers
from entropyreg.images.objective import distilled, half_squared_difference, hard_objective, soft_cross_entropy
from entropyreg.images.streams import stream
from entropyreg.io.errors import UserError

COUNTS = torch.tensor([5, 3, 1, 1])
LOGITS = torch.randn(6, 4, generator=stream("test", 1)) * 3
TARGETS = torch.tensor([0, 1, 2, 3, 0, 1])


def losses(**settings):
    return hard_objective(settings, COUNTS)(LOGITS, TARGETS)


def test_smoothing_is_torchs_and_paper_bs_scaled_form():
    expected = F.cross_entropy(LOGITS, TARGETS, label_smoothing=0.3, reduction="none")
    torch.testing.assert_close(losses(kind="label_smoothing", smoothing=0.3), expected)


def test_smoothing_0_and_strength_0_are_cross_entropy():
    expected = F.cross_entropy(LOGITS, TARGETS, reduction="none")
    assert torch.equal(losses(kind="none"), expected)
    torch.testing.assert_close(losses(kind="label_smoothing", smoothing=0.0), expected)
    torch.testing.assert_close(losses(kind="skew_jensen", skew=0.5, strength=0.0), expected)


def test_the_family_at_skew_1_has_gradients_longer_by_one_over_one_minus_smoothing():
    gradients = []
    for settings in (
        {"kind": "label_smoothing", "smoothing": 0.2},
        {"kind": "skew_jensen", "skew": 1, "strength": 0.25},
    ):
        logits = LOGITS.clone().requires_grad_()
        hard_objective(settings, COUNTS)(logits, TARGETS).sum().backward()
        gradients.append(logits.grad)
    torch.testing.assert_close(gradients[0], 0.8 * gradients[1])


def test_the_confidence_penalty_is_skew_0():
    torch.testing.assert_close(
        losses(kind="confidence_penalty", strength=0.4), losses(kind="skew_jensen", skew=0.0, strength=0.4)
    )


def test_an_entropy_becomes_the_strength_of_its_equilibrium():
    strength = regularizers.strength_for_entropy(0.5, 0.4, 4)
    torch.testing.assert_close(
        losses(kind="skew_jensen", skew=0.5, entropy=0.4), losses(kind="skew_jensen", skew=0.5, strength=strength)
    )


def test_the_unigram_baseline_is_the_class_frequencies():
    p = LOGITS.log_softmax(-1)
    u = torch.tensor([0.5, 0.3, 0.1, 0.1])
    expected = F.cross_entropy(LOGITS, TARGETS, reduction="none") + 0.7 * (u * (u.log() - p)).sum(-1)
    torch.testing.assert_close(losses(kind="skew_jensen", skew=1.0, strength=0.7, baseline="unigram"), expected)


def test_the_euclidean_member_is_the_squared_distance():
    expected = F.cross_entropy(LOGITS, TARGETS, reduction="none")
    expected = expected + 2 * (LOGITS.softmax(-1) - 0.25).square().sum(-1)
    torch.testing.assert_close(losses(kind="euclidean", strength=2.0), expected)


def test_an_unknown_kind_lists_the_known():
    with pytest.raises(UserError, match="allowed: none, label_smoothing, confidence_penalty, skew_jensen, euclidean"):
        losses(kind="smoothing")


def test_soft_targets_by_hand():
    student, teacher = torch.zeros(1, 2), torch.tensor([[math.log(9.0), 0.0]])
    assert soft_cross_entropy(student, teacher, 1.0).item() == pytest.approx(math.log(2))
    student = torch.tensor([[0.0, math.log(3.0)]])  # p = 1/4, 3/4; at T = 2 the teacher's 9:1 becomes 3:1
    expected = -(0.75 * math.log(0.25) + 0.25 * math.log(0.75))
    assert soft_cross_entropy(student, teacher, 2.0).item() == pytest.approx(expected)


def test_no_factor_of_the_squared_temperature():
    teacher = torch.randn(6, 4, generator=stream("test", 2))
    logits = LOGITS.clone().requires_grad_()
    soft_cross_entropy(logits, teacher, 5.0).sum().backward()
    torch.testing.assert_close(logits.grad, LOGITS.softmax(-1) - (teacher / 5).softmax(-1))


def test_mixtures_by_hand():
    hard, logits, teacher = torch.tensor([2.0]), torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]])
    assert half_squared_difference(logits, teacher, "sum").tolist() == [2.5]
    mnist = {"loss": "logits", "weight": 0.6}
    assert distilled(hard, logits, teacher, mnist).item() == pytest.approx(0.4 * 2 + 0.6 * 1.25)
    assert distilled(hard, logits, teacher, mnist | {"over": "sum"}).item() == pytest.approx(0.4 * 2 + 0.6 * 2.5)
    only = {"loss": "soft", "weight": 1.0, "temperature": 4.0}
    assert torch.equal(distilled(hard, logits, teacher, only), soft_cross_entropy(logits, teacher, 4.0))
