"""Lets the sweep use a divergence that is written as an ordinary differentiable function of log p and u.

    D(u || p) = divergence(log_p, u, **parameters),    dD/dz = G - p * sum_j G_j,    G = dD / d(log p) by autograd

A chunk of rows at a time, so memory stays flat and everything that the losses offer works with it. Forbidden symbols
have p = u = 0 and a log p that is finite. Limits: the time of the function, forward and backward.

`checked` tries it on made-up rows in float64 before anything is trained: a divergence that is negative, not 0 at p = u,
not finite, not differentiable, or whose gradient is not that of its values is refused.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from entropyreg.io.errors import UserError
from entropyreg.regularizers.divergence import Terms
from entropyreg.regularizers.rows import LARGEST, Rows

CLASSES = (2, 10, 1000)  # numbers of classes that it is tested with
ROUNDING, STEP = 1e-6, 1e-5


class Plain(NamedTuple):
    """D at its parameters."""

    divergence: Callable[..., Tensor]
    parameters: Mapping[str, float]
    scale: float = 1.0

    def of(self, log_p: Tensor, u: Tensor) -> Tensor:
        return self.divergence(log_p, u, **self.parameters)

    def terms(self, rows: Rows, precise: bool) -> Terms:
        u = rows.times_baseline(torch.ones_like(rows.work))  # (n, V)
        log_p = rows.work - rows.log_total
        if rows.forbidden is not None:
            log_p.masked_fill_(rows.forbidden, -LARGEST)
        with torch.enable_grad():
            divergence = self.of(log_p.requires_grad_(), u)  # (n,)
            (gradient,) = torch.autograd.grad(divergence.sum(), log_p)  # (n, V)
        rows.masked(gradient)
        return Terms(divergence.detach()[:, None], gradient * rows.total, gradient.sum(-1, keepdim=True))

    def composed(self, log_ratio: Tensor, p: Tensor, u: Tensor) -> Tensor:
        allowed = u > 0
        log_u = torch.where(allowed, u, 1.0).log()
        return self.of(torch.where(allowed, log_ratio + log_u, -LARGEST), u)


def checked(member: Plain, place: str, baseline: str = "uniform") -> Plain:
    """The member, if its divergence is one with such a baseline; `place` names it in the `UserError` that says what is
    wrong."""
    for size in CLASSES:
        generator = torch.Generator().manual_seed(size)
        draws = {"generator": generator, "dtype": torch.float64}
        spread = torch.tensor([0.3, 1.0, 3.0, 10.0], dtype=torch.float64)[:, None]
        u = torch.full((4, size), 1.0 / size, dtype=torch.float64)
        if baseline != "uniform":
            u = torch.randn(1, size, **draws).softmax(-1).expand(4, size)
        logits, direction = spread * torch.randn(4, size, **draws), torch.randn(4, size, **draws)
        check_rows(member, logits, direction, u, f"{place}, tried with {size} classes and baseline '{baseline}'")
    return member


def check_rows(member: Plain, logits: Tensor, direction: Tensor, u: Tensor, place: str) -> None:
    """Try the divergence on rows of logits (n, V) and along `direction` (n, V) from them."""
    logits.requires_grad_()
    values = value_of(member, logits.log_softmax(-1), u, place)
    if not values.requires_grad:
        raise UserError(f"{place}: the divergence is not differentiable; allowed: operations of torch on log_p.")
    (gradient,) = torch.autograd.grad(values.sum(), logits, allow_unused=True)
    if gradient is None or not torch.isfinite(gradient).all():
        raise UserError(f"{place}: the divergence has no finite gradient; allowed: operations that torch derives.")
    largest = 1.0 + values.detach().abs().amax().item()
    if values.amin() < -ROUNDING * largest:
        raise UserError(f"{place}: the divergence is negative, {values.amin().item():.4g}; allowed: at least 0.")
    at_baseline = value_of(member, u.log(), u, place).abs().amax().item()
    if at_baseline > ROUNDING * largest:
        raise UserError(f"{place}: the divergence is {at_baseline:.4g} where p = u; allowed: 0 there.")
    with torch.no_grad():
        ends = [value_of(member, (logits + step * direction).log_softmax(-1), u, place) for step in (STEP, -STEP)]
        slope = (ends[0] - ends[1]) / (2 * STEP)  # (n,)
    expected = (gradient * direction).sum(-1)
    if (slope - expected).abs().amax() > 1e-4 * (largest + expected.abs().amax()):
        raise UserError(
            f"{place}: the divergence changes by {slope[0].item():.4g} where its gradient says "
            f"{expected[0].item():.4g}; allowed: a function that torch can differentiate (no detach, no rounding)."
        )


def value_of(member: Plain, log_p: Tensor, u: Tensor, place: str) -> Tensor:
    """D of rows (n, V), of the right shape and finite; an error that the function raises is reported with its place."""
    try:
        values: Any = member.of(log_p, u)
    except Exception as error:
        from entropyreg.regularizers.plugins import line_of

        file = member.divergence.__code__.co_filename if hasattr(member.divergence, "__code__") else ""
        raise UserError(f"{place}{line_of(error, file)}: {type(error).__name__}: {error}.") from None
    if not isinstance(values, Tensor) or values.shape != log_p.shape[:-1]:
        found = f"of shape {tuple(values.shape)}" if isinstance(values, Tensor) else f"a {type(values).__name__}"
        raise UserError(f"{place}: the divergence of {tuple(log_p.shape)} is {found}; allowed: a tensor, one a row.")
    if not torch.isfinite(values).all():
        raise UserError(f"{place}: the divergence is not finite; allowed: finite numbers.")
    return values
