"""NLL and divergence of every row as two differentiable results, which the caller may weight and reduce as it likes.

    d(sum_i a_i NLL_i + b_i J_i)/dz_i = a_i (p - target) + b_i * scale * p * (v - <v>_p)

Source: Meister et al. 2020 (the terms). Forward computes the terms, backward the gradient, in a second sweep with the
weights a and b that autograd hands it: so strengths may be learnt or differ between rows, and nothing of the size of
the logits is kept but they themselves. Inside torch.compile both sweeps are custom operators (`operators`). Where no
sweep can run (torch.func, torch.export, forward-mode, double and batched backward, gradients of probability targets),
and inside torch.compile for members that no kernel has, the composed operations take over.
"""

import torch
from torch import Tensor

from entropyreg.regularizers.arguments import composed, has_tangent, is_batched, traced
from entropyreg.regularizers.composed import composed_terms
from entropyreg.regularizers.divergence import SkewJensen
from entropyreg.regularizers.sweep import Objective, RowTerms, RowWeights, sweep


def row_terms(
    logits: Tensor, targets: Tensor | None, ignored: Tensor | None, objective: Objective, overwrite: bool = False
) -> RowTerms:
    """NLL and divergence (N,) of logits (N, V); 0 in ignored rows. The weights of the objective are left out.

    targets: (N,) classes, (N, V) probabilities, or None.    overwrite: put the gradient over the logits in backward.
    """
    objective = objective._replace(strength=1.0, nll_weight=1.0)
    if traced() and isinstance(objective.member, SkewJensen):
        from entropyreg.regularizers.operators import traced_terms

        return traced_terms(logits, targets, ignored, objective)
    learnt = targets is not None and targets.is_floating_point() and targets.requires_grad
    if composed() or learnt or has_tangent(logits, targets):
        return masked_terms(logits, targets, ignored, objective)
    return RowTerms(*_RowTerms.apply(logits, targets, ignored, objective, overwrite))


def masked_terms(logits: Tensor, targets: Tensor | None, ignored: Tensor | None, objective: Objective) -> RowTerms:
    """The same by composed operations."""
    if ignored is None:
        return RowTerms(*composed_terms(logits, targets, objective))
    # before the mathematics, so that nothing an ignored row holds can reach the gradient
    logits = torch.where(ignored[:, None], 0.0, logits)
    return RowTerms(*(term.masked_fill(ignored, 0.0) for term in composed_terms(logits, targets, objective)))


class _RowTerms(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, targets, ignored, objective: Objective, overwrite: bool):
        ctx.save_for_backward(logits, targets, ignored)
        ctx.objective, ctx.overwrite, ctx.spent = objective, overwrite, False
        return tuple(sweep(logits, targets, ignored, objective, None))

    @staticmethod
    def backward(ctx, *grads: Tensor):
        double, batched = torch.is_grad_enabled(), any(map(is_batched, grads))
        if ctx.overwrite and (ctx.spent or double or batched):
            refuse_again("second" if ctx.spent else "double" if double else "batched")
        logits, targets, ignored = ctx.saved_tensors
        if double or batched:
            with torch.enable_grad():
                leaf = logits if double else logits.detach().requires_grad_()
                terms = masked_terms(leaf, targets, ignored, ctx.objective)
            outputs, grads = zip(*((o, g) for o, g in zip(terms, grads, strict=True) if o.requires_grad), strict=True)
            return *torch.autograd.grad(outputs, leaf, grads, create_graph=double), None, None, None, None
        ctx.spent = True
        gradient = logits.detach() if ctx.overwrite else logits.new_empty(logits.shape)
        sweep(logits, targets, ignored, ctx.objective, gradient, weights=RowWeights(*grads))
        return gradient, None, None, None, None


def refuse_again(kind: str) -> None:
    """Raise where overwritten logits would be needed once more, by a second, double or batched backward."""
    raise RuntimeError(
        f"overwrite_logits=True allows no {kind} backward: the logits were replaced by their gradient. "
        "Call the loss with overwrite_logits=False"
    )
