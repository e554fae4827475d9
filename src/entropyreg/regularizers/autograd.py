"""Turns row terms into a differentiable loss: reduces them, skips ignored rows, and keeps the gradient until backward.

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
    check_ignore_index,
    check_logits,
    check_overwritable,
    check_reduction,
    checked_targets,
    composed,
    has_tangent,
    is_batched,
)
from entropyreg.regularizers.composed import composed_terms
from entropyreg.regularizers.sweep import Objective, chunk_rows, computation_dtype, sweep


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
    ignore_index: int = -100,
    reduction: str = "mean",
    overwrite_logits: bool = False,
) -> LossParts:
    """The loss of logits (..., V) with targets (...), all arguments checked; per-row results have the shape (...)."""
    check_reduction(reduction)
    check_logits(logits)
    n_classes, leading = logits.shape[-1], logits.shape[:-1]
    ignored = None
    if targets is not None:
        targets = checked_targets(targets, logits.shape, logits.device, check_ignore_index(ignore_index)).reshape(-1)
        ignored = targets == ignore_index
        if composed() or not arguments.may_look(ignored) or ignored.any():
            targets = targets.masked_fill(ignored, 0)
        else:
            ignored = None
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
    if by_operations:
        parts = _composed_loss(flat, targets, ignored, objective, reduction)
    else:
        call = Call(objective, reduction, overwrite_logits and wants_gradient, wants_gradient)
        parts = LossParts(*_ObjectiveLoss.apply(flat, targets, ignored, call))
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


def _composed_loss(
    logits: Tensor, targets: Tensor | None, ignored: Tensor | None, objective: Objective, reduction: str
) -> LossParts:
    if ignored is not None:  # before the mathematics, so that nothing an ignored row holds can reach the gradient
        logits = torch.where(ignored[:, None], 0.0, logits)
    nll, divergence = composed_terms(logits, targets, objective)
    if ignored is not None:
        nll, divergence = nll.masked_fill(ignored, 0.0), divergence.masked_fill(ignored, 0.0)
    loss, nll, divergence = reduced(nll, divergence, ignored, objective, reduction)
    return LossParts(loss, nll.detach(), divergence.detach())


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
            raise RuntimeError(
                f"overwrite_logits=True allows no {'second' if spent else 'double'} backward: the logits were "
                "replaced by their gradient. Call the loss with overwrite_logits=False"
            )
        if torch.is_grad_enabled():
            logits, targets, ignored = ctx.saved_tensors
            loss = _composed_loss(logits, targets, ignored, call.objective, call.reduction).loss
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
