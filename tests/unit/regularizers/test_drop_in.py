"""Whatever `F.cross_entropy` takes, the losses take: equal to torch where both are defined, and differentiable."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from entropyreg.regularizers import (
    EntropyRegularizedCrossEntropy,
    confidence_penalty_cross_entropy,
    entropy_regularized_cross_entropy,
    euclidean_divergence,
    euclidean_regularized_cross_entropy,
    label_smoothing_cross_entropy,
    linear_entropy_regularized_cross_entropy,
    skew_jensen,
)

LOSSES = {  # name: the loss at a strength, the divergence that it adds, and how much less than that it is by
    "skew 0": (
        lambda *a, **k: entropy_regularized_cross_entropy(*a, skew=0.0, **k),
        lambda z, d: skew_jensen(z, 0.0, dim=d),
    ),
    "skew .5": (
        lambda *a, **k: entropy_regularized_cross_entropy(*a, skew=0.5, **k),
        lambda z, d: skew_jensen(z, 0.5, dim=d),
    ),
    "skew 1": (
        lambda *a, **k: entropy_regularized_cross_entropy(*a, skew=1.0, **k),
        lambda z, d: skew_jensen(z, 1.0, dim=d),
    ),
    "euclidean": (euclidean_regularized_cross_entropy, lambda z, d: euclidean_divergence(z, dim=d)),
    "confidence penalty": (
        confidence_penalty_cross_entropy,
        lambda z, d: skew_jensen(z, 0.0, dim=d) - math.log(z.shape[d]),
    ),
}


@st.composite
def calls(draw):
    """Logits with classes on axis 1 (0 of a single row), targets, and the arguments of `F.cross_entropy`."""
    classes = draw(st.integers(1, 9))
    leading = draw(st.sampled_from([(), (1,), (5,), (3, 2), (2, 3, 2)]))
    shape = (*leading[:1], classes, *leading[1:])
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    dtype = draw(st.sampled_from([torch.float64, torch.float32]))
    logits = (draw(st.sampled_from([0.1, 1.0, 10.0])) * torch.randn(shape, generator=generator)).to(dtype)
    ignore_index = draw(st.sampled_from([-100, 0, -1]))
    if draw(st.booleans()):
        targets = torch.rand(shape, generator=generator).to(dtype)  # which need not sum to 1
        targets = targets * (torch.rand(shape, generator=generator) < 0.7)
        ignore_index = -100
    else:
        targets = torch.randint(0, classes, leading, generator=generator)
        if draw(st.booleans()):
            targets[torch.rand(leading, generator=generator) < 0.4] = ignore_index
    weight = torch.rand(classes, generator=generator).to(dtype) if draw(st.booleans()) else None
    if weight is not None and draw(st.booleans()):
        weight[0] = 0.0
    return logits, targets, {
        "weight": weight,
        "ignore_index": ignore_index,
        "reduction": draw(st.sampled_from(["mean", "sum", "none"])),
        "label_smoothing": draw(st.sampled_from([0.0, 0.1, 1.0])),
    }  # fmt: skip


def results(loss, logits, **more):
    """Value and gradient."""
    leaf = logits.clone().requires_grad_()
    value = loss(leaf * 1.0, **more)
    value.sum().backward()
    return value.detach(), leaf.grad


def expected_of(divergence, strength, targets, arguments):
    """F.cross_entropy + strength * divergence, reduced alike, by torch's own operations."""

    def loss(z):
        rows = strength * divergence(z, min(1, z.dim() - 1))
        if not targets.is_floating_point():
            rows = rows * (targets != arguments["ignore_index"])
            count = (targets != arguments["ignore_index"]).sum()
        else:
            count = rows.numel()
        added = {"mean": rows.sum() / count, "sum": rows.sum(), "none": rows}[arguments["reduction"]]
        return F.cross_entropy(z, targets, **arguments) + added

    return loss


@pytest.mark.parametrize("path", ["torch", "auto"])
@pytest.mark.parametrize("name", LOSSES)
@settings(deadline=None, max_examples=60, derandomize=True, database=None)
@given(calls(), st.sampled_from([0.0, 0.7, 20.0]), st.booleans())
def test_every_combination_is_torchs_likelihood_plus_the_divergence(name, path, call, strength, overwrite):
    (logits, targets, arguments), (loss, divergence) = call, LOSSES[name]
    expected = results(expected_of(divergence, strength, targets, arguments), logits)
    assume(torch.isfinite(expected[0]).all())  # "mean" over nothing is NaN in torch
    dim = 1 if logits.dim() > 1 else 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENTROPYREG_KERNEL", path)
        got = results(loss, logits, targets=targets, strength=strength, dim=dim, **arguments)
        tolerance = {"rtol": 1e-9, "atol": 1e-9} if logits.dtype == torch.float64 else {"rtol": 2e-5, "atol": 2e-4}
        for one, other in zip(got, expected, strict=True):
            torch.testing.assert_close(one, other, **tolerance)
        if logits.dim() <= 2:
            arguments |= {"overwrite_logits": overwrite}
            again = results(loss, logits, targets=targets, strength=strength, **arguments)
            assert all(map(torch.equal, again, got))


@settings(deadline=None, max_examples=150, derandomize=True, database=None)
@given(calls())
def test_label_smoothing_is_torchs_under_both_names(call):
    logits, targets, arguments = call
    expected = results(lambda z: F.cross_entropy(z, targets, **arguments), logits)
    assume(torch.isfinite(expected[0]).all())
    dim, smoothing = 1 if logits.dim() > 1 else 0, arguments.pop("label_smoothing")
    for name in ("smoothing", "label_smoothing"):
        given_ = {**arguments, name: smoothing, "dim": dim}
        got = results(label_smoothing_cross_entropy, logits, targets=targets, **given_)
        for one, other in zip(got, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=2e-5, atol=2e-5)


def soft(rows, classes):
    return torch.rand(rows, classes, dtype=torch.float64)


WAYS = {  # of asking for more than one class a row and constants
    "probabilities": lambda z: {"targets": soft(*z.shape)},
    "probabilities to learn": lambda z: {"targets": soft(*z.shape).requires_grad_()},
    "weight": lambda z: {"weight": soft(1, z.shape[1])[0]},
    "smoothing": lambda z: {"label_smoothing": 0.2},
    "weight and smoothing": lambda z: {"weight": soft(1, z.shape[1])[0], "label_smoothing": 0.2},
    "a learnt strength": lambda z: {"strength": torch.tensor(0.7, dtype=torch.float64, requires_grad=True)},
    "a strength a row": lambda z: {"strength": soft(1, z.shape[0])[0].requires_grad_()},
    "all": lambda z: {
        "targets": soft(*z.shape),
        "weight": soft(1, z.shape[1])[0],
        "label_smoothing": 0.2,
        "strength": soft(1, z.shape[0])[0].requires_grad_(),
    },
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("skew", [0.0, 0.3, 0.7, 1.0])
def test_gradients_of_logits_targets_and_strength_pass_gradcheck_to_the_second_order(way, reduction, skew):
    logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    arguments = {"targets": torch.tensor([0, -100, 3]), "strength": 0.7} | WAYS[way](logits)
    learnt = [name for name in ("targets", "strength") if getattr(arguments[name], "requires_grad", False)]

    def loss(z, *others):
        given_ = arguments | dict(zip(learnt, others, strict=True))
        return entropy_regularized_cross_entropy(z, skew=skew, reduction=reduction, **given_)

    inputs = (logits, *(arguments[name] for name in learnt))
    assert torch.autograd.gradcheck(loss, inputs, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(loss, inputs)


@pytest.mark.parametrize("way", WAYS)
def test_torch_func_agrees_with_autograd(way):
    logits = torch.randn(3, 4, dtype=torch.float64)
    arguments = {"targets": torch.tensor([0, -100, 3]), "strength": 0.7, "skew": 0.3} | WAYS[way](logits)
    arguments = {name: value.detach() if torch.is_tensor(value) else value for name, value in arguments.items()}

    def loss(z):
        return entropy_regularized_cross_entropy(z, **arguments)

    torch.testing.assert_close(torch.func.grad(loss)(logits), results(loss, logits)[1])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(way, dtype):
    logits = torch.randn(3, 4, dtype=torch.float64)
    arguments = {"targets": torch.tensor([0, -100, 3]), "strength": 0.7, "skew": 0.3} | WAYS[way](logits)
    exact = results(lambda z: entropy_regularized_cross_entropy(z, **arguments), logits.to(dtype).double())
    half = {
        name: value.to(dtype) if torch.is_tensor(value) and value.is_floating_point() else value
        for name, value in arguments.items()
    }
    got = results(lambda z: entropy_regularized_cross_entropy(z, **half), logits.to(dtype))
    assert got[0].dtype == torch.float32 and got[1].dtype == dtype
    for one, other in zip(got, exact, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=0.02, atol=0.02)


def test_the_gradient_of_a_strength_is_the_divergence():
    logits, targets = torch.randn(5, 7), torch.tensor([0, 3, -100, 6, 1])
    strength = torch.tensor(0.4, requires_grad=True)
    parts = entropy_regularized_cross_entropy(logits, targets, skew=0.5, strength=strength, return_parts=True)
    (gradient,) = torch.autograd.grad(parts.loss, strength)
    torch.testing.assert_close(gradient, parts.divergence)
    rows = torch.rand(5, requires_grad=True)
    value = entropy_regularized_cross_entropy(logits, targets, skew=0.5, strength=rows, reduction="sum")
    (gradient,) = torch.autograd.grad(value, rows)
    torch.testing.assert_close(gradient, skew_jensen(logits, 0.5) * (targets != -100))


def test_a_module_learns_its_strength_and_says_when_it_turns_negative():
    module = EntropyRegularizedCrossEntropy(skew=0.5, strength=torch.nn.Parameter(torch.tensor(0.2)))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    logits, targets = torch.randn(5, 7), torch.tensor([0, 3, -100, 6, 1])
    module(logits, targets).backward()
    optimizer.step()
    assert 0.0 < module.strength.item() < 0.2
    with torch.no_grad():
        module.strength.sub_(1.0)
    with pytest.raises(ValueError, match=r"strength must be finite and at least 0, got -0\.8"):
        module(logits, targets)


def test_a_strength_that_is_a_tensor_equals_the_number_to_the_bit():
    logits, targets = torch.randn(5, 7), torch.tensor([0, 3, -100, 6, 1])
    number, tensor = (
        results(entropy_regularized_cross_entropy, logits, targets=targets, skew=0.5, strength=strength)
        for strength in (0.75, torch.tensor(0.75))
    )
    assert all(map(torch.equal, number, tensor))


def test_overwriting_puts_the_gradient_of_every_way_into_the_logits_memory():
    for way, make in WAYS.items():
        leaf = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
        arguments = {"targets": torch.tensor([0, -100, 3]), "strength": 0.7, "skew": 0.3} | make(leaf)
        expected = results(lambda z, given_=arguments: entropy_regularized_cross_entropy(z, **given_), leaf.detach())
        logits, seen = leaf + 0.0, []
        logits.register_hook(seen.append)
        value = entropy_regularized_cross_entropy(logits, overwrite_logits=True, **arguments)
        value.backward(retain_graph=True)
        torch.testing.assert_close(seen[0], expected[1])
        if "learn" in way and "prob" in way:  # by composed operations, which leave the logits as they are
            continue
        assert seen[0].data_ptr() == logits.data_ptr()
        with pytest.raises(RuntimeError, match="second backward"):
            value.backward()


@pytest.mark.parametrize("rows", [{"strength": torch.rand(5)}, {"weight": torch.rand(8)}])
def test_overwriting_in_backward_raises_where_an_output_was_saved_or_changed(rows):
    targets = torch.randint(0, 8, (5,))
    saved = torch.randn(5, 8, requires_grad=True).tanh()
    given_ = {"skew": 0.5, "strength": 0.7, "overwrite_logits": True} | rows
    loss = entropy_regularized_cross_entropy(saved, targets, **given_)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    changed = torch.randn(5, 8, requires_grad=True) + 0.0
    loss = entropy_regularized_cross_entropy(changed, targets, **given_)
    with torch.no_grad():
        changed.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_the_class_axis_follows_from_the_targets_where_one_alone_fits():
    images, last = torch.randn(2, 5, 3, 4), torch.randn(2, 3, 4, 5)
    targets = torch.randint(0, 5, (2, 3, 4))
    for logits, z in ((images, images), (last, last.movedim(-1, 1))):
        got = results(entropy_regularized_cross_entropy, logits, targets=targets, skew=0.5, strength=0.0)
        torch.testing.assert_close(got[0], F.cross_entropy(z, targets))
    rows = label_smoothing_cross_entropy(images, targets, smoothing=0.1, reduction="none")
    assert rows.shape == targets.shape


@pytest.mark.parametrize("targets", [torch.randint(0, 4, (2, 4)), torch.rand(2, 4, 4)], ids=["square", "probabilities"])
def test_an_ambiguous_class_axis_is_refused_until_dim_is_given(targets):
    logits = torch.randn(2, 4, 4)
    with pytest.raises(ValueError, match=r"dim must say which axis of logits \(2, 4, 4\).*dim=1.*or dim=-1"):
        label_smoothing_cross_entropy(logits, targets, smoothing=0.0)
    got = label_smoothing_cross_entropy(logits, targets, smoothing=0.0, dim=1)
    torch.testing.assert_close(got, F.cross_entropy(logits, targets))
    last = label_smoothing_cross_entropy(logits, targets, smoothing=0.0, dim=-1)
    moved = targets.movedim(-1, 1) if targets.is_floating_point() else targets
    torch.testing.assert_close(last, F.cross_entropy(logits.movedim(-1, 1), moved))


LOGITS, CLASSES = torch.zeros(3, 4), torch.zeros(3, dtype=torch.long)
WRONG = [
    ({"dim": 2}, r"dim must be an axis of logits, an integer in \[-2, 2\), got 2"),
    ({"dim": True}, "dim must be None or an axis"),
    ({"weight": [1.0] * 4}, "weight must be a torch.Tensor, got list"),
    ({"weight": torch.ones(3)}, r"weight must hold one floating-point number for each of the 4 classes.*\(3,\)"),
    ({"weight": torch.ones(4, dtype=torch.long)}, "weight must hold one floating-point number.*int64"),
    ({"weight": torch.tensor([1.0, math.nan, 1.0, 1.0])}, "weight must be finite, got nan"),
    ({"weight": torch.ones(4, requires_grad=True)}, "weight must not require a gradient"),
    ({"label_smoothing": 1.5}, r"label_smoothing must lie in \[0, 1\], got 1.5"),
    ({"label_smoothing": None}, "label_smoothing must be a number"),
    ({"label_smoothing": torch.tensor(0.1, requires_grad=True)}, "label_smoothing must not require a gradient"),
    ({"targets": torch.zeros(3)}, r"targets must hold integer class indices, or probabilities.*\(3, 4\); got.*\(3,\)"),
    ({"targets": torch.full((3, 4), -0.1)}, "targets must be finite and at least 0.*-0.1"),
    ({"targets": torch.full((3, 4), math.nan)}, "targets must be finite.*nan"),
    ({"targets": torch.ones(3, 4), "ignore_index": 2}, "ignore_index must be negative for probability targets.*got 2"),
    ({"strength": torch.ones(4)}, r"strength must be a number, or hold one for each of the rows \(3,\).*\(4,\)"),
    ({"strength": torch.tensor([1.0, -2.0, 1.0])}, "strength must be finite and at least 0, got -2.0"),
    ({"strength": torch.ones(3, dtype=torch.long)}, "strength must hold floating-point numbers, got torch.int64"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_wrong_arguments_are_named(change, message):
    arguments = {"logits": LOGITS, "targets": CLASSES, "skew": 0.5, "strength": 1.0} | change
    with pytest.raises(ValueError, match=message):
        entropy_regularized_cross_entropy(**arguments)


def test_label_smoothing_refuses_what_has_no_meaning():
    for given_, message in (
        ({}, "smoothing or label_smoothing must be given, and not both; got None and None"),
        ({"smoothing": 0.1, "label_smoothing": 0.1}, "and not both; got 0.1 and 0.1"),
        ({"smoothing": 0.1, "convention": "fairseq", "weight": torch.ones(4)}, "'fairseq' is not defined with weight"),
    ):
        with pytest.raises(ValueError, match=message):
            label_smoothing_cross_entropy(LOGITS, CLASSES, **given_)
    with pytest.raises(ValueError, match="'fairseq' is not defined with probabilities as targets"):
        label_smoothing_cross_entropy(LOGITS, torch.ones(3, 4), smoothing=0.1, convention="fairseq")


def test_the_fused_linear_loss_refuses_by_name_what_it_does_not_do():
    hidden, weight = torch.randn(3, 2), torch.randn(4, 2)
    for change, message in (
        ({"targets": torch.ones(3, 4)}, "targets must hold integer class indices here; probabilities are taken by"),
        ({"strength": torch.ones(3)}, "strength must be a number"),
        ({"strength": torch.tensor(0.1, requires_grad=True)}, "strength must not require a gradient"),
    ):
        arguments = {"targets": CLASSES, "skew": 0.5, "strength": 1.0} | change
        with pytest.raises(ValueError, match=message):
            linear_entropy_regularized_cross_entropy(hidden, weight, **arguments)


def test_forbidden_symbols_of_probability_zero_cost_nothing():
    logits, targets = torch.randn(4, 6), torch.rand(4, 6)
    targets[:, 2] = 0.0
    masked = logits.clone()
    masked[:, 2] = -math.inf
    kept = [0, 1, 3, 4, 5]
    for path in ("torch", "auto"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ENTROPYREG_KERNEL", path)
            settings_ = {"skew": 0.5, "strength": 0.7}
            value, gradient = results(entropy_regularized_cross_entropy, masked, targets=targets, **settings_)
            alone = results(entropy_regularized_cross_entropy, logits[:, kept], targets=targets[:, kept], **settings_)
        torch.testing.assert_close(value, alone[0])
        torch.testing.assert_close(gradient[:, kept], alone[1])
        assert not gradient[:, 2].any()
