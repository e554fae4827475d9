"""The member of the family whose generator is the squared Euclidean norm instead of the negative entropy.

    G(p) = ||p||^2:    J(u || p) = ||u - p||^2 for every skew,    dJ/dz = 2 p * (d - <d>_p),    d = p - u

Source: Meister et al. 2020, definition of D_J_G, and the authors' code (generator "eu"). Limits: J lies in [0, 2]; the
skew drops out because G is quadratic; near p = u the gradient is 2/V times that of skew 1, so strengths must be larger.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from entropyreg.regularizers.autograd import LossParts
from entropyreg.regularizers.divergence import Terms
from entropyreg.regularizers.functional import divergence_of, regularized_cross_entropy
from entropyreg.regularizers.rows import Rows


class Euclidean(NamedTuple):
    """||u - p||^2."""

    scale: float = 2.0

    def terms(self, rows: Rows, precise: bool) -> Terms:
        u = rows.times_baseline(rows.scratch.fill_(1.0))
        difference = torch.mul(rows.exp, rows.total.reciprocal(), out=rows.work).sub_(u)
        divergence = torch.mul(difference, difference, out=rows.scratch).sum(-1, keepdim=True)
        if precise:
            rows.centred(difference)
        products = difference.mul_(rows.exp)
        return Terms(divergence, products, rows.mean_under_p(products))

    def composed(self, log_ratio: Tensor, p: Tensor, u: Tensor) -> Tensor:
        return (p - u).square().sum(-1)


def euclidean_divergence(logits: Tensor, *, baseline: Any = None, dim: int = -1) -> Tensor:
    """||u - softmax(logits)||^2 of every row: logits (N, V) or (..., V), result (N,) or (...), differentiable.

    Limits and errors as in `functional.skew_jensen`.
    """
    return divergence_of(logits, Euclidean(), baseline=baseline, dim=dim)


def euclidean_regularized_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    strength: float | Tensor,
    baseline: Any = None,
    weight: Tensor | None = None,
    label_smoothing: float | Tensor = 0.0,
    dim: int | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    overwrite_logits: bool = False,
    return_parts: bool = False,
) -> Tensor | LossParts:
    """NLL + strength * ||u - p||^2; shapes, arguments, limits and errors as in `entropy_regularized_cross_entropy`."""
    return regularized_cross_entropy(
        logits,
        targets,
        member=Euclidean(),
        strength=strength,
        baseline=baseline,
        weight=weight,
        label_smoothing=label_smoothing,
        dim=dim,
        ignore_index=ignore_index,
        reduction=reduction,
        overwrite_logits=overwrite_logits,
        return_parts=return_parts,
    )
