"""Calibration: does a prediction of confidence c come true in a share c of the cases?

    ECE = sum_b (n_b / N) |accuracy_b - confidence_b|        (Naeini et al. 2015; Guo et al. 2017)

over B equal-width bins of the confidence (the largest probability): [b/B, (b+1)/B), the last one closed; 15 bins as in
Müller et al. 2019. Everything is a function of three sums a bin (count, confidence, correct), so sentences or images
can be resampled without the records (`reliability_sums`, `ece_of_sums` for `measures.significance`).

The plain ECE is biased upwards: a calibrated model shows `calibrated_ece`, which depends on N and on the confidences
alone. `debiased_ece` and `squared_calibration_error` are the estimators of Kumar, Liang & Ma 2019 ("Verified
uncertainty calibration"); `smooth_ece` is that of Błasiok & Nakkiran 2023 ("Smooth ECE"), without bins. Written here,
because the authors' packages are unmaintained (the first) or load a plotting stack under a licence of its own (the
second, relplot); both are oracles in the tests.
"""

from typing import NamedTuple

import numpy as np
from scipy.fft import dct, idct
from scipy.optimize import brentq
from scipy.special import erf

from entropyreg.measures.checks import check_counts, check_outcomes

DRAWS_AT_ONCE = 1 << 22
SMOOTH_CELLS = 1 << 13  # cells of the grid on [0, 1]: far finer than any bandwidth that occurs
SMALLEST_BANDWIDTH = 1e-3


class ReliabilityBins(NamedTuple):
    """The bars of a reliability diagram, each of shape (B,): counts, mean confidence and accuracy (nan: empty bin)."""

    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


class CalibratedEce(NamedTuple):
    """ECE of a perfectly calibrated model: its mean over simulations and the value that 95 % stay under."""

    mean: float
    upper: float


def bin_index(confidence: np.ndarray, n_bins: int) -> np.ndarray:
    """Bin of each confidence, 0..n_bins-1: a boundary belongs to the bin above it, 1 to the last bin.

    Raises ValueError for a confidence outside [0, 1] (or nan), none at all, or n_bins < 1.
    """
    if n_bins < 1 or confidence.ndim != 1 or confidence.size == 0:
        raise ValueError(f"bins need n_bins >= 1 and confidences (N,); got {n_bins} and shape {confidence.shape}.")
    if not (confidence.min() >= 0 and confidence.max() <= 1):
        raise ValueError(f"confidence must lie in [0, 1]; got {confidence.min()} to {confidence.max()}.")
    # k / n_bins is correctly rounded, so that .2 is the boundary 3/15; k * (1 / n_bins) would not be
    edges = np.arange(1, n_bins) / n_bins
    return np.searchsorted(edges, confidence.astype(np.float64), side="right")


def reliability_sums(
    confidence: np.ndarray, correct: np.ndarray, group: np.ndarray | None = None, n_bins: int = 15
) -> np.ndarray:
    """Count, sum of confidences and number correct of each bin, side by side: shape (groups, 3 * n_bins).

    `confidence` in [0, 1] and `correct` (0 or 1) have shape (N,), `group` numbers the sentences or images 0, 1, ...
    (N,); without it all records are one group. Raises ValueError as `bin_index`, for other shapes, and for outcomes
    that are neither 0 nor 1.
    """
    index = bin_index(confidence, n_bins)
    group = np.zeros(len(index), np.int64) if group is None else group
    for name, values in (("outcomes", correct), ("groups", group)):
        if values.shape != confidence.shape:
            raise ValueError(f"{values.shape} {name} for {confidence.shape} confidences; they must be as many.")
    check_outcomes(correct=correct)
    groups = int(group.max()) + 1
    weights = (None, confidence.astype(np.float64), correct.astype(np.float64))
    cells = group * n_bins + index
    sums = [np.bincount(cells, weight, groups * n_bins).reshape(groups, n_bins) for weight in weights]
    return np.concatenate(sums, axis=1).astype(np.float64)


def reliability_bins(confidence: np.ndarray, correct: np.ndarray, n_bins: int = 15) -> ReliabilityBins:
    """The reliability diagram of records (N,); arguments and errors as `reliability_sums`."""
    count, confidences, hits = np.split(reliability_sums(confidence, correct, None, n_bins)[0], 3)
    with np.errstate(invalid="ignore"):
        return ReliabilityBins(count.astype(np.int64), confidences / count, hits / count)


def sums_of_bins(bins: ReliabilityBins) -> np.ndarray:
    """The sums (3 * B,) that `bins` came from, for the functions `*_of_sums`.

    Raises ValueError for a count that is no number or negative, and for nan in a bin that is not empty.
    """
    check_counts(count=bins.count)
    means = np.where(bins.count > 0, np.stack([bins.confidence, bins.accuracy]), 0)
    check_counts(confidence=means[0], accuracy=means[1])
    return np.concatenate([bins.count, *(bins.count * means)]).astype(np.float64)


def ece_of_sums(sums: np.ndarray) -> np.ndarray:
    """ECE of sums (..., 3 * B) as `reliability_sums` gives them; shape (...), in [0, 1], nan of no record.

    Raises ValueError for sums that no records have: negative, not finite, or above their counts.
    """
    count, confidences, hits = _parts(sums)
    return np.abs(hits - confidences).sum(axis=-1) / count.sum(axis=-1)


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, n_bins: int = 15) -> float:
    """ECE of records (N,), in [0, 1]; arguments and errors as `reliability_sums`."""
    return float(ece_of_sums(reliability_sums(confidence, correct, None, n_bins)[0]))


def debiased_ece_of_sums(sums: np.ndarray) -> np.ndarray:
    """ECE less its bias, estimated by redrawing each bin's accuracy; sums (..., 3 * B), result (...).

        2 ECE - sum_b (n_b / N) E|X_b|,  X_b ~ Normal(d_b, a_b (1 - a_b) / n_b),  d_b = accuracy_b - confidence_b

    (Kumar et al. 2019, `normal_debiased_ce`; the expectation in closed form instead of by simulation.) It can be
    negative. The correction is partial: where the model is calibrated it removes sqrt 2 - 1 = 41 % of the bias. A bin
    that is always or never right is not corrected. Errors and nan as `ece_of_sums`.
    """
    count, confidences, hits = _parts(sums)
    filled = np.maximum(count, 1)
    accuracy = hits / filled
    gap = (hits - confidences) / filled
    spread = np.sqrt(np.clip(accuracy * (1 - accuracy), 0, None) / filled)
    safe = np.where(spread > 0, spread, 1)
    folded = spread * np.sqrt(2 / np.pi) * np.exp(-0.5 * (gap / safe) ** 2) + gap * erf(gap / (safe * np.sqrt(2)))
    folded = np.where(spread > 0, folded, np.abs(gap))
    return (count * (2 * np.abs(gap) - folded)).sum(axis=-1) / count.sum(axis=-1)


def debiased_ece(confidence: np.ndarray, correct: np.ndarray, n_bins: int = 15) -> float:
    """`debiased_ece_of_sums` of records (N,); arguments and errors as `reliability_sums`."""
    return float(debiased_ece_of_sums(reliability_sums(confidence, correct, None, n_bins)[0]))


def squared_error_of_sums(sums: np.ndarray) -> np.ndarray:
    """Unbiased squared calibration error of the binned model; sums (..., 3 * B), result (...).

        sum_b (n_b / N) (d_b^2 - a_b (1 - a_b) / (n_b - 1))        (Kumar et al. 2019, section 5)

    Its root is the L2 calibration error; about 0, also below, for a calibrated model. Bins of one record count as 0.
    Errors and nan as `ece_of_sums`.
    """
    count, confidences, hits = _parts(sums)
    filled = np.maximum(count, 1)
    accuracy = hits / filled
    error = ((hits - confidences) / filled) ** 2 - accuracy * (1 - accuracy) / np.maximum(count - 1, 1)
    return np.where(count >= 2, count * error, 0).sum(axis=-1) / count.sum(axis=-1)


def squared_calibration_error(confidence: np.ndarray, correct: np.ndarray, n_bins: int = 15) -> float:
    """`squared_error_of_sums` of records (N,); arguments and errors as `reliability_sums`."""
    return float(squared_error_of_sums(reliability_sums(confidence, correct, None, n_bins)[0]))


def calibrated_ece(
    confidence: np.ndarray, generator: np.random.Generator, n_bins: int = 15, n_simulations: int = 1000
) -> CalibratedEce:
    """ECE that a perfectly calibrated model with these confidences (N,) shows: correct_i ~ Bernoulli(confidence_i).

    An ECE below `upper` is no evidence of miscalibration (one-sided 5 %). Errors as `bin_index`.
    """
    index = bin_index(confidence, n_bins)
    order = np.argsort(index, kind="stable")
    sorted_confidence = confidence[order].astype(np.float64)
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    rows = max(1, DRAWS_AT_ONCE // confidence.size)
    errors = []
    for start in range(0, n_simulations, rows):
        draws = generator.random((min(rows, n_simulations - start), confidence.size))
        gaps = np.add.reduceat((draws < sorted_confidence) - sorted_confidence, starts, axis=1)  # (rows, filled bins)
        errors.append(np.abs(gaps).sum(axis=1) / confidence.size)
    values = np.concatenate(errors)
    return CalibratedEce(float(values.mean()), float(np.quantile(values, 0.95)))


def smooth_ece(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Smooth ECE of records (N,), in [0, 1]: no bins, and no width to choose.

        E(s) = integral over t in [0, 1] of |1/N sum_i K_s(t, confidence_i) (correct_i - confidence_i)| dt

    with K_s the Gaussian kernel of standard deviation s reflected at 0 and 1; the value is E at the s where E(s) = s
    (Błasiok & Nakkiran 2023). E falls with s, so there is one. Convolving with the reflected Gaussian multiplies the
    k-th cosine coefficient by exp(-(pi k s)^2 / 2). An error under .001 is reported at bandwidth .001.
    Errors as `reliability_sums`.
    """
    residuals = _residuals_on_grid(confidence, correct)
    coefficients = dct(residuals)
    frequency = np.pi * np.arange(SMOOTH_CELLS)

    def error(bandwidth: float) -> float:
        return float(np.abs(idct(coefficients * np.exp(-0.5 * (frequency * bandwidth) ** 2))).sum())

    if error(SMALLEST_BANDWIDTH) <= SMALLEST_BANDWIDTH:
        return error(SMALLEST_BANDWIDTH)
    return error(brentq(lambda bandwidth: error(bandwidth) - bandwidth, SMALLEST_BANDWIDTH, 2.0, xtol=1e-9))


def _parts(sums: np.ndarray) -> list[np.ndarray]:
    """Counts, sums of confidences and hits, each (..., B), of sums that records can have."""
    check_counts(sums=sums)
    count, *parts = np.split(sums, 3, axis=-1)
    if any((part > count).any() for part in parts):
        raise ValueError("sums must not hold more confidence or hits than records.")
    return [count, *parts]


def _residuals_on_grid(confidence: np.ndarray, correct: np.ndarray) -> np.ndarray:
    sums = reliability_sums(confidence, correct, None, SMOOTH_CELLS)[0]
    _, confidences, hits = np.split(sums, 3)
    return (hits - confidences) / confidence.size
