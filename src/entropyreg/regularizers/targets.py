"""Brings logits and targets of every form that `F.cross_entropy` takes to rows (N, V), and says what is averaged over.

    class indices y        NLL = w_y * -log p_y                      "mean" divides by the sum of w_y
    probabilities t        NLL = sum_k w_k t_k * -log p_k            "mean" divides by the number of rows
    label smoothing s      t becomes (1-s) t + s / V, with y as the one-hot t

w are class weights (1 without). They and the smoothing touch the likelihood alone, not the divergence.
Source: torch's `cross_entropy`, with which all are equal where both are defined. Limits: torch gives NaN for "mean"
over rows that are all ignored or of weight 0, we give 0; forbidden symbols (-inf) of probability 0 cost nothing here
and NaN there.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from entropyreg.regularizers import arguments
from entropyreg.regularizers.arguments import (
    check_constant,
    check_ignore_index,
    check_logits,
    check_tensor,
    checked_probabilities,
    checked_targets,
    composed,
)
from entropyreg.regularizers.sweep import computation_dtype


class Likelihood(NamedTuple):
    """The targets and weights of the NLL of rows (N, V). The fields of rows are None where all rows are alike."""

    targets: Tensor | None  # (N,) classes, valid in every row; or (N, V), what each -log p_k counts; None: no NLL
    ignored: Tensor | None = None  # (N,) bool
    weights: Tensor | None = None  # (N,), by which the NLL is multiplied
    shares: Tensor | None = None  # (N,), over the sum of which "mean" takes the NLL

    @property
    def is_plain(self) -> bool:
        """Whether it is one class a row, all weighted alike."""
        return self.shares is None and (self.targets is None or self.targets.dim() == 1)


def classes_last(logits: Any, targets: Any, dim: int | None) -> tuple[Tensor, Any]:
    """Logits, and targets that have classes, with the class axis `dim` moved to the end, as views.

    Without `dim`, the axis follows from the shapes: the last, or, as in `F.cross_entropy`, the second of more than two.
    """
    check_tensor("logits", logits)
    soft = isinstance(targets, Tensor) and targets.is_floating_point()
    axis = _class_axis(logits, targets, soft) if dim is None else _checked_axis(dim, logits)
    if axis != logits.dim() - 1:
        logits = logits.movedim(axis, -1)
        targets = targets.movedim(axis, -1) if soft and targets.dim() == logits.dim() else targets
    check_logits(logits)
    return logits, targets


def _class_axis(logits: Tensor, targets: Any, soft: bool) -> int:
    last = logits.dim() - 1
    if last < 2 or not isinstance(targets, Tensor):
        return last
    fits = [targets.shape == (shape if soft else rest) for shape, rest in (
        (logits.shape, logits.shape[:1] + logits.shape[2:]), (logits.shape, logits.shape[:-1])
    )]  # fmt: skip
    if all(fits):
        raise ValueError(
            f"dim must say which axis of logits {tuple(logits.shape)} holds the classes, since targets "
            f"{tuple(targets.shape)} fit both: dim=1, as in F.cross_entropy, or dim=-1"
        )
    return 1 if fits[0] else last


def _checked_axis(dim: Any, logits: Tensor) -> int:
    n_axes = logits.dim()
    if isinstance(dim, bool) or not isinstance(dim, int) or not -n_axes <= dim < n_axes:
        raise ValueError(f"dim must be an axis of logits, an integer in [{-n_axes}, {n_axes}), got {dim!r}")
    return dim % n_axes


def likelihood_of(
    logits: Tensor, targets: Any, *, weight: Any = None, label_smoothing: Any = 0.0, ignore_index: Any = -100
) -> Likelihood:
    """The likelihood of logits (..., V) whose arguments are checked here; targets (...) or (..., V), or None."""
    ignore_index = check_ignore_index(ignore_index)
    n_classes, dtype = logits.shape[-1], computation_dtype(logits)
    class_weights = _checked_weight(weight, logits)
    smoothed = isinstance(label_smoothing, Tensor) or label_smoothing != 0.0
    if targets is None:
        return Likelihood(None)
    if isinstance(targets, Tensor) and targets.is_floating_point():
        if ignore_index >= 0:
            raise ValueError(f"ignore_index must be negative for probability targets (none match), got {ignore_index}")
        targets = checked_probabilities(targets, logits).reshape(-1, n_classes)
        if smoothed:
            targets = _smoothed(targets.to(dtype), label_smoothing)
        return Likelihood(targets if class_weights is None else targets * class_weights)
    targets = checked_targets(targets, logits.shape, logits.device, ignore_index).reshape(-1)
    ignored = targets == ignore_index
    if composed() or not arguments.may_look(ignored) or ignored.any():
        targets = targets.masked_fill(ignored, 0)
    else:
        ignored = None
    if class_weights is None and not smoothed:
        return Likelihood(targets, ignored)
    shares = None if class_weights is None else class_weights[targets]
    if shares is not None and ignored is not None:
        shares = shares.masked_fill(ignored, 0.0)
    if not smoothed:
        return Likelihood(targets, ignored, shares, shares)
    spread = torch.zeros((len(targets), n_classes), dtype=dtype, device=logits.device).scatter(1, targets[:, None], 1.0)
    spread = _smoothed(spread, label_smoothing)
    return Likelihood(spread if class_weights is None else spread * class_weights, ignored, None, shares)


def _smoothed(probabilities: Tensor, smoothing: Any) -> Tensor:
    return probabilities * (1.0 - smoothing) + smoothing / probabilities.shape[-1]


def _checked_weight(weight: Any, logits: Tensor) -> Tensor | None:
    """Class weights (V,), in the dtype of the computation."""
    if weight is None:
        return None
    check_tensor("weight", weight)
    check_constant("weight", weight)
    if weight.shape != logits.shape[-1:] or not weight.is_floating_point():
        raise ValueError(
            f"weight must hold one floating-point number for each of the {logits.shape[-1]} classes of logits, got "
            f"shape {tuple(weight.shape)} of {weight.dtype}"
        )
    if weight.device != logits.device:
        raise ValueError(f"weight must be on the device of logits, {logits.device}, got {weight.device}")
    if arguments.may_look(weight) and not composed() and not torch.isfinite(weight).all():
        raise ValueError(f"weight must be finite, got {weight[~torch.isfinite(weight)][0].item()}")
    return weight.to(computation_dtype(logits))
