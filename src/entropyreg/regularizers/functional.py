"""NLL + strength * J: cross-entropy with a skew-Jensen entropy regularizer, and the divergence by itself.

    L = -log p(y) + strength * J(u || p),    J = KL(u || m) / skew + KL(p || m) / (1-skew),    m = (1-skew) u + skew p

Source: Meister et al. 2020, the objective L + beta * D_J_alpha (skew = alpha, strength = beta), natural logarithms.
Limits: skew 1 is KL(u || p) (label smoothing), skew 0 is KL(p || u) (confidence penalty), both exact; skew 1/2 is four
times the Jensen-Shannon divergence.
"""

from typing import Any, Literal, overload

from torch import Tensor

from entropyreg.regularizers.arguments import (
    check_constant_strength,
    check_dim,
    check_skew,
    check_smoothing,
    check_strength,
    traced,
)
from entropyreg.regularizers.autograd import LossParts, objective_loss
from entropyreg.regularizers.baselines import prepare_baseline
from entropyreg.regularizers.divergence import Member, SkewJensen, at_skew
from entropyreg.regularizers.sweep import Objective, computation_dtype
from entropyreg.regularizers.targets import classes_last


def skew_jensen(logits: Tensor, skew: float, *, baseline: Any = None, dim: int = -1) -> Tensor:
    """J(u || softmax(logits)) of every row: logits (N, V) or (..., V), result (N,) or (...), differentiable.

    `baseline`: None (uniform over the symbols whose logit is not -inf) or a distribution over V without zeros.
    `dim`: the class axis, if it is not the last.
    The result is float64 for float64 logits, float32 for all others. A row that holds NaN or +inf, or nothing but
    -inf, is NaN, and its gradient NaN all over.
    """
    return divergence_of(logits, member_at(skew), baseline=baseline, dim=dim)


def divergence_of(logits: Tensor, member: Member, *, baseline: Any = None, dim: int = -1) -> Tensor:
    """The divergence of a member of the family; all else as in `skew_jensen`."""
    logits, _ = classes_last(logits, None, check_dim(dim))
    objective = objective_of(logits, member, 1.0, baseline)._replace(nll_weight=0.0)
    return objective_loss(logits, None, objective, reduction="none").loss


@overload
def entropy_regularized_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    skew: float,
    strength: float | Tensor,
    baseline: Any = ...,
    weight: Tensor | None = ...,
    label_smoothing: float | Tensor = ...,
    dim: int | None = ...,
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
    strength: float | Tensor,
    baseline: Any = ...,
    weight: Tensor | None = ...,
    label_smoothing: float | Tensor = ...,
    dim: int | None = ...,
    ignore_index: int = ...,
    reduction: str = ...,
    overwrite_logits: bool = ...,
    return_parts: Literal[True],
) -> LossParts: ...
@overload
def entropy_regularized_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    skew: float,
    strength: float | Tensor,
    baseline: Any = ...,
    weight: Tensor | None = ...,
    label_smoothing: float | Tensor = ...,
    dim: int | None = ...,
    ignore_index: int = ...,
    reduction: str = ...,
    overwrite_logits: bool = ...,
    return_parts: bool,
) -> Tensor | LossParts: ...
def entropy_regularized_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    skew: float,
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
    """F.cross_entropy + strength * J, for all that `F.cross_entropy` takes.

    logits: (N, V), (V,), (..., V), or with the class axis elsewhere, as (N, V, d1, ...).
    targets: class indices, of the shape of logits without the class axis, or probabilities, of the shape of logits.
    skew: in [0, 1].
    strength: at least 0; a number, a 0-d tensor, or a tensor of the shape of the loss of "none": a strength a row. Its
    gradient, if it is to be learnt, is the divergence, reduced alike.
    baseline: see `skew_jensen`.
    weight: class weights (V,) of the likelihood, as in torch; the divergence has none.
    label_smoothing: in [0, 1], of the likelihood, as in torch.
    dim: the class axis. None takes the only axis that fits the targets; if both the last and the second do (which
    includes all probabilities of more than two axes), it must be given.
    ignore_index: rows with this target count for nothing, whatever they hold.
    reduction: "mean" over the rows not ignored (0 with zero gradient when there are none; with `weight`, the
    likelihood's is the weighted mean, as in torch), "sum", or "none".
    return_parts: return `LossParts(loss, nll, divergence)`: the two terms detached, reduced alike, unweighted.

    overwrite_logits: write the gradient into the logits' own memory, when gradients are enabled and required (otherwise
    the logits stay as they are): in the forward pass, or, with probabilities, `weight`, `label_smoothing` or a
    strength that is a tensor to differentiate or one a row, in backward. Saves an (N, V) array and most of the time.
    The logits must come from an operation that does not save its output (a linear layer, not tanh or log_softmax:
    autograd then raises in backward) and must have no other consumer: whatever else is computed from them after the
    loss sees the gradient instead, silently. Refused for leaves, overlapping or expanded memory, torch.func,
    torch.compile, double and second backward, and float16 with "mean".

    Half-precision logits are computed inside in float32, and the loss is float32; the gradient has their dtype. In
    float16 it waits for backward unreduced, so that little underflows ("mean" divides by n in backward, after any loss
    scaling).

    A symbol whose logit is -inf is forbidden: p and u are 0 there, and as a target it has infinite NLL (and the
    gradient of the limit). A row that holds NaN or +inf, or nothing but -inf, has the loss NaN and a gradient that is
    NaN all over; "mean" and "sum" over it are NaN, but the gradients of the other rows stay what they are. What an
    ignored row holds changes nothing.
    Inside torch.compile the kernels run as operators of its graph; a strength or smoothing that changes between calls
    is compiled once if it is a tensor. Inside torch.func and torch.export, and for double backward, slower composed
    operations take over.
    Raises ValueError naming the argument that is wrong, its value and what is allowed.
    """
    return regularized_cross_entropy(
        logits,
        targets,
        member=member_at(skew),
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


def regularized_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    member: Member,
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
    """The same with the divergence of any member; all else as in `entropy_regularized_cross_entropy`."""
    logits, targets = classes_last(logits, targets, check_dim(dim))
    parts = objective_loss(
        logits,
        targets,
        objective_of(logits, member, check_strength(strength), baseline),
        weight=weight,
        label_smoothing=check_smoothing(label_smoothing, "label_smoothing"),
        ignore_index=ignore_index,
        reduction=reduction,
        overwrite_logits=overwrite_logits,
    )
    return parts if return_parts else parts.loss


def member_at(skew: Any) -> SkewJensen:
    """The checked member of the family; inside torch.compile the limit is taken when the operator runs."""
    return SkewJensen(check_skew(skew)) if traced() else at_skew(check_skew(skew))


def objective_of(logits: Tensor, member: Member, strength: float | Tensor, baseline: Any) -> Objective:
    """The objective for logits whose class axis is the last."""
    prepared = prepare_baseline(baseline, logits.shape[-1], computation_dtype(logits), logits.device)
    return Objective(member, strength, 1.0, 0, prepared)


def skew_objective(logits: Tensor, skew: float, strength: float, baseline: Any) -> Objective:
    """The objective of numbers alone."""
    return objective_of(logits, member_at(skew), check_constant_strength(strength), baseline)
