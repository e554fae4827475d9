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

from entropyreg.regularizers.arguments import check_logits, check_no_class_weights, check_smoothing, check_strength
from entropyreg.regularizers.autograd import objective_loss
from entropyreg.regularizers.compiling import eager
from entropyreg.regularizers.divergence import SkewJensen
from entropyreg.regularizers.sweep import Objective


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


@eager
def label_smoothing_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    smoothing: float,
    convention: str = "papers",
    weight: None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    overwrite_logits: bool = False,
) -> Tensor:
    """(1-smoothing) NLL + smoothing H(u, p) for logits (..., V) and targets (...); smoothing in [0, 1].

    convention: "papers" gives each of the V classes smoothing/V, as torch does; "fairseq" gives each class but the
    target smoothing/(V-1), as fairseq has done since 2021. Forbidden symbols (-inf) get none, where torch returns
    infinity.
    `weight` (class weights) is refused. All else as in `entropy_regularized_cross_entropy`.
    """
    check_logits(logits)
    check_no_class_weights(weight)
    smoothing, n_classes = check_smoothing(smoothing), logits.shape[-1]
    if check_convention(convention) == "papers":
        objective = Objective(SkewJensen(1.0), smoothing, 1.0 - smoothing, 1)
    else:
        each = smoothing / max(n_classes - 1, 1)
        objective = Objective(SkewJensen(1.0), each * n_classes, 1.0 - smoothing - each, 1)
    return objective_loss(
        logits, targets, objective, ignore_index=ignore_index, reduction=reduction, overwrite_logits=overwrite_logits
    ).loss


@eager
def confidence_penalty_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    strength: float,
    weight: None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    overwrite_logits: bool = False,
) -> Tensor:
    """NLL - strength H(p) for logits (..., V) and targets (...); strength at least 0.

    The gradient is that of skew 0; the value is less by strength * log V. `weight` (class weights) is refused.
    All else as in `entropy_regularized_cross_entropy`.
    """
    check_logits(logits)
    check_no_class_weights(weight)
    objective = Objective(SkewJensen(0.0), check_strength(strength), 1.0, -1)
    return objective_loss(
        logits, targets, objective, ignore_index=ignore_index, reduction=reduction, overwrite_logits=overwrite_logits
    ).loss
