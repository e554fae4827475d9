"""Defines the loss of image networks: cross-entropy with any regularizer of the library, distillation from a teacher.

    label_smoothing   (1-smoothing) NLL + smoothing H(u, p)              paper B's form: under SGD its scale matters
    any kind          NLL + strength D(u || p)                           paper A's family and others, not scaled
    distillation      (1-weight) hard + weight H(p_t(T), p)              student at temperature 1, no factor T^2
                      (1-weight) hard + weight/2 mean_k (z_k - z_tk)^2   `loss: logits`, MNIST (or the sum over k)

"hard" is the regularized objective above (cross-entropy in paper B). Label smoothing is (1-smoothing) times the member
of skew 1 and strength smoothing / (1-smoothing): the same minimum, gradients (1-smoothing) times as long. All functions
give one loss a row. Sources: papers A and B. Whether the squared difference is summed over classes or averaged is not
stated; at the paper's learning rate of 1 the sum diverged within 100 updates in our trials, the mean did not.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from entropyreg import regularizers
from entropyreg.images.settings import check_regularizer
from entropyreg.io.errors import UserError
from entropyreg.regularizers.declared import member_of
from entropyreg.regularizers.equilibrium import strength_for_entropy
from entropyreg.regularizers.functional import regularized_cross_entropy

Objective = Callable[[Tensor, Tensor], Tensor]  # logits (R, K), targets (R,) -> losses (R,)


def hard_objective(settings: Mapping[str, Any], class_counts: Tensor) -> Objective:
    """The regularized cross-entropy that `settings` describe; `class_counts` (K,) are those of the training images.

    `kind` and the keys that it has (`settings.REGULARIZERS`); any other is refused.
    """
    check_regularizer(settings)
    if settings["kind"] == "none":
        return lambda logits, targets: F.cross_entropy(logits.float(), targets, reduction="none")
    if "smoothing" in settings:
        return regularizers.LabelSmoothingCrossEntropy(smoothing=settings["smoothing"], reduction="none")
    baseline = None
    if settings.get("baseline", "uniform") == "unigram":
        baseline = regularizers.annealed_unigram(class_counts, settings.get("unigram_temperature", 1.0))
    member, strength = member_of(settings), settings.get("strength")
    if strength is None:
        strength = strength_for_entropy(member.skew, settings["entropy"], len(class_counts))
    return partial(regularized_cross_entropy, member=member, strength=strength, baseline=baseline, reduction="none")


def soft_cross_entropy(logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """H(p_t(T), p) of every row: the teacher softened by T, the student at 1; (R, K), (R, K) -> (R,)."""
    return F.cross_entropy(logits, torch.softmax(teacher_logits / temperature, -1), reduction="none")


def half_squared_difference(logits: Tensor, teacher_logits: Tensor, over: str = "mean") -> Tensor:
    """Half the mean, or with `over` 'sum' the sum, over k of (z_k - z_tk)^2 of every row; (R, K), (R, K) -> (R,)."""
    squares = (logits - teacher_logits).square()
    return 0.5 * (squares.mean(-1) if over == "mean" else squares.sum(-1))


def distilled(hard: Tensor, logits: Tensor, teacher_logits: Tensor, settings: Mapping[str, Any]) -> Tensor:
    """Mix the hard losses (R,) with those of the teacher.

    Keys of `settings`: loss (soft, logits), weight, temperature, over (sum, mean).
    """
    logits, teacher_logits = logits.float(), teacher_logits.float()
    if settings["loss"] == "soft":
        taught = soft_cross_entropy(logits, teacher_logits, settings["temperature"])
    elif settings["loss"] == "logits":
        taught = half_squared_difference(logits, teacher_logits, settings.get("over", "mean"))
    else:
        raise UserError(f"distillation.loss is {settings['loss']!r}; allowed: soft, logits.")
    weight = settings["weight"]
    return taught if weight == 1 else (1.0 - weight) * hard + weight * taught
