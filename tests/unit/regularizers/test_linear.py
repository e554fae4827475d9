"""The fused projection and loss equals the two in turn, in values, gradients and refusals, with less memory."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from entropyreg.regularizers import entropy_regularized_cross_entropy, linear, linear_entropy_regularized_cross_entropy

SKEWS = [0.0, 0.02, 0.3, 0.7, 0.98, 1.0]


def parameters(rows=13, dim=5, classes=8, dtype=torch.float64):
    tensors = [torch.randn(*shape, dtype=dtype).requires_grad_() for shape in ((rows, dim), (classes, dim), (classes,))]
    targets = torch.randint(0, classes, (rows,))
    targets[2] = -100
    return *tensors, targets


@pytest.fixture(autouse=True)
def several_chunks(monkeypatch):
    monkeypatch.setattr(linear, "ROWS", 4)


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("with_bias", [True, False])
def test_fused_equals_unfused(skew, reduction, with_bias):
    hidden, weight, bias, targets = parameters()
    leaves = [hidden, weight, bias] if with_bias else [hidden, weight]
    settings = {"skew": skew, "strength": 0.6, "reduction": reduction, "return_parts": True}
    bias = bias if with_bias else None
    unfused = entropy_regularized_cross_entropy(F.linear(hidden, weight, bias), targets, **settings)
    fused = linear_entropy_regularized_cross_entropy(hidden, weight, targets, bias=bias, **settings)
    torch.testing.assert_close(tuple(fused), tuple(unfused))
    weights = torch.rand(unfused.loss.shape, dtype=torch.float64)
    expected = torch.autograd.grad((weights * unfused.loss).sum(), leaves)
    torch.testing.assert_close(torch.autograd.grad((weights * fused.loss).sum(), leaves), expected)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_fused_gradient_passes_gradcheck(reduction):
    *leaves, targets = parameters(6, 3, 4)

    def function(h, w, b):
        return linear_entropy_regularized_cross_entropy(
            h, w, targets, bias=b, skew=0.5, strength=0.6, reduction=reduction
        )

    assert gradcheck(function, leaves)


@pytest.mark.parametrize("wanted", [(True, False, False), (False, True, False), (False, False, True)])
def test_only_the_wanted_gradients_are_given(wanted):
    *leaves, targets = parameters()
    for leaf, want in zip(leaves, wanted, strict=True):
        leaf.requires_grad_(want)
    hidden, weight, bias = leaves
    linear_entropy_regularized_cross_entropy(hidden, weight, targets, bias=bias, skew=0.5, strength=0.6).backward()
    assert [leaf.grad is not None for leaf in leaves] == list(wanted)


def test_leading_axes_are_rows():
    hidden, weight, bias, _ = parameters(12)
    targets = torch.randint(0, 8, (3, 4))
    rows = linear_entropy_regularized_cross_entropy(
        hidden.view(3, 4, 5), weight, targets, bias=bias, skew=0.5, strength=0.6, reduction="none"
    )
    assert rows.shape == (3, 4)
    unfused = F.linear(hidden.view(3, 4, 5), weight, bias)
    torch.testing.assert_close(
        rows, entropy_regularized_cross_entropy(unfused, targets, skew=0.5, strength=0.6, reduction="none")
    )


def test_a_second_backward_gives_the_same_and_a_double_one_is_refused():
    *leaves, targets = parameters()
    hidden, weight, bias = leaves
    loss = linear_entropy_regularized_cross_entropy(hidden, weight, targets, bias=bias, skew=0.5, strength=0.6)
    first = torch.autograd.grad(loss, leaves, retain_graph=True)
    first = [g.clone() for g in first]
    torch.testing.assert_close(list(torch.autograd.grad(loss, leaves, retain_graph=True)), first)
    with pytest.raises(RuntimeError, match="double backward"):
        torch.autograd.grad(loss, [hidden], create_graph=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_sums_the_weight_gradient_in_float32(dtype):
    *leaves, targets = parameters(64, 16, 30, dtype=torch.float32)
    halves = [leaf.detach().to(dtype).requires_grad_() for leaf in leaves]
    loss = linear_entropy_regularized_cross_entropy(
        halves[0], halves[1], targets, bias=halves[2], skew=0.5, strength=0.6, reduction="sum"
    )
    assert loss.dtype == torch.float32
    loss.backward()
    exact = [half.detach().double().requires_grad_() for half in halves]
    entropy_regularized_cross_entropy(
        F.linear(exact[0], exact[1], exact[2]), targets, skew=0.5, strength=0.6, reduction="sum"
    ).backward()
    for half, double in zip(halves, exact, strict=True):
        assert half.grad.dtype == dtype
        error = (half.grad.double() - double.grad).norm() / double.grad.norm()
        assert error < 4 * torch.finfo(dtype).eps


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_empty_and_all_ignored_batches_give_zero(reduction):
    for rows in (0, 3):
        hidden, weight, _, _ = parameters(4)
        leaf = hidden[:rows].detach().requires_grad_()
        loss = linear_entropy_regularized_cross_entropy(
            leaf, weight, torch.full((rows,), -100), skew=0.5, strength=0.6, reduction=reduction
        )
        loss.sum().backward()
        assert loss.sum().item() == 0.0
        assert not leaf.grad.any() and not weight.grad.any()


def test_logits_of_all_rows_are_never_held(monkeypatch):
    from torch.profiler import ProfilerActivity, profile

    monkeypatch.setattr(linear, "ROWS", 64)
    *leaves, targets = parameters(1024, 8, 2000, dtype=torch.float32)
    hidden, weight, bias = leaves
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        linear_entropy_regularized_cross_entropy(hidden, weight, targets, bias=bias, skew=0.5, strength=0.6).backward()
    assert max(event.cpu_memory_usage for event in record.events()) < 1024 * 2000 * 4 / 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": torch.randn(8, 4)}, "weight must have shape"),
        ({"weight": torch.randn(8)}, "weight must have shape"),
        ({"bias": torch.randn(7)}, "bias must"),
        ({"targets": torch.zeros(4, dtype=torch.long)}, "targets must have the shape"),
        ({"targets": torch.full((13,), 8)}, r"targets must lie in \[0, 8\)"),
        ({"skew": 2.0}, "skew must lie"),
        ({"hidden": torch.zeros(13, 5, dtype=torch.long)}, "hidden must be float"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    arguments = {
        "hidden": torch.randn(13, 5),
        "weight": torch.randn(8, 5),
        "targets": torch.zeros(13, dtype=torch.long),
        "bias": torch.randn(8),
        "skew": 0.5,
        "strength": 1.0,
    } | change
    with pytest.raises(ValueError, match=message):
        linear_entropy_regularized_cross_entropy(**arguments)
