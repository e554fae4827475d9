"""overwrite_logits=True: the same results, no new array, and refusal wherever it would be wrong."""

import math

import pytest
import torch
from torch import nn

from entropyreg.regularizers import (
    confidence_penalty_cross_entropy,
    entropy_regularized_cross_entropy,
    euclidean_regularized_cross_entropy,
    label_smoothing_cross_entropy,
)

LOSSES = {
    "skew 0": lambda z, y, **k: entropy_regularized_cross_entropy(z, y, skew=0.0, strength=0.6, **k),
    "skew .02": lambda z, y, **k: entropy_regularized_cross_entropy(z, y, skew=0.02, strength=0.6, **k),
    "skew .5": lambda z, y, **k: entropy_regularized_cross_entropy(z, y, skew=0.5, strength=0.6, **k),
    "skew 1": lambda z, y, **k: entropy_regularized_cross_entropy(z, y, skew=1.0, strength=0.6, **k),
    "euclidean": lambda z, y, **k: euclidean_regularized_cross_entropy(z, y, strength=0.6, **k),
    "label smoothing": lambda z, y, **k: label_smoothing_cross_entropy(z, y, smoothing=0.3, **k),
    "confidence penalty": lambda z, y, **k: confidence_penalty_cross_entropy(z, y, strength=0.6, **k),
}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())


def overwriting(logits, targets, **settings):
    return LOSSES["skew .5"](logits, targets, overwrite_logits=True, **settings)


def produced(*shape, dtype=torch.float32):
    """Logits from an operation that does not save its output."""
    return torch.randn(*shape, dtype=dtype, requires_grad=True) + 0.0


EVERY_DTYPE = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@every_loss
@pytest.mark.parametrize(
    ("reduction", "dtype"),
    [(r, d) for r in ("mean", "sum", "none") for d in EVERY_DTYPE if (r, d) != ("mean", torch.float16)],
)
def test_overwriting_changes_no_number(loss, reduction, dtype):
    values, targets = (3.0 * torch.randn(9, 40)).to(dtype), torch.randint(0, 40, (9,))
    targets[4], values[:, 7], targets[targets == 7] = -100, -math.inf, 0
    results = []
    for overwrite in (False, True):
        leaf = values.clone().requires_grad_()
        value = loss(leaf * 1.0, targets, reduction=reduction, overwrite_logits=overwrite)
        (2.5 * value).sum().backward()
        results.append((value.detach(), leaf.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


def test_the_logits_memory_is_where_the_gradient_goes():
    leaf, targets = torch.randn(5, 8, requires_grad=True), torch.randint(0, 8, (5,))
    expected = torch.autograd.grad(LOSSES["skew .5"](leaf, targets, reduction="sum"), leaf)[0]
    logits = leaf + 0.0
    address = logits.data_ptr()
    seen = []
    logits.register_hook(lambda g: seen.append(g))
    overwriting(logits, targets, reduction="sum").backward()
    assert seen[0].data_ptr() == address
    torch.testing.assert_close(seen[0], expected)


def test_overwriting_after_a_linear_layer_is_allowed():
    layer, hidden, targets = nn.Linear(4, 9), torch.randn(6, 4, requires_grad=True), torch.randint(0, 9, (6,))
    grads = []
    for overwrite in (False, True):
        layer.zero_grad()
        hidden.grad = None
        LOSSES["skew .5"](layer(hidden), targets, overwrite_logits=overwrite).backward()
        grads.append([layer.weight.grad.clone(), layer.bias.grad.clone(), hidden.grad.clone()])
    for plain, overwritten in zip(*grads, strict=True):
        assert torch.equal(plain, overwritten)


@pytest.mark.parametrize("producer", [torch.tanh, torch.sigmoid, torch.relu, torch.exp, lambda z: z.log_softmax(-1)])
def test_overwriting_after_an_operation_that_saves_its_output_raises_in_backward(producer):
    logits = producer(torch.randn(5, 8, requires_grad=True))
    loss = overwriting(logits, torch.randint(0, 8, (5,)))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_change_of_the_logits_after_the_loss_raises_in_backward():
    logits = produced(5, 8)
    loss = overwriting(logits, torch.randint(0, 8, (5,)))
    with torch.no_grad():
        logits.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_second_overwriting_loss_on_the_same_logits_raises():
    logits, targets = produced(5, 8), torch.randint(0, 8, (5,))
    total = overwriting(logits, targets) + overwriting(logits, targets)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


def test_logits_stay_as_they_are_where_no_gradient_is_wanted():
    targets = torch.randint(0, 8, (5,))
    without_grad = torch.randn(5, 8)
    before = without_grad.clone()
    overwriting(without_grad, targets)
    assert torch.equal(without_grad, before)
    leaf = torch.randn(5, 8, requires_grad=True)
    before = leaf.detach().clone()
    with torch.no_grad():
        overwriting(leaf, targets)
    assert torch.equal(leaf, before)


def test_views_with_rows_of_their_own_are_allowed():
    targets = torch.randint(0, 8, (2, 3))
    for make in (lambda b: b[..., :8], lambda b: b.view(6, 10)[:, 1:9].view(2, 3, 8), lambda b: b[:, :, 2:]):
        leaf = torch.randn(2, 3, 10, requires_grad=True)
        (expected,) = torch.autograd.grad(LOSSES["skew .5"](make(leaf + 0.0), targets), leaf)
        (got,) = torch.autograd.grad(overwriting(make(leaf + 0.0), targets), leaf)
        assert torch.equal(got, expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.randn(5, 8, requires_grad=True), "leaf"),
        (lambda: torch.randn(40, requires_grad=True).view(5, 8), "leaf"),
        (lambda: torch.randn(5, 9, requires_grad=True)[:, :8], "leaf"),
        (lambda: produced(1, 8).expand(5, 8), "overlapping"),
        (lambda: produced(5, 1).expand(5, 8), "overlapping"),
        (lambda: produced(40).as_strided((5, 8), (4, 1)), "overlapping"),
        (lambda: produced(40).unfold(0, 8, 4)[:5], "overlapping"),
        (lambda: produced(5, 8, dtype=torch.float16), "float16"),
    ],
    ids=[
        "leaf",
        "view of a leaf",
        "slice of a leaf",
        "expanded rows",
        "expanded columns",
        "strided",
        "unfolded",
        "half",
    ],
)
def test_logits_that_must_not_be_overwritten_are_refused(make, message):
    logits = make()
    before = logits.detach().clone()
    with pytest.raises(ValueError, match=f"overwrite_logits.*{message}"):
        overwriting(logits, torch.randint(0, 8, (5,)))
    assert torch.equal(logits, before)


@pytest.mark.parametrize("strides", [(8, 0), (0, 1), (1, 1), (3, 7)])
def test_empty_logits_may_have_any_strides(strides):
    leaf = torch.randn(40, requires_grad=True)
    logits = (leaf * 2.0).as_strided((0, 8), strides)
    loss = overwriting(logits, torch.zeros(0, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0.0 and torch.equal(leaf.grad, torch.zeros(40))


def test_logits_that_cannot_be_viewed_as_rows_are_refused():
    with pytest.raises(ValueError, match=r"overwrite_logits.*\(N, V\)"):
        overwriting(produced(2, 3, 8).transpose(0, 1), torch.randint(0, 8, (3, 2)))


def test_second_and_double_backward_are_refused():
    logits, targets = produced(5, 8), torch.randint(0, 8, (5,))
    loss = overwriting(logits, targets)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="second backward"):
        loss.backward()
    logits = produced(5, 8)
    loss = overwriting(logits, targets)
    with pytest.raises(RuntimeError, match="double backward"):
        torch.autograd.grad(loss, logits, create_graph=True)


def test_float16_with_sum_and_loss_scaling_keeps_small_gradients():
    leaf = torch.randn(64, 1000).half().requires_grad_()
    targets = torch.randint(0, 1000, (64,))
    loss = overwriting(leaf * 1.0, targets, reduction="sum")
    (1024.0 * loss).backward()
    exact = torch.autograd.grad(LOSSES["skew .5"](leaf.double(), targets, reduction="sum"), leaf)[0].double()
    assert (leaf.grad != 0.0).float().mean() > 0.999
    assert ((leaf.grad.double() / 1024.0 - exact).norm() / exact.norm()).item() < 1e-3


def test_extra_memory_does_not_grow_with_the_rows():
    from torch.profiler import ProfilerActivity, profile

    def largest_allocation(rows):
        logits, targets = produced(rows, 2000), torch.randint(0, 2000, (rows,))
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
            overwriting(logits, targets, reduction="sum")
        return max(max(event.cpu_memory_usage, 0) for event in record.events() if event.name == "aten::empty")

    assert largest_allocation(4000) <= max(largest_allocation(500), 2 * 2**20)
