"""Temperature scaling: fits the one number that softens a trained model's softmax until it is calibrated.

    p(T) = softmax(z / T),    T* = argmin over T of ECE or NLL on held-out examples        (Guo et al. 2017)

Müller et al. 2019 choose T by ECE (and by NLL in their Figure 4). NLL is convex in 1/T and has one minimum; ECE is
piecewise smooth with several, so a coarse grid over log T comes first and a bounded search inside the best cell after
it. A temperature chosen on the examples it is reported on makes calibration look better than it is: choose on one half
(`half_of_groups`).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from entropyreg.measures.calibration import expected_calibration_error
from entropyreg.measures.checks import check_counts, check_outcomes
from entropyreg.measures.logits import LogitStatistics, check_temperature, logit_statistics

Criterion = Literal["ece", "nll"]
CRITERIA = ("ece", "nll")
BOUNDS = (0.05, 20.0)
GRID_POINTS = 49


class TemperatureFit(NamedTuple):
    """The temperature, its value of the criterion, and whether it lies at the edge of what was searched."""

    temperature: float
    value: float
    at_bound: bool


def scaled_statistics(logits: np.ndarray, labels: np.ndarray, temperature: float) -> LogitStatistics:
    """Per-example NLL, confidence, correctness and Brier score at `temperature`: `measures.logits.logit_statistics`."""
    return logit_statistics(logits, labels, temperature)


def fit_temperature(
    logits: np.ndarray,
    labels: np.ndarray,
    criterion: Criterion = "ece",
    bounds: tuple[float, float] = BOUNDS,
    n_bins: int = 15,
) -> TemperatureFit:
    """The temperature within `bounds` of least `criterion` ('ece' with `n_bins` bins, or 'nll', the mean in nats).

    `logits` (N, K), `labels` (N,). Takes about 80 passes over the logits. Raises ValueError for another criterion,
    bounds that are not 0 < low < high, and as `logit_statistics`.
    """
    low, high = bounds
    check_temperature(low)
    check_temperature(high)
    if low >= high:
        raise ValueError(f"bounds must rise; got {bounds}.")

    def value(log_temperature: float) -> float:
        statistics = logit_statistics(logits, labels, float(np.exp(log_temperature)))
        return criterion_value(criterion, statistics.nll, statistics.confidence, statistics.correct, n_bins)

    grid = np.linspace(np.log(low), np.log(high), GRID_POINTS)
    values = np.array([value(point) for point in grid])
    best = int(values.argmin())
    cell = (grid[max(best - 1, 0)], grid[min(best + 1, GRID_POINTS - 1)])
    found = minimize_scalar(value, bounds=cell, method="bounded", options={"xatol": 1e-5})
    # the search inside the cell may end in a worse of several minima of the ECE
    point, least = (found.x, found.fun) if found.fun < values[best] else (grid[best], values[best])
    at_bound = bool(min(point - grid[0], grid[-1] - point) < 1e-4)
    return TemperatureFit(float(np.exp(point)), float(least), at_bound)


def best_on_grid(
    temperatures: np.ndarray,
    nll: np.ndarray,
    confidence: np.ndarray,
    correct: np.ndarray,
    criterion: Criterion = "ece",
    n_bins: int = 15,
) -> TemperatureFit:
    """`fit_temperature` where only the records of a grid of temperatures were kept (the vocabulary is too large).

    `temperatures` (G,) rising, `nll` and `confidence` (G, N), `correct` (N,): the prediction does not depend on the
    temperature. The first of equal values is taken; no value between grid points is made up. Raises ValueError for
    temperatures that do not rise or are not positive and finite, and as `criterion_value`.
    """
    if temperatures.ndim != 1 or temperatures.size < 1 or np.any(np.diff(temperatures) <= 0):
        raise ValueError(f"temperatures must rise; got {temperatures.tolist()}.")
    for temperature in temperatures:
        check_temperature(temperature)
    if not len(nll) == len(confidence) == len(temperatures):
        raise ValueError(f"{len(nll)} NLL and {len(confidence)} confidence rows for {len(temperatures)} temperatures.")
    values = [criterion_value(criterion, *row, correct, n_bins) for row in zip(nll, confidence, strict=True)]
    best = int(np.argmin(values))
    return TemperatureFit(float(temperatures[best]), float(values[best]), best in (0, len(values) - 1))


def grid_of(low: float, high: float, points: int, also: Sequence[float]) -> np.ndarray:
    """Rising temperatures (G,): `points` from `low` to `high` at equal ratios, to four digits, and those of `also`.

    Raises ValueError for bounds that do not rise, fewer than two points, and as `check_temperature`.
    """
    for temperature in (low, high, *also):
        check_temperature(temperature)
    if low >= high or points < 2:
        raise ValueError(f"a grid needs low < high and two points; got {low}, {high} and {points}.")
    spaced = [float(f"{temperature:.4g}") for temperature in np.geomspace(low, high, points)]
    return np.unique([*spaced, *map(float, also)])


def temperature_label(temperature: float) -> str:
    """A temperature as a key in files: six significant digits."""
    return f"{temperature:g}"


def criterion_value(
    criterion: Criterion, nll: np.ndarray, confidence: np.ndarray, correct: np.ndarray, n_bins: int
) -> float:
    """ECE of the records (N,), or the mean NLL in nats.

    Raises ValueError for another `criterion`, an NLL that is negative or not finite, an outcome that is neither 0 nor 1
    and, for the ECE, as `bin_index`.
    """
    if criterion not in CRITERIA:
        raise ValueError(f"criterion must be one of {', '.join(CRITERIA)}; got {criterion!r}.")
    check_counts(nll=nll)
    check_outcomes(correct=correct)
    if criterion == "nll":
        return float(np.mean(nll, dtype=np.float64))
    return expected_calibration_error(confidence, correct, n_bins)


def half_of_groups(group: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Mask (N,) of the records of a random half of the groups (sentences; images: `numpy.arange(N)`).

    `group` (N,) numbers them. Of an odd number of groups the half is the smaller part.
    """
    groups, index = np.unique(group, return_inverse=True)
    chosen = np.zeros(groups.size, bool)
    chosen[generator.permutation(groups.size)[: groups.size // 2]] = True
    return chosen[index]
