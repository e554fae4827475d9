"""The native CPU kernel: equal to the torch path within rounding, whatever the arguments, layout and threads."""

import math
from functools import partial
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from entropyreg.regularizers import (
    KernelInUse,
    confidence_penalty_cross_entropy,
    entropy_regularized_cross_entropy,
    euclidean_divergence,
    kernel_in_use,
    label_smoothing_cross_entropy,
    skew_jensen,
    token_statistics,
)
from entropyreg.regularizers.kernels import kernel_for, native
from entropyreg.regularizers.kernels.native import build

pytestmark = pytest.mark.skipif(build.library().handle is None, reason=f"no kernel: {build.library().problem}")
SKEWS = [0.0, 1e-6, 0.02, 0.3, 0.5, 0.9, 0.97, 1 - 1e-6, 1.0]
CLASSES = 37  # not a multiple of any vector's width


def on(path, monkeypatch, function):
    """The function's result with that kernel."""
    monkeypatch.setenv("ENTROPYREG_KERNEL", path)
    return function()


def loss_and_gradient(logits, targets, *, loss=entropy_regularized_cross_entropy, **arguments):
    leaf = logits.clone().requires_grad_()
    value = loss(leaf * 1.0, targets, **arguments)
    value.sum().backward()
    return value.detach(), leaf.grad


def batch(rows=9, classes=CLASSES, scale=3.0, masked=False):
    logits, targets = scale * torch.randn(rows, classes), torch.randint(0, classes, (rows,))
    if masked:
        forbidden = (torch.rand(rows, classes) < 0.4).scatter_(1, targets[:, None], False)
        logits[forbidden] = -math.inf
    return logits, targets


def assert_near(got, expected):
    torch.testing.assert_close(got, expected, rtol=3e-5, atol=3e-6)


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("given_baseline", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_the_paths_agree(skew, given_baseline, masked, monkeypatch):
    baseline = torch.rand(CLASSES).add(0.05).log_softmax(0).exp() if given_baseline else None
    every = product(("mean", "sum", "none"), (False, True), (False, True), (0.7, 30.0))
    for reduction, ignored, overwrite, strength in every:
        logits, targets = batch(masked=masked)
        if ignored:
            targets[[2, 5]], logits[5] = -100, math.nan
        arguments = {"skew": skew, "strength": strength, "baseline": baseline, "reduction": reduction}
        compute = partial(loss_and_gradient, logits, targets, overwrite_logits=overwrite, **arguments)
        found = [on(path, monkeypatch, compute) for path in ("native", "torch")]
        assert not torch.isnan(found[0][1]).any()
        for got, expected in zip(*found, strict=True):
            torch.testing.assert_close(got, expected, rtol=3e-5, atol=2e-6 * (1.0 + strength))


@pytest.mark.parametrize("loss", [label_smoothing_cross_entropy, confidence_penalty_cross_entropy])
@pytest.mark.parametrize("masked", [False, True])
def test_the_classic_members_agree(loss, masked, monkeypatch):
    logits, targets = batch(masked=masked)
    setting = {"smoothing": 0.2} if loss is label_smoothing_cross_entropy else {"strength": 0.4}
    found = [
        on(path, monkeypatch, lambda: loss_and_gradient(logits, targets, loss=loss, **setting))
        for path in ("native", "torch")
    ]
    for got, expected in zip(*found, strict=True):
        assert_near(got, expected)


@settings(deadline=None, max_examples=200, derandomize=True, database=None)
@given(
    st.integers(1, 4), st.integers(1, 70), st.integers(0, 2**31), st.sampled_from([0.0, 1e-3, 1.0, 20.0, 100.0]),
    st.one_of(st.sampled_from(SKEWS), st.floats(0.0, 1.0, allow_subnormal=False)), st.floats(0.0, 7.0),
    st.sampled_from([0.0, 0.5, 0.95]),
)  # fmt: skip
def test_native_terms_agree_with_float64(rows, classes, seed, scale, skew, strength, forbid):
    generator = torch.Generator().manual_seed(seed)
    logits = (scale * torch.randn(rows, classes, generator=generator)).clamp(-100, 100)
    targets = torch.randint(0, classes, (rows,), generator=generator)
    forbidden = torch.rand(rows, classes, generator=generator) < forbid
    logits[forbidden.scatter_(1, targets[:, None], False)] = -math.inf
    arguments = {"skew": skew, "strength": strength, "reduction": "sum", "return_parts": False}
    value, gradient = loss_and_gradient(logits, targets, **arguments)
    expected, exact = loss_and_gradient(logits.double(), targets, **arguments)
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-5)
    assert (gradient.double() - exact).norm() <= 1e-5 * exact.norm() + 1e-6
    divergence = skew_jensen(logits, skew)
    assert (divergence >= 0.0).all() and torch.isfinite(divergence).all()


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("spread", [0.01, 0.06])
def test_the_divergence_reported_near_the_uniform_distribution_keeps_its_digits(skew, spread, monkeypatch):
    monkeypatch.setenv("ENTROPYREG_KERNEL", "native")
    logits, targets = 3.3 + spread * torch.rand(8, 1501), torch.zeros(8, dtype=torch.long)
    settings = {"skew": skew, "strength": 0.7, "reduction": "none", "return_parts": True}
    got, exact = (
        entropy_regularized_cross_entropy(z, targets, **settings).divergence for z in (logits, logits.double())
    )
    torch.testing.assert_close(got.double(), exact, rtol=1e-3, atol=0.0)


@pytest.mark.parametrize("skew", [*SKEWS, 0.07671347773285776])
def test_one_class_costs_exactly_nothing(skew):
    value, gradient = loss_and_gradient(torch.zeros(3, 1), torch.zeros(3, dtype=torch.long), skew=skew, strength=2.0)
    assert value.abs().max() == 0.0 and gradient.abs().max() == 0.0


@pytest.mark.parametrize("skew", SKEWS)
def test_every_length_of_a_row_is_right(skew, monkeypatch):
    for classes in (2, 15, 16, 17, 511, 512, 513, 5000):
        torch.manual_seed(20200705)  # as in conftest.py: a length's numbers are the same whichever come before it
        compute = partial(loss_and_gradient, *batch(4, classes, 8.0), skew=skew, strength=0.7)
        found = [on(path, monkeypatch, compute) for path in ("native", "torch")]
        for got, expected in zip(*found, strict=True):
            assert_near(got, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layout", ["transposed", "strided columns", "strided rows", "expanded", "sliced"])
def test_every_layout_agrees(dtype, layout, monkeypatch):
    base = (3.0 * torch.randn(600, 600)).to(dtype)
    view = {
        "transposed": base.t()[:500],
        "strided columns": base[:500, ::2],
        "strided rows": base[::2],
        "expanded": base[:1].expand(500, 600),
        "sliced": base[:500, 1:500],
    }[layout]
    targets = torch.randint(0, view.shape[1], (view.shape[0],))

    def results():
        leaf = view.detach().requires_grad_()
        loss = entropy_regularized_cross_entropy(leaf, targets, skew=0.4, strength=0.7, reduction="sum")
        loss.backward()
        return loss.detach(), leaf.grad.float(), *token_statistics(view, targets, (1e-3,), (0.5, 1.0))[:5]

    expected = on("torch", monkeypatch, results)
    tolerance = 2e-5 if dtype == torch.float32 else torch.finfo(dtype).eps
    for got, wanted in zip(on("native", monkeypatch, results), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=tolerance, atol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_statistics_agree_with_ties_and_several_temperatures(masked, monkeypatch):
    logits, targets = batch(40, 700, 4.0, masked)
    logits[:10] = logits[:10].round()
    arguments = {"thresholds": (1e-2, 1e-4, 1e-9), "temperatures": (0.3, 1.0, 2.5)}
    found = [
        on(path, monkeypatch, lambda: token_statistics(logits, targets, **arguments)) for path in ("native", "torch")
    ]
    for name, got, expected in zip(found[0]._fields, *found, strict=True):
        if name in ("rank", "correct"):
            assert torch.equal(got, expected)
        else:
            torch.testing.assert_close(got, expected, rtol=2e-5, atol=1.01 / 700 if name == "share" else 2e-6)


def test_writing_bumps_the_version_counter(monkeypatch):
    monkeypatch.setenv("ENTROPYREG_KERNEL", "native")
    layer, hidden, targets = nn.Linear(5, CLASSES), torch.randn(6, 5), torch.randint(0, CLASSES, (6,))
    logits = layer(hidden)
    version = logits._version
    loss = entropy_regularized_cross_entropy(logits, targets, skew=0.5, strength=1.0, overwrite_logits=True)
    assert logits._version > version
    loss.backward()
    assert layer.weight.grad.abs().sum() > 0.0
    saved = torch.tanh(layer(hidden))
    loss = entropy_regularized_cross_entropy(saved, targets, skew=0.5, strength=1.0, overwrite_logits=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    unwritten = layer(hidden)
    version = unwritten._version
    entropy_regularized_cross_entropy(unwritten, targets, skew=0.5, strength=1.0)
    assert unwritten._version == version


def test_nan_logits_give_nan_and_do_not_hide(monkeypatch):
    monkeypatch.setenv("ENTROPYREG_KERNEL", "native")
    for bad in (math.nan, math.inf):
        logits, targets = batch()
        logits[3, 4] = bad
        value, gradient = loss_and_gradient(logits, targets, skew=0.5, strength=0.7, reduction="none")
        assert torch.isnan(value[3]) and torch.isnan(gradient[3]).all()
        assert torch.isfinite(value[[0, 1, 2, 4]]).all()


def test_unsupported_cases_are_left_to_torch(monkeypatch):
    class Marked(torch.Tensor):
        pass

    monkeypatch.setenv("ENTROPYREG_KERNEL", "native")
    logits = torch.randn(3, 4)
    assert kernel_for(logits) is native
    assert kernel_for(logits.double()) is None
    assert kernel_for(logits.as_subclass(Marked)) is None
    assert kernel_for(torch.empty(3, 4, device="meta")) is None
    torch.testing.assert_close(euclidean_divergence(logits), euclidean_divergence(logits.double()).float())


def test_the_kernel_in_use_is_reported(monkeypatch):
    expected = KernelInUse("native", build.library().version, "ENTROPYREG_KERNEL=native")
    assert on("native", monkeypatch, kernel_in_use) == expected
    assert on("auto", monkeypatch, kernel_in_use).path == on("", monkeypatch, kernel_in_use).path == "native"
    assert on("torch", monkeypatch, kernel_in_use) == ("torch", torch.__version__, "ENTROPYREG_KERNEL=torch")
    assert on("auto", monkeypatch, lambda: kernel_in_use("meta")).path == "torch"
