"""What an undecided test could see, and how many seeds would decide it if the truth were the estimate.

    detectable distance = (t_{1-level} + t_{.8}) sqrt(Var_items + v / S)

It is the distance to the nearest deciding number at which the test succeeds in 80 % of the cases. The level is that
which the correction for many tests leaves to the claim.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import t

from entropyreg.comparing.claims.evidence import Evidence

POWER = 0.8
MOST_SEEDS = 1000


class Precision(NamedTuple):
    """How precise a test is: `seed_variance` is what one seed an arm adds, None where seeds were not resampled."""

    standard_error: float
    degrees_of_freedom: float
    seed_variance: float | None
    n_seeds: int | None
    n_arms: int


def precision_of(evidence: Evidence) -> Precision:
    """The precision of one test."""
    seeds = min(evidence.n_seeds) if evidence.n_seeds else None
    freedom = float(evidence.resampled.degrees_of_freedom)
    return Precision(evidence.standard_error, freedom, evidence.seed_variance, seeds, len(evidence.n_seeds))


def distance_of(standard_error: np.ndarray, freedom: np.ndarray, level: float) -> np.ndarray:
    """The detectable distance; vectorised."""
    return (t.isf(level, freedom) + t.isf(1 - POWER, freedom)) * standard_error


def detectable_effect(precision: Precision, level: float) -> float:
    """The detectable distance as the evidence stands, in the unit of the quantity."""
    return float(distance_of(precision.standard_error, precision.degrees_of_freedom, level))


def seeds_to_decide(estimate: float, precision: Precision, limits: tuple[float, float], level: float) -> int | None:
    """The least number of seeds an arm that would decide; None where no number does (or more than 1,000).

    `limits` is the interval in which the claim is true. The items, their share of the variance, are as many as now.
    """
    if precision.seed_variance is None or precision.n_seeds is None:
        return None
    distance = min(abs(estimate - end) for end in limits if np.isfinite(end))
    of_items = max(precision.standard_error**2 - precision.seed_variance / precision.n_seeds, 0.0)
    seeds = np.arange(2, MOST_SEEDS + 1)
    by_seeds = precision.seed_variance / seeds
    variance = of_items + by_seeds
    # the arms are taken to vary alike; items are many, so only seeds limit the degrees of freedom
    squares, unlimited = by_seeds**2 / (precision.n_arms * (seeds - 1)), np.full(len(seeds), np.inf)
    freedom = np.divide(variance**2, squares, out=unlimited, where=squares > 0)
    enough = seeds[distance_of(np.sqrt(variance), freedom, level) <= distance]
    return int(enough[0]) if enough.size else None
