"""Gradients: gradcheck in float64, float32 against float64, half precision, masks, and degenerate batches."""

import math
from functools import partial

import pytest
import reference
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from entropyreg.regularizers import (
    confidence_penalty_cross_entropy,
    entropy_regularized_cross_entropy,
    euclidean_divergence,
    euclidean_regularized_cross_entropy,
    label_smoothing_cross_entropy,
    skew_jensen,
)

SKEWS = [0.0, 1e-6, 0.1, 0.5, 0.9, 0.999, 1 - 1e-6, 1.0]
GIVEN = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05], dtype=torch.float64)
LOSSES = {
    "skew 0": lambda z, y, **k: entropy_regularized_cross_entropy(z, y, skew=0.0, strength=0.6, **k),
    "skew .25": lambda z, y, **k: entropy_regularized_cross_entropy(z, y, skew=0.25, strength=0.6, **k),
    "skew .5": lambda z, y, **k: entropy_regularized_cross_entropy(z, y, skew=0.5, strength=0.6, **k),
    "skew .999": lambda z, y, **k: entropy_regularized_cross_entropy(z, y, skew=0.999, strength=0.6, **k),
    "skew 1": lambda z, y, **k: entropy_regularized_cross_entropy(z, y, skew=1.0, strength=0.6, **k),
    "strong skew .5": lambda z, y, **k: entropy_regularized_cross_entropy(z, y, skew=0.5, strength=20.0, **k),
    "euclidean": lambda z, y, **k: euclidean_regularized_cross_entropy(z, y, strength=0.6, **k),
    "label smoothing": lambda z, y, **k: label_smoothing_cross_entropy(z, y, smoothing=0.3, **k),
    "fairseq label smoothing": lambda z, y, **k: label_smoothing_cross_entropy(
        z, y, smoothing=0.3, convention="fairseq", **k
    ),
    "confidence penalty": lambda z, y, **k: confidence_penalty_cross_entropy(z, y, strength=0.6, **k),
}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())


def gradient(function, logits):
    leaf = logits.clone().requires_grad_()
    function(leaf).sum().backward()
    return leaf.grad


def relative_error(value, exact):
    return ((value.double() - exact).norm() / exact.norm()).item()


EVERY_SKEW = [(skew, baseline, "none", 2) for skew in SKEWS for baseline in (None, GIVEN)]
EVERY_REDUCTION = [
    (skew, None, reduction, ignore_index)
    for skew in (0.1, 1.0)
    for reduction in ("mean", "sum", "none")
    for ignore_index in (-100, 2)
]


@pytest.mark.parametrize(("skew", "baseline", "reduction", "ignore_index"), EVERY_SKEW + EVERY_REDUCTION)
def test_gradient_passes_gradcheck(skew, baseline, reduction, ignore_index):
    targets = torch.tensor([0, 2, ignore_index, 4])
    for scale in (1.0, 8.0):
        logits = (scale * torch.randn(4, 5, dtype=torch.float64)).requires_grad_()
        assert gradcheck(
            lambda z: entropy_regularized_cross_entropy(
                z, targets, skew=skew, strength=0.7, baseline=baseline, ignore_index=ignore_index, reduction=reduction
            ),
            (logits,),
        )


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("baseline", [None, GIVEN], ids=["uniform", "given"])
def test_gradient_of_the_divergence_alone_passes_gradcheck(skew, baseline):
    logits = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda z: skew_jensen(z, skew, baseline=baseline), (logits,))
    assert gradcheck(lambda z: euclidean_divergence(z, baseline=baseline), (logits,))


@every_loss
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_second_derivatives_pass_gradgradcheck(loss, reduction):
    logits = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, -100, 3, 4])
    assert gradcheck(lambda z: loss(z, targets, reduction=reduction), (logits,))
    assert gradgradcheck(lambda z: loss(z, targets, reduction=reduction), (logits,))


@pytest.mark.parametrize("skew", [*SKEWS, 0.03, 0.49, 0.96])
@pytest.mark.parametrize("path", ["auto", "torch"])
def test_float32_gradient_is_within_a_hundred_thousandth_of_float64(skew, path, monkeypatch):
    """Of the loss at two strengths, the greater of which asks for a precise divergence, and of the divergence alone."""
    monkeypatch.setenv("ENTROPYREG_KERNEL", path)
    for scale in (1e-3, 0.1, 1.0, 10.0, 50.0):
        logits, targets = (scale * torch.randn(16, 900)).clamp(-100, 100), torch.randint(0, 900, (16,))
        for function in (
            lambda z: skew_jensen(z, skew),
            *(
                partial(
                    entropy_regularized_cross_entropy,
                    targets=targets,
                    skew=skew,
                    strength=strength,
                    reduction="none",
                )
                for strength in (0.7, 30.0)
            ),
        ):
            assert relative_error(gradient(function, logits), gradient(function, logits.double())) < 1e-5, scale


@pytest.mark.parametrize("skew", SKEWS)
def test_gradient_equals_autograd_of_the_definition(skew):
    logits = 2.0 * torch.randn(6, 30, dtype=torch.float64)
    expected = gradient(lambda z: reference.naive_autograd(z, skew), logits)
    tolerance = 1e-9 if 1e-3 < skew < 0.9999 or skew in (0.0, 1.0) else 1e-6  # the definition's own error near the ends
    assert relative_error(gradient(lambda z: skew_jensen(z, skew), logits), expected) < tolerance


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_float32_inside(loss, dtype):
    logits, targets = (5.0 * torch.randn(32, 400)).to(dtype), torch.randint(0, 400, (32,))
    for reduction in ("mean", "sum", "none"):
        half, single = logits.clone().requires_grad_(), logits.float().requires_grad_()
        value, expected = loss(half, targets, reduction=reduction), loss(single, targets, reduction=reduction)
        assert value.dtype == torch.float32
        assert torch.equal(value, expected)
        scale = 65536.0 if dtype == torch.float16 and reduction == "mean" else 1.0  # as a loss scaler does
        (scale * value).sum().backward()
        (scale * expected).sum().backward()
        assert half.grad.dtype == dtype
        tolerance = torch.finfo(dtype).eps
        torch.testing.assert_close(half.grad.float(), single.grad, rtol=tolerance, atol=1e-6 * scale)


@every_loss
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_forbidden_symbols_get_no_gradient_and_nothing_is_nan(loss, dtype):
    logits = (30.0 * torch.randn(8, 50)).to(dtype)
    logits[:, ::3] = -math.inf
    logits[2, 2:] = -math.inf  # one symbol left
    targets = torch.tensor([1, 2, 1, 4, 5, 7, 8, 49])
    leaf = logits.clone().requires_grad_()
    value = loss(leaf, targets, reduction="sum")
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(leaf.grad).all()
    assert (leaf.grad[logits == -math.inf] == 0.0).all()
    assert leaf.grad[2].abs().max() < 1e-5


@every_loss
@pytest.mark.parametrize("extreme", [1e4, 3e38])
def test_extreme_finite_logits_stay_finite(loss, extreme):
    logits = torch.randn(4, 6)
    logits[0, 0], logits[1, 1], logits[2] = extreme, -extreme, 100.0 * logits[2]
    leaf = logits.requires_grad_()
    loss(leaf, torch.tensor([0, 0, 1, 5]), reduction="sum").backward()
    assert torch.isfinite(leaf.grad).all()


@every_loss
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_an_empty_batch_gives_zero(loss, reduction):
    logits = torch.randn(0, 5, requires_grad=True)
    value = loss(logits, torch.empty(0, dtype=torch.long), reduction=reduction)
    assert value.shape == ((0,) if reduction == "none" else ())
    assert value.sum().item() == 0.0
    value.sum().backward()
    assert logits.grad.shape == (0, 5)


@every_loss
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_batch_in_which_all_is_ignored_gives_zero_and_zero_gradient(loss, reduction):
    logits = torch.randn(3, 5, requires_grad=True)
    value = loss(logits, torch.full((3,), -100), reduction=reduction)
    value.sum().backward()
    assert (value == 0.0).all()
    assert torch.equal(logits.grad, torch.zeros(3, 5))


@every_loss
def test_an_ignored_row_counts_for_nothing_whatever_it_holds(loss):
    logits, targets = torch.randn(4, 6), torch.tensor([3, -100, 5, -100])
    dirty = logits.clone()
    dirty[1], dirty[3] = math.nan, -math.inf
    clean_leaf, dirty_leaf = logits[[0, 2]].clone().requires_grad_(), dirty.requires_grad_()
    clean, value = loss(clean_leaf, targets[[0, 2]]), loss(dirty_leaf, targets)
    clean.backward()
    value.backward()
    torch.testing.assert_close(value, clean)
    torch.testing.assert_close(dirty_leaf.grad[[0, 2]], clean_leaf.grad)
    assert torch.equal(dirty_leaf.grad[[1, 3]], torch.zeros(2, 6))


@every_loss
@pytest.mark.parametrize("layout", ["transposed", "strided columns", "strided rows", "expanded", "sliced"])
def test_non_contiguous_logits_give_the_same(loss, layout):
    base = torch.randn(12, 12)
    view = {
        "transposed": lambda b: b.t()[:6],
        "strided columns": lambda b: b[:6, ::2],
        "strided rows": lambda b: b[::2],
        "expanded": lambda b: b[:1].expand(6, 12),
        "sliced": lambda b: b[:6, 1:9],
    }[layout]
    leaf = base.clone().requires_grad_()
    targets = torch.randint(0, view(leaf).shape[1], (6,))
    loss(view(leaf), targets).backward()
    other = base.clone().requires_grad_()
    loss(view(other).contiguous(), targets).backward()
    torch.testing.assert_close(leaf.grad, other.grad)


@every_loss
def test_two_classes_and_one_class_work(loss):
    pair = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda z: loss(z, torch.tensor([0, 1, 1, 0, 1])), (pair,))
    single = torch.randn(3, 1, requires_grad=True)
    loss(single, torch.zeros(3, dtype=torch.long)).backward()
    assert torch.equal(single.grad, torch.zeros(3, 1))


@every_loss
def test_a_second_backward_gives_the_same_gradient(loss):
    logits, targets = torch.randn(4, 6, requires_grad=True), torch.tensor([3, -100, 5, 0])
    value = loss(logits, targets)
    (first,) = torch.autograd.grad(3.0 * value, logits, retain_graph=True)
    first = first.clone()
    (second,) = torch.autograd.grad(3.0 * value, logits)
    torch.testing.assert_close(second, first)
    with pytest.raises(RuntimeError, match="second time"):
        value.backward()


@every_loss
def test_a_change_of_the_logits_after_the_loss_does_no_harm(loss):
    targets = torch.tensor([3, -100, 5, 0])
    leaf = torch.randn(4, 6, requires_grad=True)
    other = leaf.detach().clone().requires_grad_()
    logits = leaf + 0.0
    value = loss(logits, targets)
    with torch.no_grad():
        logits[:, 2] = -math.inf
    value.backward()
    loss(other, targets).backward()
    assert torch.equal(leaf.grad, other.grad)


@pytest.mark.parametrize("skew", SKEWS)
def test_masks_by_the_lowest_finite_number_leave_strength_zero_alone(skew):
    logits, targets = torch.randn(4, 6), torch.tensor([3, 1, 5, 0])
    masked = torch.cat([logits, torch.full((4, 9), torch.finfo(torch.float32).min)], dim=1).requires_grad_()
    value = entropy_regularized_cross_entropy(masked, targets, skew=skew, strength=0.0)
    value.backward()
    torch.testing.assert_close(value, F.cross_entropy(logits, targets))
    assert torch.isfinite(masked.grad).all()


def test_equal_runs_give_equal_bits():
    logits, targets = 4.0 * torch.randn(64, 3000), torch.randint(0, 3000, (64,))
    runs = [gradient(lambda z: LOSSES["skew .5"](z, targets), logits) for _ in range(2)]
    assert torch.equal(*runs)


def test_gradient_reaches_the_loss_through_weights_of_the_rows():
    logits, targets, weights = torch.randn(5, 7), torch.randint(0, 7, (5,)), torch.rand(5)
    weighted = gradient(lambda z: weights * LOSSES["skew .25"](z, targets, reduction="none"), logits)
    rows = gradient(lambda z: LOSSES["skew .25"](z, targets, reduction="none"), logits)
    torch.testing.assert_close(weighted, weights[:, None] * rows)


def test_no_gradient_is_computed_where_none_is_wanted():
    logits, targets = torch.randn(5, 7, requires_grad=True), torch.randint(0, 7, (5,))
    with torch.no_grad():
        value = LOSSES["skew .5"](logits, targets)
    assert not value.requires_grad
    assert not LOSSES["skew .5"](logits.detach(), targets).requires_grad
    torch.testing.assert_close(value, LOSSES["skew .5"](logits, targets).detach())


@every_loss
@pytest.mark.parametrize("masked", [True, False])
def test_a_device_whose_values_are_not_looked_at_gives_the_same(loss, masked, monkeypatch):
    from entropyreg.regularizers import arguments

    logits, targets = 5.0 * torch.randn(12, 40, dtype=torch.float64), torch.randint(20, 40, (12,))
    targets[3] = -100
    if masked:
        logits[:, :20] = -math.inf
    results = []
    for look in (True, False):
        monkeypatch.setattr(arguments, "may_look", lambda tensor, look=look: look)
        leaf = logits.clone().requires_grad_()
        value = loss(leaf, targets)
        value.backward()
        results.append((value, leaf.grad))
    torch.testing.assert_close(results[1], results[0])


def test_a_forbidden_target_has_infinite_loss_as_in_torch():
    logits = torch.tensor([[0.0, -math.inf, 1.0]])
    assert F.cross_entropy(logits, torch.tensor([1])).item() == math.inf
    assert LOSSES["skew .5"](logits, torch.tensor([1])).item() == math.inf
