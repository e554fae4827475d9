"""The skew-Jensen family of entropy regularizers, from the confidence penalty (skew 0) to label smoothing (skew 1).

Names are loaded on first use, so `entropyreg.regularizers.equilibrium` can be imported where torch is not installed.
"""

from importlib import import_module

_MODULE_OF = {
    "skew_jensen": "functional",
    "entropy_regularized_cross_entropy": "functional",
    "LossParts": "functional",
    "label_smoothing_cross_entropy": "classic",
    "confidence_penalty_cross_entropy": "classic",
    "strength_from_smoothing": "classic",
    "Baseline": "baselines",
    "given_baseline": "baselines",
    "annealed_unigram": "baselines",
    "euclidean_divergence": "euclidean",
    "euclidean_regularized_cross_entropy": "euclidean",
    "linear_entropy_regularized_cross_entropy": "linear",
    "strength_for_entropy": "equilibrium",
    "Equilibrium": "equilibrium",
    "token_statistics": "statistics",
    "TokenStatistics": "statistics",
    "Kind": "registry",
    "Parameter": "registry",
    "kernel_in_use": "kernels",
    "KernelInUse": "kernels",
    "EntropyRegularizedCrossEntropy": "modules",
    "LabelSmoothingCrossEntropy": "modules",
    "ConfidencePenaltyCrossEntropy": "modules",
    "EuclideanRegularizedCrossEntropy": "modules",
    "LinearEntropyRegularizedCrossEntropy": "modules",
    "SkewJensenDivergence": "modules",
}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
