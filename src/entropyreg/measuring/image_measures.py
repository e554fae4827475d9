"""The groups of measures of one image network: pure functions of its predictions, ready for JSON.

    scores, calibration, temperature, projection, clusters, information_loss, teaching, mutual_information

Shares lie in [0, 1], NLL and information are in nats, temperatures divide the logits. What is drawn is rounded.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from entropyreg.measures import calibration as calibrations
from entropyreg.measures import mutual_information as information
from entropyreg.measures import penultimate
from entropyreg.measures.distillation import equivalent_smoothing
from entropyreg.measures.information_loss import confidence_variance, similarity_correlation
from entropyreg.measures.logits import LogitStatistics, logit_statistics
from entropyreg.measures.matched_entropy import mean_normalized_entropy
from entropyreg.measures.significance import bootstrap_mean
from entropyreg.measures.temperature import CRITERIA, fit_temperature, half_of_groups

N_SIMULATIONS = 1000
SCATTER_REPLICATES = 100
DRAWS = (5, 25, 100)  # L of the mutual information; the paper's is the first
FRESH = 3  # at most so many fresh draws are averaged over
DIGITS = 5  # of what is drawn


class Predictions(NamedTuple):
    """One split of one seed: logits (N, K), labels (N,), features (M, D) of the rows `feature_rows` (M,)."""

    logits: np.ndarray
    labels: np.ndarray
    features: np.ndarray
    feature_rows: np.ndarray


def generator_of(*names: str | int) -> np.random.Generator:
    """A generator seeded by what it is for, so that adding a measure changes no other."""
    return np.random.default_rng(list("|".join(map(str, names)).encode()))


def scores(part: Predictions) -> dict[str, float]:
    """Accuracy and how sure the network is, at temperature 1."""
    statistics = logit_statistics(part.logits, part.labels)
    accuracy = float(statistics.correct.mean())
    return {
        "n_images": len(part.labels),
        "accuracy": accuracy,
        "error": float(1 - accuracy),
        "nll": float(statistics.nll.mean()),
        "brier": float(statistics.brier.mean()),
        "confidence": float(statistics.confidence.mean()),
        "entropy_normalized": mean_normalized_entropy(part.logits),
    }


def calibration(part: Predictions, split: str) -> dict[str, Any]:
    """Every calibration error at temperature 1, the bins, and what a calibrated network of that size would show."""
    statistics = logit_statistics(part.logits, part.labels)
    records = statistics.confidence, statistics.correct
    chance = calibrations.calibrated_ece(
        statistics.confidence, generator_of("calibrated_ece", split), n_simulations=N_SIMULATIONS
    )
    return {
        **errors_of(statistics),
        "squared_calibration_error": calibrations.squared_calibration_error(*records),
        "calibrated_ece": chance.mean,
        "calibrated_ece_upper": chance.upper,
        "bins": bins_of(statistics),
    }


def errors_of(statistics: LogitStatistics) -> dict[str, float]:
    """The calibration errors that are given at any temperature, with NLL and Brier score."""
    records = statistics.confidence, statistics.correct
    return {
        "ece": calibrations.expected_calibration_error(*records),
        "debiased_ece": calibrations.debiased_ece(*records),
        "smooth_ece": calibrations.smooth_ece(*records),
        "nll": float(statistics.nll.mean()),
        "brier": float(statistics.brier.mean()),
    }


def bins_of(statistics: LogitStatistics) -> dict[str, list]:
    """The reliability diagram; None where a bin is empty."""
    bins = calibrations.reliability_bins(statistics.confidence, statistics.correct)
    return {name: rounded(values) for name, values in bins._asdict().items()}


def temperatures(valid: Predictions, others: Mapping[str, Predictions]) -> dict[str, dict[str, Any]]:
    """Temperatures of least ECE and of least NLL, fitted on all validation images and on a random half of them.

    all: what the paper seems to do; `valid` then flatters, since it is what T was chosen on. half: `held_out` is the
    other half. `others` are further splits, none of which chooses anything.
    """
    chosen = half_of_groups(np.arange(len(valid.labels)), generator_of("temperature", "half"))
    found = {}
    for criterion in CRITERIA:
        for name, rows in (("all", np.ones_like(chosen)), ("half", chosen)):
            fit = fit_temperature(valid.logits[rows], valid.labels[rows], criterion)
            parts = {"valid": valid, **others}
            entry: dict[str, Any] = {"temperature": fit.temperature, "at_bound": fit.at_bound}
            for split, part in parts.items():
                statistics = logit_statistics(part.logits, part.labels, fit.temperature)
                entry[split] = errors_of(statistics)
                if (criterion, name) == ("ece", "all"):
                    entry[split]["bins"] = bins_of(statistics)
            if name == "half":
                rest = logit_statistics(valid.logits[~rows], valid.labels[~rows], fit.temperature)
                entry["held_out"] = errors_of(rest)
            found[f"{criterion}_{name}"] = entry
    return found


def projection(
    parts: Mapping[str, Predictions],
    weights: np.ndarray,
    biases: np.ndarray,
    triplet: Sequence[int],
    names: Sequence[str],
    n_points: int,
) -> dict[str, Any]:
    """The first `n_points` images of three classes in the plane of their templates, and the templates.

    As in the paper the template ends with the bias and the activation with 1. Splits without kept features of all
    three classes are left out.
    """
    templates = penultimate.with_bias(weights, biases)[list(triplet)]
    basis = penultimate.plane_basis(templates)
    shown: dict[str, Any] = {"classes": list(triplet), "names": [names[one] for one in triplet]}
    for split, part in parts.items():
        labels = part.labels[part.feature_rows]
        rows = [np.flatnonzero(labels == one)[:n_points] for one in triplet]
        if min(map(len, rows)) == 0:
            continue
        points = [penultimate.project(penultimate.with_bias(part.features[one], 1.0), basis) for one in rows]
        shown[split] = {
            "points": [rounded(one) for one in points],
            "templates": rounded(penultimate.project(templates, basis)),
        }
    return shown


def clusters(part: Predictions, weights: np.ndarray, split: str) -> dict[str, Any] | None:
    """How tight the clusters are, how equidistant the wrong templates, and whether logits are distances.

    None without features of two classes. Distances are those of weights and activations, without the biases.
    """
    labels = part.labels[part.feature_rows]
    present, index = np.unique(labels, return_inverse=True)
    if len(present) < 2 or np.bincount(index).min() < 2:
        return None
    features = part.features.astype(np.float64)
    ratio = penultimate.scatter_ratio_interval(
        features, index, len(present), generator_of("scatter_ratio", split), SCATTER_REPLICATES
    )
    variation = penultimate.distance_variation(features, labels, weights)
    correlation = penultimate.logit_distance_correlation(part.logits[part.feature_rows], features, weights)
    return {
        "n_images": len(labels),
        **dict(zip(("scatter_ratio", "scatter_ratio_low", "scatter_ratio_high"), map(float, ratio), strict=True)),
        **mean_with_interval("distance_variation", variation),
        **mean_with_interval("logit_distance_correlation", correlation[np.isfinite(correlation)]),
    }


def information_loss(train: Predictions, similarity: np.ndarray | None) -> dict[str, float | None]:
    """What smoothing may erase, on the training images; `similarity` (K, K) of the classes, None without pixels."""
    found: dict[str, float | None] = {"confidence_variance": confidence_variance(train.logits, train.labels)}
    if similarity is None:
        return found | dict.fromkeys(f"similarity_correlation{end}" for end in ("", "_low", "_high"))
    correlation = similarity_correlation(train.logits, train.labels, similarity)
    return found | mean_with_interval("similarity_correlation", correlation)


def teaching(train: Predictions, temperature: float = 1.0) -> dict[str, float]:
    """What a network shows its student at `temperature`, on the training images."""
    return {
        "accuracy": float(logit_statistics(train.logits, train.labels).correct.mean()),
        "equivalent_smoothing": equivalent_smoothing(train.logits, train.labels, temperature),
        "entropy_normalized": mean_normalized_entropy(train.logits, temperature),
    }


def mutual_information_curves(logits: np.ndarray, updates: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """The curves of every number of draws L, form of the variance and sample; `logits` (T, D, N, 2) under D draws.

    f is the difference of the two logits. A fresh sample is none of the L draws that the mean comes from: L < D. The
    biased same-draw variant is given for the paper's form of the variance, which all inputs share. Of the paper's form
    with a fresh sample, `halves` are the curves of every second input, from the first and from the second: a peak that
    is located on one and measured on the other owes its height to no noise.
    """
    differences = (logits[..., 0] - logits[..., 1]).transpose(0, 2, 1)  # (T, N, D)
    available = differences.shape[2]
    numbers = [draws for draws in DRAWS if draws < available] or [available - 1]
    forms = [(kind, "fresh") for kind in information.VARIANCES] + [("shared", "same")]
    curves = []
    for draws in numbers:
        for kind, sample in (one for one in forms if one[0] == "shared" or draws > 1):
            values = np.array([information_at(f, draws, kind, sample) for f in differences])
            curve = {"draws": draws, "variance": kind, "sample": sample, "values": rounded(values)}
            if (kind, sample) == ("shared", "fresh") and differences.shape[1] > 1:
                parts = (differences[:, first::2] for first in (0, 1))
                halves = [[information_at(f, draws, kind, sample) for f in part] for part in parts]
                curve["halves"] = [{"values": rounded(np.array(half))} for half in halves]
            curves.append(curve | shape_of(values, updates))
    n_inputs = differences.shape[1]
    return {
        "classes": list(names),
        "n_inputs": n_inputs,
        "upper_bound": information.upper_bound(n_inputs),
        "updates": updates.tolist(),
        "curves": curves,
    }


def information_at(values: np.ndarray, draws: int, kind: information.Variance, sample: str) -> float:
    """The mutual information of one moment, `values` (N, D), from the first `draws`."""
    if sample == "same":
        return information.same_draw_information(values[:, :draws], kind)
    return information.mutual_information(values[:, :draws], values[:, draws : draws + FRESH], kind)


def shape_of(values: np.ndarray, updates: np.ndarray) -> dict[str, Any]:
    """End, slope over the second half of training (nats, least squares; None below three moments), and peak."""
    late = updates >= updates[-1] / 2
    slope = None
    if late.sum() >= 3:
        slope = float(np.polyfit(updates[late] / updates[-1] * 2, values[late], 1)[0])
    peak = int(values.argmax())
    return {"final": float(values[-1]), "slope": slope, "peak": float(values[peak]), "peak_update": int(updates[peak])}


def mean_with_interval(name: str, values: np.ndarray) -> dict[str, float | None]:
    """Mean of one value an image, with its 95 % interval over images; None where no image has a value."""
    if not values.size:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    found = bootstrap_mean(values, generator_of("mean", name))
    return {name: float(found.estimate), f"{name}_low": float(found.low), f"{name}_high": float(found.high)}


def rounded(values: np.ndarray) -> list:
    """Nested lists with what a figure can show; None for nan."""
    if values.ndim > 1:
        return [rounded(row) for row in values]
    if np.issubdtype(values.dtype, np.integer):
        return values.tolist()
    return [round(one, DIGITS) if np.isfinite(one) else None for one in values.tolist()]
