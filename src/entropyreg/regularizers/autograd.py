"""Turns logits into a differentiable loss: reduces the rows' terms, and keeps the gradient until backward.

    loss = reduce(nll_weight * NLL + strength * J)        d loss / d logits = gradient of the sweep * grad_output / n

Source: the objective of Meister et al. 2020; the order of computation is ours. The gradient is computed in the forward
pass, only when gradients are enabled and required, into a new array or over the logits, and waits there for backward,
which multiplies it in place. ("mean" puts 1/n into the sweep, where it costs nothing, so that an ordinary backward has
nothing left to do: an unreduced gradient would take a second pass over (N, V) there, measured at .05 of
F.cross_entropy, half as much again as the whole native loss at skew 0. In float16, where 1/n would underflow, the
gradient does wait unreduced; float32 and bfloat16 have exponents to spare.) A second backward through the same graph,
or a double backward, recomputes from the logits; if they were overwritten, both are refused. Forward-mode
differentiation takes the composed operations; a batched backward multiplies into new arrays.
Limits: `mean` divides by the number of rows that are not ignored, and is 0 (with zero gradients) when there are none.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from entropyreg.regularizers import arguments
from entropyreg.regularizers.arguments import (
    check_logits,
    check_overwritable,
    check_reduction,
    composed,
    has_tangent,
    is_batched,
)
from entropyreg.regularizers.row_terms import masked_terms, refuse_again, row_terms
from entropyreg.regularizers.sweep import Objective, RowTerms, chunk_rows, computation_dtype, sweep
from entropyreg.regularizers.targets import Likelihood, likelihood_of


class LossParts(NamedTuple):
    """The loss, and its two terms by themselves (detached, reduced in the same way, before any weighting)."""

    loss: Tensor
    nll: Tensor
    divergence: Tensor


class Call(NamedTuple):
    """The arguments of a call that are not tensors to differentiate."""

    objective: Objective
    reduction: str
    overwrite: bool
    wants_gradient: bool


def objective_loss(
    logits: Tensor,
    targets: Tensor | None,
    objective: Objective,
    *,
    weight: Tensor | None = None,
    label_smoothing: float | Tensor = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
    overwrite_logits: bool = False,
) -> LossParts:
    """The loss of logits (..., V), all arguments checked; per-row results have the shape (...).

    What most trainings ask for, one class a row and constants as weights, goes the shortest way, one sweep; all else
    goes by `row_terms`.
    """
    check_reduction(reduction)
    check_logits(logits)
    n_classes, leading = logits.shape[-1], logits.shape[:-1]
    likelihood = likelihood_of(
        logits, targets, weight=weight, label_smoothing=label_smoothing, ignore_index=ignore_index
    )
    strength = _strength_of_rows(objective.strength, leading)
    wants_gradient = torch.is_grad_enabled() and logits.requires_grad
    by_operations = composed() or has_tangent(logits)
    if overwrite_logits and (wants_gradient or by_operations):
        check_overwritable(logits, reduction)
        try:
            flat = logits.view(-1, n_classes)
        except RuntimeError:
            raise ValueError(
                "overwrite_logits=True needs logits that can be viewed as (N, V), got strides "
                f"{tuple(logits.stride())} for shape {tuple(logits.shape)}"
            ) from None
    else:
        flat = logits.reshape(-1, n_classes)
    overwrite = overwrite_logits and wants_gradient
    if by_operations or isinstance(strength, Tensor) or not likelihood.is_plain:
        parts = _general_loss(flat, likelihood, objective._replace(strength=strength), reduction, overwrite)
    else:
        call = Call(objective, reduction, overwrite, wants_gradient)
        parts = LossParts(*_ObjectiveLoss.apply(flat, likelihood.targets, likelihood.ignored, call))
    return LossParts(*(part.reshape(leading) for part in parts)) if reduction == "none" else parts


def count_rows(n_rows: int, ignored: Tensor | None, like: Tensor) -> Tensor:
    """The number of rows that count, at least 1, as a 0-d tensor."""
    if ignored is None:
        return torch.full((), max(n_rows, 1), dtype=like.dtype, device=like.device)
    return (~ignored).sum().clamp_min(1).to(like.dtype)


def reduced(nll: Tensor, divergence: Tensor, ignored: Tensor | None, objective: Objective, reduction: str) -> LossParts:
    """Loss and parts from row terms (N,) in which ignored rows are 0."""
    if reduction == "mean" and ignored is None and len(nll):
        nll, divergence = nll.mean(), divergence.mean()
    elif reduction != "none":
        count = count_rows(nll.shape[0], ignored, nll) if reduction == "mean" else 1.0
        nll, divergence = nll.sum() / count, divergence.sum() / count
    loss = objective.nll_weight * nll
    if objective.strength > 0.0:  # 0 * inf is NaN: J at skew 1 overflows where logits are as low as -3e38
        loss = torch.add(loss, divergence, alpha=objective.strength)
    return LossParts(loss, nll, divergence)


def _strength_of_rows(strength: float | Tensor, leading: torch.Size) -> float | Tensor:
    """A strength that is a tensor as 0-d or (N,)."""
    if not isinstance(strength, Tensor):
        return strength
    if strength.numel() == 1 and strength.dim() <= 1:
        return strength.reshape(())
    if strength.shape != leading:
        raise ValueError(
            f"strength must be a number, or hold one for each of the rows {tuple(leading)} of logits, "
            f"got shape {tuple(strength.shape)}"
        )
    return strength.reshape(-1)


def _general_loss(
    logits: Tensor, likelihood: Likelihood, objective: Objective, reduction: str, overwrite: bool
) -> LossParts:
    terms = row_terms(logits, likelihood.targets, likelihood.ignored, objective, overwrite)
    return weighted(terms, likelihood, objective, reduction)


def weighted(terms: RowTerms, likelihood: Likelihood, objective: Objective, reduction: str) -> LossParts:
    """Loss and parts from differentiable row terms (N,), whatever the weights."""
    (nll, divergence), (_, ignored, weights, shares) = terms, likelihood
    if weights is not None:
        nll = nll * weights
    strength, nll_weight = (as_tensor(value, nll) for value in (objective.strength, objective.nll_weight))
    penalty = strength * divergence.clamp_max(torch.finfo(nll.dtype).max)  # 0 * inf would be NaN
    if reduction != "none":
        count = count_rows(len(nll), ignored, nll) if reduction == "mean" else 1.0
        total = count if shares is None or reduction == "sum" else shares.sum()
        total = torch.where(total == 0.0, 1.0, total) if shares is not None and reduction == "mean" else total
        nll, divergence, penalty = nll.sum() / total, divergence.sum() / count, penalty.sum() / count
    return LossParts(nll_weight * nll + penalty, nll.detach(), divergence.detach())


def as_tensor(value: float | Tensor, like: Tensor) -> Tensor:
    """A weight as a tensor on the device of `like`, in its dtype.

    By a product: torch.compile turns that with a Python float into an input of its graph; in other operations (full,
    `alpha` of add) it keeps the value of an earlier call.
    """
    if isinstance(value, Tensor):
        return value.to(like.device, like.dtype)
    return torch.ones((), dtype=like.dtype, device=like.device) * value


class _ObjectiveLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits: Tensor, targets: Tensor | None, ignored: Tensor | None, call: Call):
        gradient, factor = None, None
        if call.wants_gradient:
            gradient = logits if call.overwrite else torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
            factor = early_factor(call.reduction, logits, ignored)
        terms = sweep(logits, targets, ignored, call.objective, gradient, factor)
        parts = reduced(terms.nll, terms.divergence, ignored, call.objective, call.reduction)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(parts.nll, parts.divergence)
        if call.wants_gradient:
            ctx.call, ctx.spent = call, False
            ctx.gradient = None if call.overwrite else gradient
            late = call.reduction == "mean" and factor is None
            ctx.count = count_rows(len(logits), ignored, terms.nll) if late else None
            ctx.save_for_backward(logits, targets, ignored)  # overwritten logits: the gradient, guarded by its version
        return tuple(parts)

    @staticmethod
    def backward(ctx, grad_loss: Tensor | None, *_):
        if grad_loss is None:
            return None, None, None, None
        call, spent = ctx.call, ctx.spent
        if call.overwrite and (spent or torch.is_grad_enabled()):
            refuse_again("second" if spent else "double")
        if torch.is_grad_enabled():
            logits, targets, ignored = ctx.saved_tensors
            terms = masked_terms(logits, targets, ignored, call.objective)
            loss = reduced(*terms, ignored, call.objective, call.reduction).loss
            return *torch.autograd.grad(loss, logits, grad_loss, create_graph=True), None, None, None
        gradient = ctx.gradient
        if not is_batched(grad_loss):  # otherwise the gradient is kept unchanged, for further backward passes
            ctx.gradient, ctx.spent = None, True
        if gradient is None:  # overwritten, or a second backward; otherwise the logits may have changed since
            logits, targets, ignored = ctx.saved_tensors
            gradient = logits.detach() if call.overwrite else torch.empty_like(logits)
            if not call.overwrite:
                factor = early_factor(call.reduction, logits, ignored)
                sweep(logits, targets, ignored, call.objective, gradient, factor)
        return scale_rows(gradient, grad_loss if ctx.count is None else grad_loss / ctx.count), None, None, None


def early_factor(reduction: str, logits: Tensor, ignored: Tensor | None) -> Tensor | None:
    """1/n, n the rows of `logits` that count: "mean" multiplies by it in the sweep, at no cost.

    Not in float16, where the gradient would underflow.
    """
    if reduction != "mean" or logits.dtype == torch.float16:
        return None
    like = logits.new_ones((), dtype=computation_dtype(logits))
    return like / (logits.shape[0] or 1) if ignored is None else like / count_rows(logits.shape[0], ignored, like)


def scale_rows(gradient: Tensor, scale: Tensor) -> Tensor:
    """`gradient` (N, V) times `scale`, 0-d or (N,); multiplied in float32 where the gradient is half.

    In place, except in a batched backward, where there is a `scale` for each of many gradients.
    """
    if is_batched(scale):
        return (gradient * (scale[:, None] if scale.dim() else scale)).to(gradient.dtype)
    if scale.dim() == 0:
        if arguments.may_look(scale) and scale.item() == 1.0:
            return gradient
        if gradient.dtype == computation_dtype(gradient):
            return gradient.mul_(scale)
    step = chunk_rows(gradient.shape[1], gradient.device)
    scale = scale.reshape(-1, 1).expand(gradient.shape[0], 1)
    for start in range(0, gradient.shape[0], step):
        gradient[start : start + step].mul_(scale[start : start + step])
    return gradient
