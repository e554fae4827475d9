"""The two ends of the family in their usual form: label smoothing and the confidence penalty.

    label smoothing       L = (1-smoothing) NLL + smoothing H(u, p)          H(u, p) = KL(u || p) + log V
    confidence penalty    L = NLL - strength H(p)                              -H(p) = KL(p || u) - log V

Scale convention: the first is (1-smoothing) * (NLL + strength * H(u, p)) with strength = smoothing / (1-smoothing): the
same minimum as the family's member at skew 1, and gradients (1-smoothing) times as long (which Adam does not see, and
SGD does). Smoothing .1 is strength .111.

Source: Szegedy et al. 2016 and Mueller et al. 2019 (label smoothing), Pereyra et al. 2017 (confidence penalty), Meister
et al. 2020 (both as ends of one family). Limits: smoothing 0 and strength 0 are cross-entropy; smoothing 1 forgets the
target.
"""

from torch import Tensor

from entropyreg.regularizers.arguments import check_dim, check_smoothing, check_strength
from entropyreg.regularizers.autograd import objective_loss
from entropyreg.regularizers.divergence import SkewJensen
from entropyreg.regularizers.sweep import Objective
from entropyreg.regularizers.targets import classes_last


def strength_from_smoothing(smoothing: float) -> float:
    """smoothing / (1-smoothing): the strength at skew 1 that has label smoothing's minimum; smoothing in [0, 1)."""
    value = check_smoothing(smoothing)
    if value == 1.0:
        raise ValueError("smoothing must be less than 1 (which would take an infinite strength), got 1.0")
    return value / (1.0 - value)


def check_convention(convention: str) -> str:
    if convention not in ("papers", "fairseq"):
        raise ValueError(
            f"convention must be 'papers' (smoothing/V) or 'fairseq' (smoothing/(V-1)), got {convention!r}"
        )
    return convention


def label_smoothing_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    smoothing: float | Tensor | None = None,
    label_smoothing: float | Tensor | None = None,
    convention: str = "papers",
    weight: Tensor | None = None,
    dim: int | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    overwrite_logits: bool = False,
) -> Tensor:
    """(1-smoothing) NLL + smoothing H(u, p), which is `F.cross_entropy(..., label_smoothing=smoothing)`.

    smoothing: in [0, 1]; `label_smoothing`, torch's word, is the same: give one of the two.
    convention: "papers" gives each of the V classes smoothing/V, as torch does; "fairseq" gives each class but the
    target smoothing/(V-1), as fairseq has done since 2021. Forbidden symbols (-inf) get none, where torch returns
    infinity.
    With `weight` or probabilities as targets (convention "papers" alone) it is torch's to the letter: u is weighted,
    too, and forbidden symbols cost infinity.
    All else as in `entropy_regularized_cross_entropy`.
    """
    logits, targets = classes_last(logits, targets, check_dim(dim))
    amount = _smoothing_of(smoothing, label_smoothing)
    mixed = weight is not None or (isinstance(targets, Tensor) and targets.is_floating_point())
    if check_convention(convention) == "papers":
        objective = Objective(SkewJensen(1.0), amount, 1.0 - amount, 1)
    elif mixed:
        what = "probabilities as targets" if weight is None else "weight"
        raise ValueError(f"convention='fairseq' is not defined with {what}: use convention='papers'")
    else:
        each = amount / max(logits.shape[-1] - 1, 1)
        objective = Objective(SkewJensen(1.0), each * logits.shape[-1], 1.0 - amount - each, 1)
    return objective_loss(
        logits,
        targets,
        Objective(SkewJensen(1.0), 0.0) if mixed else objective,
        weight=weight,
        label_smoothing=amount if mixed else 0.0,
        ignore_index=ignore_index,
        reduction=reduction,
        overwrite_logits=overwrite_logits,
    ).loss


def _smoothing_of(smoothing: float | Tensor | None, label_smoothing: float | Tensor | None) -> float | Tensor:
    if (smoothing is None) == (label_smoothing is None):
        raise ValueError(
            f"smoothing or label_smoothing must be given, and not both; got {smoothing!r} and {label_smoothing!r}"
        )
    if smoothing is None:
        return check_smoothing(label_smoothing, "label_smoothing")
    return check_smoothing(smoothing)


def confidence_penalty_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    strength: float | Tensor,
    weight: Tensor | None = None,
    label_smoothing: float | Tensor = 0.0,
    dim: int | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    overwrite_logits: bool = False,
) -> Tensor:
    """NLL - strength H(p): the gradient is that of skew 0, the value is less by strength * log V.

    All else as in `entropy_regularized_cross_entropy`.
    """
    logits, targets = classes_last(logits, targets, check_dim(dim))
    return objective_loss(
        logits,
        targets,
        Objective(SkewJensen(0.0), check_strength(strength), 1.0, -1),
        weight=weight,
        label_smoothing=check_smoothing(label_smoothing, "label_smoothing"),
        ignore_index=ignore_index,
        reduction=reduction,
        overwrite_logits=overwrite_logits,
    ).loss
