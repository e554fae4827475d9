"""The formulas of `a_table_losses`, evaluated as they are printed: loss = divergence form + constant."""

import re
from types import SimpleNamespace

import pytest
import torch

from entropyreg.regularizers.classic import confidence_penalty_cross_entropy, label_smoothing_cross_entropy
from entropyreg.regularizers.euclidean import euclidean_regularized_cross_entropy
from entropyreg.regularizers.functional import entropy_regularized_cross_entropy
from entropyreg.rendering.tables.a_table_losses import ANY, METHODS

SETTINGS = {"smoothing": 0.2, "strength": 0.7, "skew": 0.3}
BY_ROW = {method.row: method for method in METHODS}


def case(n_classes, uniform):
    generator = torch.Generator().manual_seed(n_classes)
    logits = 3 * torch.randn(n_classes, generator=generator, dtype=torch.float64)
    drawn = torch.rand(n_classes, generator=generator, dtype=torch.float64) + 0.01
    u = torch.full_like(drawn, 1 / n_classes) if uniform else drawn / drawn.sum()
    return SimpleNamespace(logits=logits.requires_grad_(), u=u, target=n_classes - 1)


def value(cell, at):
    """What is printed, read as Python: a space between factors is a product, `||` separates, `^` is a power."""
    p = at.logits.softmax(-1)

    def entropy(first, second=None):
        return -(first * (first if second is None else second).log()).sum()

    names = {"p": p, "u": at.u, "L": -p[at.target].log(), "V": len(p), "H": entropy, "sum": torch.sum, **SETTINGS}
    names |= {
        "m": (1 - SETTINGS["skew"]) * at.u + SETTINGS["skew"] * p,
        "log": lambda n: torch.tensor(float(n), dtype=torch.float64).log(),
    }
    names["KL"] = lambda first, second: entropy(first, second) - entropy(first)
    text = cell.text.replace(" || ", ", ").replace("^", "**")
    return torch.as_tensor(eval(re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", text), {}, names), dtype=torch.float64)


def gradient(loss, at):
    return torch.autograd.grad(loss, at.logits)[0]


@pytest.mark.parametrize("n_classes", [2, 7, 500])
@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize("row", BY_ROW)
def test_loss_is_the_divergence_form_and_the_constant(row, uniform, n_classes):
    method, at = BY_ROW[row], case(n_classes, uniform)
    loss, form, constant = (value(cell, at) for cell in (method.loss, method.divergence, method.constant))
    holds = uniform or method.baseline == ANY
    assert not constant.requires_grad
    assert torch.isclose(loss, form + constant, rtol=1e-9).item() == holds
    assert torch.allclose(gradient(loss, at), gradient(form, at), atol=1e-9) == holds


@pytest.mark.parametrize("n_classes", [2, 7, 500])
@pytest.mark.parametrize(
    ("row", "column", "function", "keys"),
    [
        ("none", "loss", torch.nn.functional.cross_entropy, ()),
        ("label_smoothing", "loss", label_smoothing_cross_entropy, ("smoothing",)),
        ("confidence_penalty", "loss", confidence_penalty_cross_entropy, ("strength",)),
        ("ger", "divergence", entropy_regularized_cross_entropy, ("skew", "strength")),
        ("euclidean", "divergence", euclidean_regularized_cross_entropy, ("strength",)),
    ],
)
def test_printed_formula_is_what_the_package_computes(row, column, function, keys, n_classes):
    at = case(n_classes, uniform=True)
    own = function(at.logits[None], torch.tensor([at.target]), **{key: SETTINGS[key] for key in keys})
    printed = value(getattr(BY_ROW[row], column), at)
    assert torch.isclose(own, printed, rtol=1e-9)
    assert torch.allclose(gradient(own, at), gradient(printed, at), atol=1e-9)
