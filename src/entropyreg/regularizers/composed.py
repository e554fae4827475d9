"""The same terms by ordinary differentiable operations: slower, but every transform of torch works on it.

Used where `row_terms` says so: slower, and never otherwise.
The equations are those of `divergence`; extra memory is several arrays of the size of the logits.
"""

import torch
from torch import Tensor

from entropyreg.regularizers.sweep import Objective, computation_dtype


def composed_terms(logits: Tensor, targets: Tensor | None, objective: Objective) -> tuple[Tensor, Tensor]:
    """NLL and divergence (N,) of logits (N, V) and targets, (N,) classes or (N, V) probabilities, differentiable to any
    order."""
    logits = logits.to(computation_dtype(logits))
    log_p = torch.log_softmax(logits, dim=-1)  # (N, V)
    forbidden = logits - logits.amax(-1, keepdim=True) == -torch.inf
    weights, log_weights = (~forbidden).to(log_p.dtype), 0.0
    if objective.baseline is not None:
        weights, log_weights = weights * objective.baseline.probabilities, objective.baseline.log_probabilities
    mass = weights.sum(-1, keepdim=True)  # (N, 1)
    log_ratio = torch.where(forbidden, 0.0, log_p - log_weights + mass.log())
    divergence = objective.member.composed(log_ratio, log_p.exp(), weights / mass)
    if objective.entropy_sign:
        divergence = divergence + objective.entropy_sign * mass[:, 0].log()
    if targets is None:
        return torch.zeros_like(divergence), divergence
    if targets.dim() == 2:
        finite = torch.where(forbidden & (targets == 0.0), 0.0, log_p)
        return -(targets.to(log_p.dtype) * finite).sum(-1), divergence
    return -log_p.gather(1, targets[:, None])[:, 0], divergence
