"""torch.func, autocast, checkpointing, hooks on saved tensors: stated behaviour, tested."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from entropyreg.regularizers import (
    confidence_penalty_cross_entropy,
    entropy_regularized_cross_entropy,
    euclidean_regularized_cross_entropy,
    label_smoothing_cross_entropy,
    linear_entropy_regularized_cross_entropy,
    token_statistics,
)

SKEWS = [0.0, 0.02, 0.3, 0.7, 0.98, 1.0]


def loss_at(skew, **settings):
    return lambda z, y: entropy_regularized_cross_entropy(z, y, skew=skew, strength=0.6, **settings)


def batch(rows=6, classes=9, dtype=torch.float64):
    targets = torch.randint(0, classes, (rows,))
    targets[1] = -100
    return torch.randn(rows, classes, dtype=dtype), targets


@pytest.mark.parametrize("convention", ["papers", "fairseq"])
def test_values_of_the_classic_losses_are_the_same_inside_a_transform(convention):
    logits, targets = batch()
    logits[:, 7:], targets[:] = -torch.inf, targets.clamp_max(6)
    for loss in (
        lambda z: label_smoothing_cross_entropy(z, targets, smoothing=0.2, convention=convention),
        lambda z: confidence_penalty_cross_entropy(z, targets, strength=0.4),
    ):
        torch.testing.assert_close(torch.func.vjp(loss, logits)[0], loss(logits))


@pytest.mark.parametrize("skew", SKEWS)
def test_torch_func_grad_and_jacobian_equal_autograd(skew):
    logits, targets = batch()
    leaf = logits.clone().requires_grad_()
    loss_at(skew)(leaf, targets).backward()
    torch.testing.assert_close(torch.func.grad(loss_at(skew))(logits, targets), leaf.grad)
    by_rows = loss_at(skew, reduction="none")
    forward_mode = torch.func.jacfwd(by_rows)(logits, targets)
    torch.testing.assert_close(forward_mode.sum(0), 5 * leaf.grad)
    torch.testing.assert_close(torch.func.jacrev(by_rows)(logits, targets), forward_mode)


@pytest.mark.parametrize("skew", SKEWS)
def test_torch_func_vmap_gives_a_gradient_a_sample(skew):
    logits, targets = torch.randn(3, 4, 9, dtype=torch.float64), torch.randint(0, 9, (3, 4))
    grads = torch.func.vmap(torch.func.grad(loss_at(skew)))(logits, targets)
    for grad, z, y in zip(grads, logits, targets, strict=True):
        torch.testing.assert_close(grad, torch.func.grad(loss_at(skew))(z, y))


def test_torch_func_hessian_is_symmetric_and_euclidean_works_too():
    logits, targets = batch(2, 5)
    hessian = torch.func.hessian(loss_at(0.5))(logits, targets).reshape(10, 10)
    torch.testing.assert_close(hessian, hessian.t())
    grad = torch.func.grad(lambda z: euclidean_regularized_cross_entropy(z, targets, strength=2.0))(logits)
    assert torch.isfinite(grad).all()


BY_ROWS = {
    "skew 0": loss_at(0.0, reduction="none"),
    "skew .3, mean": loss_at(0.3),
    "skew .7, baseline": loss_at(0.7, reduction="sum", baseline=[0.4, 0.2, 0.2, 0.1, 0.1]),
    "skew 1": loss_at(1.0, reduction="none"),
    "euclidean": lambda z, y: euclidean_regularized_cross_entropy(z, y, strength=2.0, reduction="none"),
    "linear": lambda h, y: linear_entropy_regularized_cross_entropy(
        h, torch.eye(5, dtype=h.dtype), y, skew=0.3, strength=0.6, reduction="none"
    ),
}


@pytest.mark.parametrize("name", BY_ROWS)
def test_forward_mode_and_batched_backward_equal_autograd_to_the_second_order(name):
    logits, targets = batch(3, 5)
    logits.requires_grad_()
    loss, linear = BY_ROWS[name], name == "linear"
    assert torch.autograd.gradcheck(
        lambda z: loss(z, targets), logits, check_forward_ad=True, check_batched_forward_grad=True,
        check_batched_grad=not linear,
    )  # fmt: skip
    if not linear:
        assert torch.autograd.gradgradcheck(lambda z: loss(z, targets), logits, check_batched_grad=True)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_vectorized_jacobian_equals_a_plain_one_and_can_be_taken_again(reduction, dtype):
    logits, targets = batch(4, 5)

    def loss(z):
        return loss_at(0.3, reduction=reduction)(z.to(dtype), targets)

    jacobian, tolerance = torch.autograd.functional.jacobian, 2.0 * torch.finfo(dtype).eps
    expected = jacobian(loss, logits)
    for settings in ({}, {"create_graph": True}, {"strategy": "forward-mode"}):
        got = jacobian(loss, logits, vectorize=True, **settings)
        torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance, check_dtype=False)
    leaf = logits.clone().requires_grad_()
    value = loss(leaf)
    ones = torch.ones_like(value)
    (batched,) = torch.autograd.grad(
        value, leaf, torch.stack([ones, 2.0 * ones]), is_grads_batched=True, retain_graph=True
    )
    (plain,) = torch.autograd.grad(value, leaf, ones)
    torch.testing.assert_close(batched, torch.stack([plain, 2.0 * plain]), rtol=tolerance, atol=tolerance)


def test_a_batched_backward_leaves_an_overwritten_gradient_for_the_next():
    logits, targets = batch(4, 5)
    leaf = logits.clone().requires_grad_()
    value = loss_at(0.3, overwrite_logits=True)(leaf + 0.0, targets)
    (batched,) = torch.autograd.grad(
        value, leaf, torch.tensor([1.0, 3.0]).double(), is_grads_batched=True, retain_graph=True
    )
    (plain,) = torch.autograd.grad(value, leaf)
    torch.testing.assert_close(batched, torch.stack([plain, 3.0 * plain]))


def test_unsupported_transforms_are_refused_in_words():
    logits, targets = batch(4, 5)
    with (
        torch.autograd.forward_ad.dual_level(),
        pytest.raises(ValueError, match=r"overwrite_logits=True.*forward-mode"),
    ):
        dual = torch.autograd.forward_ad.make_dual(logits, torch.ones_like(logits))
        loss_at(0.3, overwrite_logits=True)(dual, targets)
    value = BY_ROWS["linear"](logits.requires_grad_(), targets)
    with pytest.raises(RuntimeError, match=r"no batched backward: use F\.linear and entropy_regularized_cross_entropy"):
        torch.autograd.grad(value, logits, torch.eye(4, dtype=torch.float64), is_grads_batched=True)


def test_statistics_take_no_tangent_along():
    logits = torch.randn(3, 5)
    plain = token_statistics(logits, torch.arange(3))
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(logits, torch.ones_like(logits))
        for got, expected in zip(token_statistics(dual, torch.arange(3)), plain, strict=True):
            assert torch.equal(got, expected) and torch.autograd.forward_ad.unpack_dual(got).tangent is None


def test_overwriting_is_refused_inside_torch_func():
    logits, targets = batch()
    with pytest.raises(ValueError, match=r"overwrite_logits.*torch\.func"):
        torch.func.grad(loss_at(0.5, overwrite_logits=True))(logits, targets)


@pytest.mark.parametrize("overwrite", [False, True])
def test_autocast_changes_the_layer_and_not_the_loss(overwrite):
    layer, hidden, targets = nn.Linear(4, 9), torch.randn(6, 4), torch.randint(0, 9, (6,))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = layer(hidden)
        assert logits.dtype == torch.bfloat16
        outside = loss_at(0.5)(logits.detach().float(), targets)
        value = loss_at(0.5, overwrite_logits=overwrite)(logits, targets)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, outside)
    value.backward()
    assert torch.isfinite(layer.weight.grad).all()


@pytest.mark.parametrize("skew", SKEWS)
def test_autocast_leaves_the_products_with_a_baseline_in_full_precision(skew):
    logits, targets = batch(dtype=torch.float32)
    logits[:, ::2], targets = -torch.inf, torch.full_like(targets, 3)
    baseline = torch.arange(1.0, 10.0) / 45.0
    plain, cast = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    expected = loss_at(skew, baseline=baseline)(plain, targets)
    expected.backward()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss_at(skew, baseline=baseline)(cast, targets)
        value.backward()
    assert torch.equal(value, expected)
    assert torch.equal(cast.grad, plain.grad)


def test_fused_linear_under_autocast_projects_in_its_dtype():
    layer, hidden, targets = nn.Linear(4, 9), torch.randn(6, 4, requires_grad=True), torch.randint(0, 9, (6,))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = loss_at(0.5)(layer(hidden), targets)
        value = linear_entropy_regularized_cross_entropy(
            hidden, layer.weight, targets, bias=layer.bias, skew=0.5, strength=0.6
        )
    torch.testing.assert_close(value, expected, rtol=1e-2, atol=1e-3)
    value.backward()
    assert hidden.grad.dtype == layer.weight.grad.dtype == torch.float32


def test_fused_linear_works_inside_torch_func():
    hidden, weight = torch.randn(6, 4, dtype=torch.float64), torch.randn(9, 4, dtype=torch.float64)
    targets = torch.randint(0, 9, (6,))

    def fused(h, w):
        return linear_entropy_regularized_cross_entropy(h, w, targets, skew=0.5, strength=0.6)

    leaves = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
    expected = torch.autograd.grad(fused(*leaves), leaves)
    for got, wanted in zip(torch.func.grad(fused, argnums=(0, 1))(hidden, weight), expected, strict=True):
        torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("overwrite", [False, True])
def test_checkpointing_gives_the_same_gradient(overwrite):
    layer, hidden, targets = nn.Linear(4, 9), torch.randn(6, 4, requires_grad=True), torch.randint(0, 9, (6,))

    def forward(h):
        return loss_at(0.5, overwrite_logits=overwrite)(layer(h), targets)

    (expected,) = torch.autograd.grad(forward(hidden), hidden)
    (got,) = torch.autograd.grad(checkpoint(forward, hidden, use_reentrant=False), hidden)
    assert torch.equal(got, expected)


def test_inference_mode_gives_the_value():
    logits, targets = batch()
    with torch.inference_mode():
        value = loss_at(0.5, overwrite_logits=True)(logits.clone(), targets)
    torch.testing.assert_close(value.clone(), loss_at(0.5)(logits, targets))
