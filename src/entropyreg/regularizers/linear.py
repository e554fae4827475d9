"""Projection and loss in one: NLL + strength * J of hidden @ weight.T + bias, never holding the logits (N, V).

    z = h W^T + b,    dh = G W,    dW = G^T h,    db = sum_n G_n,    G = d loss / d z    (chunk by chunk)

Source: Meister et al. 2020 (the objective); the chunking is ours. Extra memory: the logits of ROWS rows and a few
small arrays, beside the gradients themselves. The gradients are computed in the forward pass for "mean" and "sum"; for
"none", whose weights of the rows are known only in backward, the logits are computed again there.
Inside torch.compile they are computed in backward, by a custom operator. Limits: those of `functional`; double and
batched backward are refused; inside torch.func, torch.export and forward-mode differentiation the projection and the
loss are two composed operations that do hold the logits.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from entropyreg.regularizers.arguments import (
    check_constant_strength,
    check_ignore_index,
    check_logits,
    check_reduction,
    checked_targets,
    composed,
    has_tangent,
    is_batched,
    may_look,
    traced,
)
from entropyreg.regularizers.autograd import (
    LossParts,
    count_rows,
    early_factor,
    objective_loss,
    reduced,
    scale_rows,
    weighted,
)
from entropyreg.regularizers.functional import member_at, objective_of
from entropyreg.regularizers.sweep import Objective, RowTerms, RowWeights, computation_dtype, sweep
from entropyreg.regularizers.targets import Likelihood

ROWS = 256  # rows projected at a time: enough for the matrix products to run at full speed


def linear_entropy_regularized_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    *,
    bias: Tensor | None = None,
    skew: float,
    strength: float | Tensor,
    baseline: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    return_parts: bool = False,
) -> Tensor | LossParts:
    """`entropy_regularized_cross_entropy(F.linear(hidden, weight, bias), targets, ...)` without its memory.

    hidden: (N, D) or (..., D).    weight: (V, D).    bias: (V,) or None.    targets: class indices, (N,) or (...).
    strength: a number (inside torch.compile also a 0-d tensor); one that is learnt or differs between rows is refused,
    as are probabilities. Class weights, label smoothing and `dim` are not taken.
    All else as there. Differentiable, once, in hidden, weight and bias. Under autocast the projection is done in
    autocast's dtype, as `F.linear` does it; gradients of half-precision weights are summed in float32.
    A row of `hidden` that counts and holds NaN makes the gradients of weight and bias NaN, as it enters all of them.
    """
    check_reduction(reduction)
    _check_projection(hidden, weight, bias)
    if isinstance(targets, Tensor) and targets.is_floating_point():
        raise ValueError(
            "targets must hold integer class indices here; probabilities are taken by "
            f"entropy_regularized_cross_entropy(F.linear(hidden, weight, bias), ...), got {targets.dtype}"
        )
    logits_shape = torch.Size([*hidden.shape[:-1], weight.shape[0]])
    targets = checked_targets(targets, logits_shape, hidden.device, check_ignore_index(ignore_index))
    device_type = hidden.device.type
    if torch.is_autocast_enabled(device_type) and hidden.dtype != torch.float64:
        dtype = torch.get_autocast_dtype(device_type)
        hidden, weight, bias = hidden.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    strength = strength if traced() and isinstance(strength, Tensor) else check_constant_strength(strength)
    objective = objective_of(weight.new_empty((0, weight.shape[0])), member_at(skew), strength, baseline)
    flat, ignored = targets.reshape(-1), targets.reshape(-1) == ignore_index
    tensors = (hidden.reshape(-1, hidden.shape[-1]), weight, bias)
    if traced():
        from entropyreg.regularizers.operators import traced_linear_terms

        likelihood = Likelihood(flat.masked_fill(ignored, 0), ignored)
        terms = traced_linear_terms(*tensors, likelihood.targets, ignored, objective)
        parts = weighted(terms, likelihood, objective, reduction)
        if reduction == "none":
            parts = LossParts(*(part.reshape(targets.shape) for part in parts))
        return parts if return_parts else parts.loss
    if composed() or has_tangent(hidden, weight, bias):
        logits = F.linear(torch.where((targets == ignore_index)[..., None], 0.0, hidden), weight, bias)
        parts = objective_loss(logits, targets, objective, ignore_index=ignore_index, reduction=reduction)
        return parts if return_parts else parts.loss
    wants_gradient = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)
    call = _Call(objective, reduction, wants_gradient)
    parts = LossParts(*_LinearLoss.apply(*tensors, flat.masked_fill(ignored, 0), ignored, call))
    if reduction == "none":
        parts = LossParts(*(part.reshape(targets.shape) for part in parts))
    return parts if return_parts else parts.loss


class _Call(NamedTuple):
    objective: Objective
    reduction: str
    wants_gradient: bool


class Gradients(NamedTuple):
    """The gradient arrays to fill; None where no gradient is needed."""

    hidden: Tensor | None
    weight: Tensor | None
    bias: Tensor | None


def sweep_projection(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    ignored: Tensor,
    objective: Objective,
    gradients: Gradients,
    factor: Tensor | None = None,
    weights: RowWeights | None = None,
) -> RowTerms:
    """Row terms of the projected rows; their gradients, weighted as in `sweep`, go to `gradients`."""
    n_rows, n_classes = hidden.shape[0], weight.shape[0]
    terms = hidden.new_zeros((2, n_rows), dtype=computation_dtype(hidden))
    logits = hidden.new_empty((min(ROWS, n_rows), n_classes))
    wanted = any(gradient is not None for gradient in gradients)
    hide = gradients.weight is not None and (not may_look(ignored) or bool(ignored.any()))
    for start in range(0, n_rows, ROWS):
        chunk = slice(start, start + ROWS)
        h = hidden[chunk].masked_fill(ignored[chunk, None], 0.0) if hide else hidden[chunk]
        z = torch.mm(h, weight.t(), out=logits[: h.shape[0]])  # (n, V)
        if bias is not None:
            z.add_(bias)
        into = z if wanted else None
        own = None if weights is None else RowWeights(*(values[chunk] for values in weights))
        terms[:, chunk] = torch.stack(sweep(z, targets[chunk], ignored[chunk], objective, into, factor, own))
        if gradients.hidden is not None:
            torch.mm(z, weight, out=gradients.hidden[chunk])
        if gradients.weight is not None:
            _add_product(gradients.weight, z, h)
        if gradients.bias is not None:
            gradients.bias.add_(z.sum(0, dtype=gradients.bias.dtype))
    return RowTerms(*terms)


def _add_product(total: Tensor, z: Tensor, h: Tensor) -> None:
    """total (V, D) += z.T @ h, in the dtype of `total`."""
    if total.dtype == z.dtype:
        total.addmm_(z.t(), h)
    else:
        total += torch.mm(z.t(), h)


class _LinearLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, weight, bias, targets, ignored, call: _Call):
        ctx.set_materialize_grads(False)
        ctx.call, ctx.gradients = call, None
        if call.wants_gradient:
            ctx.save_for_backward(hidden, weight, bias, targets, ignored)
            if call.reduction != "none":
                ctx.gradients = new_gradients(hidden, weight, bias, ctx.needs_input_grad)
        gradients = ctx.gradients or Gradients(None, None, None)
        factor = early_factor(call.reduction, hidden, ignored)
        terms = sweep_projection(hidden, weight, bias, targets, ignored, call.objective, gradients, factor)
        parts = reduced(terms.nll, terms.divergence, ignored, call.objective, call.reduction)
        ctx.mark_non_differentiable(parts.nll, parts.divergence)
        return tuple(parts)

    @staticmethod
    def backward(ctx, grad_loss, *_):
        if grad_loss is None:
            return (None,) * 6
        if torch.is_grad_enabled() or is_batched(grad_loss):
            kind = "batched" if is_batched(grad_loss) else "double"
            raise RuntimeError(
                f"linear_entropy_regularized_cross_entropy allows no {kind} backward: use F.linear and "
                "entropy_regularized_cross_entropy"
            )
        *tensors, targets, ignored = ctx.saved_tensors
        gradients, ctx.gradients, reduction = ctx.gradients, None, ctx.call.reduction
        factor = early_factor(reduction, tensors[0], ignored)
        if gradients is None:  # "none", or a second backward
            gradients = new_gradients(*tensors, ctx.needs_input_grad)
            objective, weights = ctx.call.objective, None
            if reduction == "none":
                weights = RowWeights(grad_loss * objective.nll_weight, grad_loss * objective.strength)
            sweep_projection(*tensors, targets, ignored, objective, gradients, factor, weights)
        if reduction == "mean" and factor is None:
            grad_loss = grad_loss / count_rows(ignored.shape[0], ignored, grad_loss)
        if reduction != "none":
            for gradient in gradients:
                if gradient is not None:
                    scale_rows(gradient, grad_loss)
        dtypes = (None if tensor is None else tensor.dtype for tensor in tensors)
        return *(None if g is None else g.to(d) for g, d in zip(gradients, dtypes, strict=True)), None, None, None


def new_gradients(hidden: Tensor, weight: Tensor, bias: Tensor | None, needed: tuple[bool, ...]) -> Gradients:
    """Arrays to fill; those that sum over rows start at 0, in the dtype of the computation."""
    dtype = computation_dtype(hidden)
    return Gradients(
        torch.empty_like(hidden) if needed[0] else None,
        torch.zeros_like(weight, dtype=dtype) if needed[1] else None,
        torch.zeros_like(bias, dtype=dtype) if needed[2] else None,
    )


def _check_projection(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    check_logits(hidden, "hidden")
    check_logits(weight, "weight")
    if weight.dim() != 2 or weight.shape[1] != hidden.shape[-1]:
        raise ValueError(
            f"weight must have shape (V, {hidden.shape[-1]}), D being the last axis of hidden, "
            f"got {tuple(weight.shape)}"
        )
    if bias is not None and (not isinstance(bias, Tensor) or bias.shape != weight.shape[:1]):
        raise ValueError(f"bias must be None or have shape ({weight.shape[0]},), got {getattr(bias, 'shape', bias)!r}")
