"""`nn.Module` versions of the functions: they check settings when these are set, and call the functions.

A setting is an attribute of its name, which may be changed between calls (a strength that grows, say). The baseline and
the class weights are buffers: they move with the module and are part of its state, as the weight of
`nn.CrossEntropyLoss` is. A strength may be an `nn.Parameter`, which is then learnt.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn

from entropyreg.regularizers import classic, euclidean, functional, linear
from entropyreg.regularizers.arguments import (
    check_dim,
    check_ignore_index,
    check_reduction,
    check_skew,
    check_smoothing,
    check_strength,
)
from entropyreg.regularizers.autograd import LossParts
from entropyreg.regularizers.baselines import Baseline, given_baseline


def _kept(check: Callable[..., Any], *args: str) -> Callable[[Any], Any]:
    """The check, which leaves a tensor the tensor that it is: its value may change, or be learnt."""

    def of(value: Any) -> Any:
        found = None if value is None else check(value, *args)
        return value if isinstance(value, Tensor) else found

    return of


def _shown(value: Any) -> Any:
    """A setting as `repr` shows it."""
    if isinstance(value, Baseline) or (isinstance(value, Tensor) and value.numel() != 1):
        return "given"
    return value.item() if isinstance(value, Tensor) else value


class _Settings(nn.Module):
    """Keyword arguments of a function: attributes that are checked, shown by repr, and passed on at every call."""

    _CHECKS: ClassVar = {
        "skew": check_skew,
        "strength": _kept(check_strength),
        "smoothing": _kept(check_smoothing),
        "label_smoothing": _kept(check_smoothing, "label_smoothing"),
        "ignore_index": check_ignore_index,
        "reduction": check_reduction,
        "convention": classic.check_convention,
        "dim": check_dim,
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self._names = tuple(settings)
        buffers = {"baseline": ("baseline", "log_baseline"), "weight": ("weight",)}
        for name in (one for key, names in buffers.items() if key in settings for one in names):
            self.register_buffer(name, None)
        for name, value in settings.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "baseline" and name in self._buffers:
            if value is not None and not isinstance(value, Baseline):
                value = given_baseline(value)
            value, log_baseline = (None, None) if value is None else value
            super().__setattr__("log_baseline", log_baseline)
        elif name in self._CHECKS:
            value = self._CHECKS[name](value)
        super().__setattr__(name, value)

    @property
    def settings(self) -> dict[str, Any]:
        """The keyword arguments of the function."""
        settings = {name: getattr(self, name) for name in self._names}
        if settings.get("baseline") is not None:
            settings["baseline"] = Baseline(self.baseline, self.log_baseline)
        return settings

    def _apply(self, function, recurse: bool = True):
        """Move the baseline but keep its precision: `half()` would leave three digits of it."""
        before = dict(self.named_buffers(recurse=False))
        super()._apply(function, recurse)
        for name, buffer in before.items():
            if self._buffers[name].dtype != buffer.dtype:
                self._buffers[name] = buffer.to(self._buffers[name].device)
        return self

    def extra_repr(self) -> str:
        shown = {name: _shown(value) for name, value in self.settings.items()}
        return ", ".join(f"{name}={value!r}" for name, value in shown.items() if value is not None)


class SkewJensenDivergence(_Settings):
    """`skew_jensen` as a module."""

    def __init__(self, skew: float, *, baseline: Any = None, dim: int = -1) -> None:
        super().__init__(skew=skew, baseline=baseline, dim=dim)

    def forward(self, logits: Tensor) -> Tensor:
        return functional.skew_jensen(logits, **self.settings)


class EntropyRegularizedCrossEntropy(_Settings):
    """`entropy_regularized_cross_entropy` as a module."""

    def __init__(
        self,
        *,
        skew: float,
        strength: float | Tensor,
        baseline: Any = None,
        weight: Tensor | None = None,
        label_smoothing: float | Tensor = 0.0,
        dim: int | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        overwrite_logits: bool = False,
        return_parts: bool = False,
    ) -> None:
        super().__init__(
            skew=skew,
            strength=strength,
            baseline=baseline,
            weight=weight,
            label_smoothing=label_smoothing,
            dim=dim,
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
        smoothing: float | Tensor | None = None,
        label_smoothing: float | Tensor | None = None,
        convention: str = "papers",
        weight: Tensor | None = None,
        dim: int | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        overwrite_logits: bool = False,
    ) -> None:
        super().__init__(
            smoothing=smoothing,
            label_smoothing=label_smoothing,
            convention=convention,
            weight=weight,
            dim=dim,
            ignore_index=ignore_index,
            reduction=reduction,
            overwrite_logits=overwrite_logits,
        )

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return classic.label_smoothing_cross_entropy(logits, targets, **self.settings)


class ConfidencePenaltyCrossEntropy(_Settings):
    """`confidence_penalty_cross_entropy` as a module."""

    def __init__(
        self,
        *,
        strength: float | Tensor,
        weight: Tensor | None = None,
        label_smoothing: float | Tensor = 0.0,
        dim: int | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        overwrite_logits: bool = False,
    ) -> None:
        super().__init__(
            strength=strength,
            weight=weight,
            label_smoothing=label_smoothing,
            dim=dim,
            ignore_index=ignore_index,
            reduction=reduction,
            overwrite_logits=overwrite_logits,
        )

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return classic.confidence_penalty_cross_entropy(logits, targets, **self.settings)


class EuclideanRegularizedCrossEntropy(_Settings):
    """`euclidean_regularized_cross_entropy` as a module."""

    def __init__(
        self,
        *,
        strength: float | Tensor,
        baseline: Any = None,
        weight: Tensor | None = None,
        label_smoothing: float | Tensor = 0.0,
        dim: int | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        overwrite_logits: bool = False,
        return_parts: bool = False,
    ) -> None:
        super().__init__(
            strength=strength,
            baseline=baseline,
            weight=weight,
            label_smoothing=label_smoothing,
            dim=dim,
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
        baseline: Any = None,
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
