"""One sweep over the rows: loss terms of every row, and the gradient, chunk by chunk while each is in cache.

    d(nll_weight * NLL + strength * J)/dz = p * (nll_weight + strength * (g - <g>_p)) - nll_weight * onehot(y)

With probabilities q as targets, NLL = -sum_k q_k log p_k, and p * sum(q) - q takes the place of p - onehot(y).

Source: Meister et al. 2020 (the objective); the gradient is derived in `divergence`. Extra memory: a few chunks of
CHUNK_ELEMENTS, whatever the number of rows. Ignored rows have zero terms and zero gradient whatever they hold.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from entropyreg.regularizers import arguments, kernels
from entropyreg.regularizers.baselines import Baseline
from entropyreg.regularizers.divergence import Member, Terms
from entropyreg.regularizers.rows import Rows

CHUNK_ELEMENTS = {"cpu": 1 << 18, "other": 1 << 23}  # logits in a chunk: three such arrays should fit the cache


class Objective(NamedTuple):
    """nll_weight * NLL + strength * (J + entropy_sign * log V'), V' the number of allowed symbols.

    The weights are tensors (0-d, or `strength` one a row) where they are learnt or differ between rows; `general` then
    applies them outside of the sweep.
    """

    member: Member
    strength: float | Tensor
    nll_weight: float | Tensor = 1.0
    entropy_sign: int = 0
    baseline: Baseline | None = None


class RowWeights(NamedTuple):
    """The weights of the terms in the gradient of every row, in place of an objective's own and of `factor`."""

    nll: Tensor  # (N,)
    divergence: Tensor  # (N,)


class RowTerms(NamedTuple):
    """Per row: NLL (0 without targets) and divergence."""

    nll: Tensor  # (N,)
    divergence: Tensor  # (N,)


def computation_dtype(logits: Tensor) -> torch.dtype:
    """float64 for float64, float32 for everything else."""
    return torch.float64 if logits.dtype == torch.float64 else torch.float32


def needs_precision(objective: Objective, weights: RowWeights | None) -> bool:
    """Whether J's gradient must be accurate by itself: beside the NLL's, its rounding near J = 0 is invisible."""
    if weights is None:
        return objective.strength > 8.0 * objective.nll_weight
    return not arguments.may_look(weights.nll) or bool((weights.divergence > 8.0 * weights.nll).any())


def sweep(
    logits: Tensor,
    targets: Tensor | None,
    ignored: Tensor | None,
    objective: Objective,
    gradient: Tensor | None,
    factor: Tensor | None = None,
    weights: RowWeights | None = None,
) -> RowTerms:
    """Row terms of `logits` (N, V); the gradient, times the 0-d `factor`, goes into `gradient` (N, V).

    `gradient` may be `logits` itself, and None if only the terms are wanted.
    `targets` (N,) are valid indices even in the rows that the boolean `ignored` (N,) marks; or they are
    probabilities (N, V), and no row is ignored. `weights` replace those of the objective and `factor`.
    """
    dtype, device = computation_dtype(logits), logits.device
    if torch.is_autocast_enabled(device.type):  # autocast would do the baseline's matrix products in half precision
        with torch.autocast(device.type, enabled=False):
            return sweep(logits, targets, ignored, objective, gradient, factor, weights)
    if logits.shape[0] == 0:
        return RowTerms(*logits.new_zeros((2, 0), dtype=dtype))
    if ignored is not None and arguments.may_look(ignored) and not ignored.any():
        ignored = None
    kernel = kernels.kernel_for(logits)
    terms = kernel and kernel.sweep(logits, targets, ignored, objective, gradient, factor, weights)
    return terms or by_chunks(logits, targets, ignored, objective, gradient, factor, weights)


def by_chunks(
    logits: Tensor,
    targets: Tensor | None,
    ignored: Tensor | None,
    objective: Objective,
    gradient: Tensor | None,
    factor: Tensor | None = None,
    weights: RowWeights | None = None,
) -> RowTerms:
    """`sweep` in plain torch, for any dtype, device and member: the path that the kernels must agree with."""
    (n_rows, n_classes), dtype, device = logits.shape, computation_dtype(logits), logits.device
    precise = needs_precision(objective, weights)
    in_place = gradient is not None and gradient.dtype == dtype and gradient.stride(-1) == 1
    step = min(chunk_rows(n_classes, device), n_rows)
    buffers = [torch.empty((step, n_classes), dtype=dtype, device=device) for _ in range(2 if in_place else 3)]
    write = _GradientWriter(objective, targets is not None, factor, buffers[0].new_ones((step, 1)))
    tensors = (logits, gradient, targets, ignored, *(weights or (None, None)))
    pieces = [None if tensor is None else tensor.split(step) for tensor in tensors]
    nll, divergence = [], []
    for index, piece in enumerate(pieces[0]):
        into, chosen, skipped, *own = (None if tensor is None else tensor[index] for tensor in pieces[1:])
        exp, scratch, *spare = buffers if len(piece) == step else (buffer[: len(piece)] for buffer in buffers)
        work = into if in_place else spare[0]
        if piece.dtype != dtype:
            piece = work.copy_(piece)
        rows = Rows(piece, work, exp, scratch, objective.baseline)
        if chosen is not None:
            chosen = chosen.unsqueeze(1) if chosen.dim() == 1 else chosen.to(dtype)  # (n, 1) or (n, V)
            nll.append(_nll(rows, chosen))
        terms = objective.member.terms(rows, precise)
        divergence.append(terms.divergence)
        if rows.at_baseline is not None:
            terms.divergence.masked_fill_(rows.at_baseline, 0.0)  # exactly, not only up to rounding
        if objective.entropy_sign:
            terms.divergence.add_(rows.log_mass, alpha=objective.entropy_sign)
        if gradient is not None:
            write(rows, terms, chosen, None if weights is None else RowWeights(*own))
            if skipped is not None:
                _zero_rows(work, skipped)
            if not in_place:
                into.copy_(work)
    divergence = torch.cat(divergence).squeeze(1)
    nll = torch.cat(nll).squeeze(1) if nll else torch.zeros_like(divergence)
    if not objective.entropy_sign:
        divergence.clamp_min_(0.0)  # J >= 0 up to rounding
    if ignored is not None:
        nll.masked_fill_(ignored, 0.0)
        divergence.masked_fill_(ignored, 0.0)
    return RowTerms(nll, divergence)


def chunk_rows(n_classes: int, device: torch.device) -> int:
    """The number of rows in a chunk."""
    return max(1, CHUNK_ELEMENTS["cpu" if device.type == "cpu" else "other"] // n_classes)


def _nll(rows: Rows, chosen: Tensor) -> Tensor:
    """(n, 1), before the members overwrite `rows.work`, of classes (n, 1) or of probabilities (n, V)."""
    if not chosen.is_floating_point():
        return rows.log_total - rows.work.gather(1, chosen)
    products = chosen * rows.work
    if rows.forbidden is not None:
        products.masked_fill_(chosen == 0.0, 0.0)
    return chosen.sum(-1, keepdim=True) * rows.log_total - products.sum(-1, keepdim=True)


class _GradientWriter:
    """Turns the terms of a chunk into its gradient, in `rows.work`. Its constants are made once a sweep."""

    def __init__(self, objective: Objective, has_targets: bool, factor: Tensor | None, ones: Tensor) -> None:
        factor = 1.0 if factor is None else factor.to(ones.dtype)
        weight = factor * (objective.nll_weight if has_targets else 0.0)
        self.has_targets, self.member_scale = has_targets, objective.member.scale
        self.scale = ones * (factor * (objective.strength * objective.member.scale))  # (n, 1), as are the others
        self.weight, self.minus_weight = ones * weight, ones * -weight

    def __call__(self, rows: Rows, terms: Terms, chosen: Tensor | None, weights: RowWeights | None) -> None:
        n = len(rows.work)
        if weights is None:
            scale, weight, minus_weight = self.scale[:n], self.weight[:n], self.minus_weight[:n]
        else:
            nll_weight, strength = (values.to(rows.work.dtype)[:, None] for values in weights)
            scale, weight = strength * self.member_scale, nll_weight if self.has_targets else 0.0 * nll_weight
            minus_weight = -weight
        soft = chosen is not None and chosen.is_floating_point()
        mass = chosen.sum(-1, keepdim=True) if soft else 1.0
        per_product = rows.per_total * scale  # (n, 1)
        per_exp = torch.addcmul(rows.per_total * weight * mass, per_product, terms.mean, value=-1.0)
        if terms.products.shape != rows.work.shape:  # constant over a row
            torch.mul(rows.exp, per_exp, out=rows.work).add_(per_product.mul_(terms.products))
        else:
            torch.mul(terms.products, per_product, out=rows.work).addcmul_(rows.exp, per_exp)
        if soft:
            rows.work.addcmul_(chosen, minus_weight)
        elif chosen is not None:
            rows.work.scatter_add_(1, chosen, minus_weight)


def _zero_rows(work: Tensor, ignored: Tensor) -> None:
    if arguments.may_look(work):
        work.index_fill_(0, ignored.nonzero()[:, 0], 0.0)
    else:
        work.masked_fill_(ignored[:, None], 0.0)
