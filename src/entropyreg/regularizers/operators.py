"""The sweeps as custom operators of torch, which torch.compile and its autograd keep whole inside one graph.

    entropyreg::row_terms      NLL and divergence (N,) of logits (N, V)
    entropyreg::row_gradient   their gradient (N, V), with weights (N,) of both terms
    entropyreg::linear_terms, entropyreg::linear_gradient   the same of logits = hidden @ weight.T + bias, never held

Numbers that may change between calls are tensors, so that nothing is compiled again when they do. On a CPU the
operators check targets when they run, as eager calls do. Autocast changes nothing (all is computed in float32 inside);
vmap never sees them, as composed operations take over inside torch.func. Backward recomputes from the logits, so no
gradient waits in memory.
Importing this module defines the operators, and calling them imports the compiler: only `row_terms` and `linear` do it,
inside torch.compile.
"""

import torch
from torch import Tensor

from entropyreg.regularizers import arguments
from entropyreg.regularizers.baselines import Baseline
from entropyreg.regularizers.divergence import at_skew
from entropyreg.regularizers.linear import Gradients, new_gradients, sweep_projection
from entropyreg.regularizers.sweep import Objective, RowTerms, RowWeights, computation_dtype, sweep


def traced_terms(logits: Tensor, targets: Tensor | None, ignored: Tensor | None, objective: Objective) -> RowTerms:
    """`row_terms.row_terms` inside torch.compile."""
    return RowTerms(*row_terms(logits, targets, ignored, *_settings(objective)))


def _settings(objective: Objective) -> tuple[Tensor, Tensor | None, Tensor | None, int]:
    skew = torch.ones((), dtype=torch.float64) * objective.member.skew  # not full: see `autograd.as_tensor`
    return skew, *(objective.baseline or (None, None)), objective.entropy_sign


def _objective(skew: Tensor, u: Tensor | None, log_u: Tensor | None, entropy_sign: int) -> Objective:
    return Objective(at_skew(skew.item()), 1.0, 1.0, entropy_sign, None if u is None else Baseline(u, log_u))


def _check(targets: Tensor | None, ignored: Tensor | None, n_classes: int) -> None:
    if targets is not None and targets.dim() == 1:
        shown = targets if ignored is None else targets.masked_fill(ignored, 0)
        arguments.checked_targets(shown, torch.Size([*targets.shape, n_classes]), targets.device, None)


@torch.library.custom_op("entropyreg::row_terms", mutates_args=())
def row_terms(
    logits: Tensor,
    targets: Tensor | None,
    ignored: Tensor | None,
    skew: Tensor,
    u: Tensor | None,
    log_u: Tensor | None,
    entropy_sign: int,
) -> tuple[Tensor, Tensor]:
    """NLL and divergence."""
    _check(targets, ignored, logits.shape[1])
    terms = sweep(logits, targets, ignored, _objective(skew, u, log_u, entropy_sign), None)
    return terms.nll.clone(), terms.divergence.clone()  # an operator's results must not share memory


@row_terms.register_fake
def _(logits, targets, ignored, skew, u, log_u, entropy_sign):
    return tuple(logits.new_empty(logits.shape[0], dtype=computation_dtype(logits)) for _ in range(2))


@torch.library.custom_op("entropyreg::row_gradient", mutates_args=())
def row_gradient(
    logits: Tensor,
    targets: Tensor | None,
    ignored: Tensor | None,
    skew: Tensor,
    u: Tensor | None,
    log_u: Tensor | None,
    entropy_sign: int,
    nll_weights: Tensor,
    divergence_weights: Tensor,
) -> Tensor:
    """The gradient of sum_i nll_weights_i NLL_i + divergence_weights_i J_i."""
    gradient = logits.new_empty(logits.shape)
    weights = RowWeights(nll_weights, divergence_weights)
    sweep(logits, targets, ignored, _objective(skew, u, log_u, entropy_sign), gradient, weights=weights)
    return gradient


@row_gradient.register_fake
def _(logits, targets, ignored, skew, u, log_u, entropy_sign, nll_weights, divergence_weights):
    return logits.new_empty(logits.shape)


def _save(ctx, inputs, output) -> None:
    *tensors, ctx.entropy_sign = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx, nll_weights: Tensor, divergence_weights: Tensor):
    gradient = row_gradient(*ctx.saved_tensors, ctx.entropy_sign, nll_weights, divergence_weights)
    return gradient, None, None, None, None, None, None


row_terms.register_autograd(_backward, setup_context=_save)


def traced_linear_terms(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    ignored: Tensor,
    objective: Objective,
) -> RowTerms:
    """Terms (N,) of the projected rows, inside torch.compile."""
    return RowTerms(*linear_terms(hidden, weight, bias, targets, ignored, *_settings(objective)))


@torch.library.custom_op("entropyreg::linear_terms", mutates_args=())
def linear_terms(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    ignored: Tensor,
    skew: Tensor,
    u: Tensor | None,
    log_u: Tensor | None,
    entropy_sign: int,
) -> tuple[Tensor, Tensor]:
    """NLL and divergence of hidden (N, D) @ weight (V, D).T + bias (V,)."""
    _check(targets, ignored, weight.shape[0])
    objective, nothing = _objective(skew, u, log_u, entropy_sign), Gradients(None, None, None)
    terms = sweep_projection(hidden, weight, bias, targets, ignored, objective, nothing)
    return terms.nll.clone(), terms.divergence.clone()


@linear_terms.register_fake
def _(hidden, weight, bias, targets, ignored, skew, u, log_u, entropy_sign):
    return tuple(hidden.new_empty(hidden.shape[0], dtype=computation_dtype(hidden)) for _ in range(2))


@torch.library.custom_op("entropyreg::linear_gradient", mutates_args=())
def linear_gradient(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    ignored: Tensor,
    skew: Tensor,
    u: Tensor | None,
    log_u: Tensor | None,
    entropy_sign: int,
    nll_weights: Tensor,
    divergence_weights: Tensor,
    needed: list[bool],
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of hidden, weight and bias; empty where none is needed."""
    tensors, weights = (hidden, weight, bias), RowWeights(nll_weights, divergence_weights)
    gradients = new_gradients(*tensors, tuple(needed))
    sweep_projection(*tensors, targets, ignored, _objective(skew, u, log_u, entropy_sign), gradients, weights=weights)
    found = zip(gradients, tensors, strict=True)
    return tuple(hidden.new_empty(0) if g is None else g.to(tensor.dtype) for g, tensor in found)


@linear_gradient.register_fake
def _(hidden, weight, bias, *others):
    tensors = zip((hidden, weight, bias), others[-1], strict=True)
    return tuple(tensor.new_empty(tensor.shape) if needed else hidden.new_empty(0) for tensor, needed in tensors)


def _linear_backward(ctx, nll_weights: Tensor, divergence_weights: Tensor):
    needed = [bool(one) for one in ctx.needs_input_grad[:3]]
    gradients = linear_gradient(*ctx.saved_tensors, ctx.entropy_sign, nll_weights, divergence_weights, needed)
    return *(g if one else None for g, one in zip(gradients, needed, strict=True)), *[None] * 6


linear_terms.register_autograd(_linear_backward, setup_context=_save)
