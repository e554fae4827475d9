"""NLL + strength * J: cross-entropy with a skew-Jensen entropy regularizer, and the divergence by itself.

    L = -log p(y) + strength * J(u || p),    J = KL(u || m) / skew + KL(p || m) / (1-skew),    m = (1-skew) u + skew p

Source: Meister et al. 2020, the objective L + beta * D_J_alpha (skew = alpha, strength = beta), natural logarithms.
Limits: skew 1 is KL(u || p) (label smoothing), skew 0 is KL(p || u) (confidence penalty), both exact; skew 1/2 is four
times the Jensen-Shannon divergence.
"""

from typing import Literal, overload

from torch import Tensor

from entropyreg.regularizers.arguments import check_logits, check_skew, check_strength
from entropyreg.regularizers.autograd import LossParts, objective_loss
from entropyreg.regularizers.baselines import prepare_baseline
from entropyreg.regularizers.compiling import eager
from entropyreg.regularizers.divergence import at_skew
from entropyreg.regularizers.sweep import Objective, computation_dtype


@eager
def skew_jensen(logits: Tensor, skew: float, *, baseline=None) -> Tensor:
    """J(u || softmax(logits)) of every row: logits (N, V) or (..., V), result (N,) or (...), differentiable.

    `baseline`: None (uniform over the symbols whose logit is not -inf) or a distribution over V without zeros.
    The result is float64 for float64 logits, float32 for all others. A row that holds NaN or +inf, or nothing but
    -inf, is NaN, and its gradient NaN all over.
    """
    check_logits(logits)
    objective = skew_objective(logits, skew, 1.0, baseline, nll_weight=0.0)
    return objective_loss(logits, None, objective, reduction="none").loss


@overload
def entropy_regularized_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    skew: float,
    strength: float,
    baseline=...,
    ignore_index: int = ...,
    reduction: str = ...,
    overwrite_logits: bool = ...,
    return_parts: Literal[False] = ...,
) -> Tensor: ...
@overload
def entropy_regularized_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    skew: float,
    strength: float,
    baseline=...,
    ignore_index: int = ...,
    reduction: str = ...,
    overwrite_logits: bool = ...,
    return_parts: Literal[True],
) -> LossParts: ...
@eager
def entropy_regularized_cross_entropy(
    logits,
    targets,
    *,
    skew,
    strength,
    baseline=None,
    ignore_index=-100,
    reduction="mean",
    overwrite_logits=False,
    return_parts=False,
):
    """NLL + strength * J for logits (N, V) or (..., V) and integer targets (N,) or (...).

    skew: in [0, 1].    strength: at least 0.    baseline: see `skew_jensen`.
    ignore_index: rows with this target count for nothing, whatever they hold.
    reduction: "mean" over the rows not ignored (0 with zero gradient when there are none), "sum", or "none".
    return_parts: return `LossParts(loss, nll, divergence)`: the two terms detached, reduced alike, unweighted.

    overwrite_logits: write the gradient into the logits' own memory, in the forward pass, when gradients are enabled
    and required (otherwise the logits stay as they are). Saves an (N, V) array and most of the time. The logits must
    come from an operation that does not save its output (a linear layer, not tanh or log_softmax: autograd then
    raises in backward) and must have no other consumer: whatever else is computed from them after the loss sees the
    gradient instead, silently. Refused for leaves, overlapping or expanded memory, torch.func, torch.compile, double
    and second backward, and float16 with "mean".

    Half-precision logits are computed inside in float32, and the loss is float32; the gradient has their dtype. In
    float16 it waits for backward unreduced, so that little underflows ("mean" divides by n in backward, after any loss
    scaling).

    A symbol whose logit is -inf is forbidden: p and u are 0 there, and as a target it has infinite NLL (and the
    gradient of the limit). A row that holds NaN or +inf, or nothing but -inf, has the loss NaN and a gradient that is
    NaN all over; "mean" and "sum" over it are NaN, but the gradients of the other rows stay what they are. What an
    ignored row holds changes nothing.
    Inside torch.compile the loss is computed eagerly, between two graphs. Inside torch.func and torch.export, and for
    double backward, slower composed operations take over.
    Raises ValueError naming the argument that is wrong, its value and what is allowed.
    """
    check_logits(logits)
    objective = skew_objective(logits, skew, strength, baseline)
    parts = objective_loss(
        logits, targets, objective, ignore_index=ignore_index, reduction=reduction, overwrite_logits=overwrite_logits
    )
    return parts if return_parts else parts.loss


def skew_objective(logits: Tensor, skew: float, strength: float, baseline, nll_weight: float = 1.0) -> Objective:
    """The checked objective for logits whose class axis is the last."""
    skew, strength = check_skew(skew), check_strength(strength)
    prepared = prepare_baseline(baseline, logits.shape[-1], computation_dtype(logits), logits.device)
    return Objective(at_skew(skew), strength, nll_weight, 0, prepared)
