"""NaN and infinite logits: their effect in rows that count, and none in ignored rows."""

import inspect
import math
from itertools import product

import pytest
import torch

from entropyreg import regularizers
from entropyreg.regularizers import (
    confidence_penalty_cross_entropy,
    entropy_regularized_cross_entropy,
    euclidean_divergence,
    euclidean_regularized_cross_entropy,
    label_smoothing_cross_entropy,
    linear_entropy_regularized_cross_entropy,
    skew_jensen,
    token_statistics,
)
from entropyreg.regularizers.kernels.native import build

NAN, INF = math.nan, math.inf
UNDEFINED = {
    "NaN": [0.0, NAN, 1.0, 2.0],
    "NaN at the target": [NAN, 1.0, 2.0, 3.0],
    "+inf": [0.0, INF, 1.0, 2.0],
    "+inf at the target": [INF, 0.0, 1.0, 2.0],
    "two +inf": [INF, INF, 0.0, 1.0],
    "NaN and -inf": [0.0, NAN, -INF, 1.0],
    "+inf and -inf": [0.0, -INF, INF, 1.0],
    "nothing but -inf": [-INF, -INF, -INF, -INF],
}
BASELINE = [0.4, 0.3, 0.2, 0.1]
LOSSES = {
    **{
        f"skew {skew}": (entropy_regularized_cross_entropy, {"skew": skew}) for skew in (0.0, 0.02, 0.3, 0.7, 0.98, 1.0)
    },
    "skew 0, baseline": (entropy_regularized_cross_entropy, {"skew": 0.0, "baseline": BASELINE}),
    "skew .3, baseline": (entropy_regularized_cross_entropy, {"skew": 0.3, "baseline": BASELINE}),
    "skew 1, baseline": (entropy_regularized_cross_entropy, {"skew": 1.0, "baseline": BASELINE}),
    "euclidean": (euclidean_regularized_cross_entropy, {}),
    "euclidean, baseline": (euclidean_regularized_cross_entropy, {"baseline": BASELINE}),
    "label smoothing": (label_smoothing_cross_entropy, {"smoothing": 0.2}),
    "fairseq's label smoothing": (label_smoothing_cross_entropy, {"smoothing": 0.2, "convention": "fairseq"}),
    "confidence penalty": (confidence_penalty_cross_entropy, {}),
}
OTHERS = [[0.0, 1.0, 2.0, 3.0], [1.0, -INF, 0.5, 0.0]]
every_loss = pytest.mark.parametrize("name", LOSSES)
every_path = pytest.mark.parametrize(
    "path",
    [
        pytest.param("native", marks=pytest.mark.skipif(build.library().handle is None, reason="no kernel")),
        "torch",
        "float64",
        "composed",
    ],
)


@pytest.fixture
def run(path, monkeypatch):
    """Loss and gradient of the loss's sum for rows of logits, by one of the ways there are to compute them."""
    monkeypatch.setenv("ENTROPYREG_KERNEL", "native" if path == "native" else "torch")

    def compute(name, rows, targets, overwrite=False, **settings):
        function, own = LOSSES[name]
        own = own | settings | ({} if "smoothing" in own else {"strength": 0.7})
        logits = torch.tensor(rows, dtype=torch.float64 if path == "float64" else torch.float32)
        targets = torch.tensor(targets)
        if path == "composed":
            value, backward = torch.func.vjp(lambda z: function(z, targets, **own), logits)
            return value, backward(torch.ones_like(value))[0]
        leaf = logits.requires_grad_()
        value = function(leaf * 1.0, targets, overwrite_logits=overwrite, **own)
        value.sum().backward()
        return value.detach(), leaf.grad

    return compute


@every_path
@every_loss
def test_an_undefined_row_is_nan_and_the_others_are_unchanged(name, path, run):
    expected = run(name, OTHERS, [0, 2], reduction="none")
    for row in UNDEFINED.values():
        rows, targets = [OTHERS[0], row, OTHERS[1]], [0, 0, 2]
        value, gradient = run(name, rows, targets, reduction="none")
        assert torch.isnan(value[1]) and torch.isnan(gradient[1]).all()
        for got, wanted in zip((value, gradient), expected, strict=True):
            torch.testing.assert_close(got[[0, 2]], wanted)
            assert torch.isfinite(got[[0, 2]]).all()
        for reduction in ("mean", "sum"):
            value, gradient = run(name, rows, targets, reduction=reduction)
            assert torch.isnan(value) and torch.isnan(gradient[1]).all() and torch.isfinite(gradient[[0, 2]]).all()


@every_path
@every_loss
def test_an_ignored_row_changes_nothing_whatever_it_holds(name, path, run):
    for reduction, row in product(("mean", "sum", "none"), UNDEFINED.values()):
        expected, its_gradient = run(name, OTHERS, [0, 2], reduction=reduction)
        rows, targets = [OTHERS[0], row, OTHERS[1]], [0, -100, 2]
        value, gradient = run(name, rows, targets, reduction=reduction)
        if reduction == "none":
            assert value[1] == 0.0
            value = value[[0, 2]]
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(gradient[[0, 2]], its_gradient)
        assert torch.equal(gradient[1], torch.zeros_like(gradient[1]))
        if path != "composed":
            again = run(name, rows, targets, overwrite=True, reduction=reduction)
            assert torch.equal(again[1], gradient)


@every_path
@every_loss
def test_a_forbidden_target_has_infinite_loss_and_the_gradient_of_the_limit(name, path, run):
    value, gradient = run(name, [[-INF, 0.0, 1.0, 3.0]], [0], reduction="none")
    reference = run(name, [[-INF, 0.0, 1.0, 3.0]], [1], reduction="none")[1]
    weight = (reference[0, 0] - gradient[0, 0]).item()  # of the NLL
    assert value.item() == INF and weight > 0.0
    torch.testing.assert_close(gradient[0, 1] - reference[0, 1], gradient.new_tensor(weight))
    torch.testing.assert_close(gradient[0, 2:], reference[0, 2:])


@every_path
@every_loss
def test_logits_so_far_apart_that_their_difference_overflows_are_as_forbidden(name, path, run):
    if path == "float64":
        huge, far = [1.5e308, -1.5e308, 0.0, 1.0], [0.0, -INF, -1.5e308, -1.5e308]
    else:
        huge, far = [3e38, -3e38, 0.0, 1.0], [0.0, -INF, -3e38, -3e38]
    for got, expected in zip(run(name, [huge], [0]), run(name, [far], [0]), strict=True):
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("row", UNDEFINED)
@pytest.mark.parametrize("divergence", [lambda z: skew_jensen(z, 0.3), euclidean_divergence])
def test_the_divergences_alone_are_nan_there_too(row, divergence):
    leaf = torch.tensor([OTHERS[0], UNDEFINED[row]], requires_grad=True)
    value = divergence(leaf)
    value.sum().backward()
    assert torch.isnan(value).tolist() == torch.isnan(leaf.grad).all(1).tolist() == [False, True]


@pytest.mark.parametrize("path", ["eager", "composed"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_an_ignored_row_of_hidden_states_changes_nothing_whatever_it_holds(bad, reduction, path):
    def results(rows, targets):
        hidden, weight = torch.tensor(rows), torch.linspace(-1.0, 1.0, 12).reshape(4, 3)
        bias = torch.linspace(0.0, 1.0, 4)

        def loss(h, w, b):
            return linear_entropy_regularized_cross_entropy(
                h, w, torch.tensor(targets), bias=b, skew=0.3, strength=0.7, reduction=reduction
            )

        if path == "composed":
            value, backward = torch.func.vjp(loss, hidden, weight, bias)
            return value, *backward(torch.ones_like(value))
        leaves = [tensor.requires_grad_() for tensor in (hidden, weight, bias)]
        value = loss(*leaves)
        return value.detach(), *torch.autograd.grad(value.sum(), leaves)

    value, of_hidden, *others = results([[1.0, 2.0, 3.0], [bad, 0.0, 1.0], [0.5, 0.0, -1.0]], [0, -100, 3])
    expected, of_hidden_expected, *others_expected = results([[1.0, 2.0, 3.0], [0.5, 0.0, -1.0]], [0, 3])
    torch.testing.assert_close(value[[0, 2]] if reduction == "none" else value, expected)
    torch.testing.assert_close(of_hidden[[0, 2]], of_hidden_expected)
    assert torch.equal(of_hidden[1], torch.zeros(3))
    for got, wanted in zip(others, others_expected, strict=True):
        torch.testing.assert_close(got, wanted)


@every_path
@pytest.mark.parametrize("row", UNDEFINED)
def test_statistics_of_an_undefined_row_are_nan_and_it_is_not_correct(row, path, monkeypatch):
    monkeypatch.setenv("ENTROPYREG_KERNEL", "native" if path == "native" else "torch")
    logits = torch.tensor([OTHERS[0], UNDEFINED[row], OTHERS[1]])
    logits = logits.double() if path == "float64" else logits
    for temperatures in ((1.0,), (0.5, 2.0)):
        found = token_statistics(logits, torch.tensor([3, 0, 0]), (0.1, 0.5), temperatures)
        expected = token_statistics(logits[[0, 2]], torch.tensor([3, 0]), (0.1, 0.5), temperatures)
        axis = len(temperatures) - 1 and 1
        for name, got, wanted in zip(found._fields, found, expected, strict=True):
            torch.testing.assert_close(got.index_select(axis, torch.tensor([0, 2])), wanted)
            bad = got.select(axis, 1)
            if name in ("rank", "correct"):
                assert (bad == (-1 if name == "rank" else 0)).all()
            else:
                assert torch.isnan(bad).all()


@every_path
def test_a_forbidden_target_has_infinite_nll_among_the_statistics_and_comes_last(path, monkeypatch):
    monkeypatch.setenv("ENTROPYREG_KERNEL", "native" if path == "native" else "torch")
    logits = torch.tensor([[0.0, -INF, 1.0, -INF]], dtype=torch.float64 if path == "float64" else torch.float32)
    for temperature in (0.5, 1.0, 3.0):
        found = token_statistics(logits, torch.tensor([1]), temperatures=(temperature,))
        assert found.nll.item() == INF and found.rank.item() == 2 and not found.correct.item()
        assert math.isfinite(found.entropy.item())


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_a_row_of_hidden_states_that_counts_spoils_the_gradients_it_enters_and_no_other(bad):
    hidden = torch.tensor([[1.0, 2.0, 3.0], [bad, 0.0, 1.0]], requires_grad=True)
    weight = torch.linspace(-1.0, 1.0, 12).reshape(4, 3).requires_grad_()
    loss = linear_entropy_regularized_cross_entropy(
        hidden, weight, torch.tensor([0, 1]), skew=0.3, strength=0.7, reduction="none"
    )
    loss.sum().backward()
    assert torch.isnan(loss).tolist() == torch.isnan(hidden.grad).all(1).tolist() == [False, True]
    assert torch.isfinite(hidden.grad[0]).all() and torch.isnan(weight.grad).all()


NUMBERS = {  # every argument of a public function or module that holds numbers, with a value it takes
    "skew": 0.3,
    "strength": 0.7,
    "smoothing": 0.1,
    "entropy": 0.5,
    "temperature": 1.0,
    "baseline": BASELINE,
    "probabilities": BASELINE,
    "counts": [3.0, 2.0, 1.0, 4.0],
    "thresholds": [0.1, 0.5],
    "temperatures": [0.5, 2.0],
    "vocabulary_size": 4.0,
}
GIVEN = {
    "logits": torch.tensor(OTHERS),
    "targets": torch.tensor([0, 2]),
    "hidden": torch.ones(2, 3),
    "weight": torch.ones(4, 3),
}
RESULTS = {"Baseline", "Equilibrium", "KernelInUse", "LossParts", "TokenStatistics"}
DECLARED = {"Kind", "Parameter"}  # test_own_regularizer.py tries their numbers
OF_ROWS = {  # the functions of the tests above
    *(function.__name__ for function, _ in LOSSES.values()),
    "skew_jensen",
    "euclidean_divergence",
    "linear_entropy_regularized_cross_entropy",
    "token_statistics",
}


def test_every_public_function_of_rows_is_tried_above():
    functions = {name for name in regularizers.__all__ if inspect.isfunction(getattr(regularizers, name))}
    parameters = {name: {*inspect.signature(getattr(regularizers, name)).parameters} for name in functions}
    assert {name for name in functions if parameters[name] & {"logits", "hidden"}} == OF_ROWS


@pytest.mark.parametrize("name", sorted({*regularizers.__all__} - RESULTS - DECLARED - {"kernel_in_use"}))
def test_a_setting_that_is_not_finite_is_refused_by_its_name(name):
    function = getattr(regularizers, name)
    parameters = inspect.signature(function).parameters
    given = {key: value for key, value in (NUMBERS | GIVEN).items() if key in parameters}
    if "linear" not in name and "weight" in given:
        del given["weight"]
    function(**given)
    assert given.keys() & NUMBERS
    for key in given.keys() & NUMBERS:
        for bad in (NAN, INF, -INF):
            wrong = [bad, *given[key][1:]] if isinstance(given[key], list) else bad
            with pytest.raises(ValueError, match=f"^({key}|baseline) must"):
                function(**(given | {key: wrong}))
