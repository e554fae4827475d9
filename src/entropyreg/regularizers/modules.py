"""`nn.Module` twins of the functions: the settings are checked once and held, the mathematics is theirs."""

from typing import Any, ClassVar

from torch import Tensor, nn

from entropyreg.regularizers import classic, euclidean, functional, linear
from entropyreg.regularizers.arguments import (
    check_ignore_index,
    check_reduction,
    check_skew,
    check_smoothing,
    check_strength,
)
from entropyreg.regularizers.autograd import LossParts
from entropyreg.regularizers.baselines import Baseline, given_baseline


class _Settings(nn.Module):
    """Keyword arguments of a function, checked, shown by repr, and passed on at every call."""

    _CHECKS: ClassVar = {
        "skew": check_skew,
        "strength": check_strength,
        "smoothing": check_smoothing,
        "ignore_index": check_ignore_index,
        "reduction": check_reduction,
        "baseline": lambda value: value if value is None or isinstance(value, Baseline) else given_baseline(value),
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.settings = {name: self._CHECKS.get(name, lambda v: v)(value) for name, value in settings.items()}

    def extra_repr(self) -> str:
        shown = {name: "given" if isinstance(value, Baseline) else value for name, value in self.settings.items()}
        return ", ".join(f"{name}={value!r}" for name, value in shown.items() if value is not None)


class SkewJensenDivergence(_Settings):
    """`skew_jensen` as a module."""

    def __init__(self, skew: float, *, baseline=None) -> None:
        super().__init__(skew=skew, baseline=baseline)

    def forward(self, logits: Tensor) -> Tensor:
        return functional.skew_jensen(logits, **self.settings)


class EntropyRegularizedCrossEntropy(_Settings):
    """`entropy_regularized_cross_entropy` as a module."""

    def __init__(
        self,
        *,
        skew: float,
        strength: float,
        baseline=None,
        ignore_index: int = -100,
        reduction: str = "mean",
        overwrite_logits: bool = False,
        return_parts: bool = False,
    ) -> None:
        super().__init__(
            skew=skew,
            strength=strength,
            baseline=baseline,
            ignore_index=ignore_index,
            reduction=reduction,
            overwrite_logits=overwrite_logits,
            return_parts=return_parts,
        )

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor | LossParts:
        return functional.entropy_regularized_cross_entropy(logits, targets, **self.settings)


class LabelSmoothingCrossEntropy(_Settings):
    """`label_smoothing_cross_entropy` as a module."""

    def __init__(
        self,
        *,
        smoothing: float,
        convention: str = "papers",
        ignore_index: int = -100,
        reduction: str = "mean",
        overwrite_logits: bool = False,
    ) -> None:
        super().__init__(
            smoothing=smoothing,
            convention=classic.check_convention(convention),
            ignore_index=ignore_index,
            reduction=reduction,
            overwrite_logits=overwrite_logits,
        )

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return classic.label_smoothing_cross_entropy(logits, targets, **self.settings)


class ConfidencePenaltyCrossEntropy(_Settings):
    """`confidence_penalty_cross_entropy` as a module."""

    def __init__(
        self, *, strength: float, ignore_index: int = -100, reduction: str = "mean", overwrite_logits: bool = False
    ) -> None:
        super().__init__(
            strength=strength, ignore_index=ignore_index, reduction=reduction, overwrite_logits=overwrite_logits
        )

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return classic.confidence_penalty_cross_entropy(logits, targets, **self.settings)


class EuclideanRegularizedCrossEntropy(_Settings):
    """`euclidean_regularized_cross_entropy` as a module."""

    def __init__(
        self,
        *,
        strength: float,
        baseline=None,
        ignore_index: int = -100,
        reduction: str = "mean",
        overwrite_logits: bool = False,
        return_parts: bool = False,
    ) -> None:
        super().__init__(
            strength=strength,
            baseline=baseline,
            ignore_index=ignore_index,
            reduction=reduction,
            overwrite_logits=overwrite_logits,
            return_parts=return_parts,
        )

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor | LossParts:
        return euclidean.euclidean_regularized_cross_entropy(logits, targets, **self.settings)


class LinearEntropyRegularizedCrossEntropy(_Settings):
    """`linear_entropy_regularized_cross_entropy` as a module; the projection belongs to the model and is passed in."""

    def __init__(
        self,
        *,
        skew: float,
        strength: float,
        baseline=None,
        ignore_index: int = -100,
        reduction: str = "mean",
        return_parts: bool = False,
    ) -> None:
        super().__init__(
            skew=skew,
            strength=strength,
            baseline=baseline,
            ignore_index=ignore_index,
            reduction=reduction,
            return_parts=return_parts,
        )

    def forward(
        self, hidden: Tensor, weight: Tensor, targets: Tensor, bias: Tensor | None = None
    ) -> Tensor | LossParts:
        return linear.linear_entropy_regularized_cross_entropy(hidden, weight, targets, bias=bias, **self.settings)
