"""Brings the evidence of every test into one form: a resampled estimate, and what more seeds would add to it.

    Var(estimate) = Var_items + v / S,    v: summed over the arms, the variance between seeds

Every kind of resampling, and Student's test of one value a seed, ends in the same form: `significance.Resampled`.
Seeds from 100 on belong to pilots and to searches (rules.runs of the claims): runs with them are no evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.stats import norm, t

from entropyreg.measures.significance import Contrast, Resampled, p_value_of

FIRST_PILOT_SEED = 100


def enters_verdict(seed: int) -> bool:
    """Whether a run with this seed may decide a claim."""
    return seed < FIRST_PILOT_SEED


@dataclass(frozen=True)
class Evidence:
    """A resampled estimate (scalar) with its sources.

    `seed_variance` None: the resampled units are not seeds (cells of a sweep, data sets), so more seeds would not help.
    `exact`: p-values of the claim "positive" and of its opposite by an exact test, the least that the resampled
    ones can be. `beside`: numbers to print.
    """

    resampled: Resampled
    seed_variance: float | None = None
    n_seeds: tuple[int, ...] = ()
    n_blocks: int | None = None
    exact: tuple[float, float] = (0.0, 0.0)
    caveats: tuple[str, ...] = ()
    beside: dict[str, Any] = field(default_factory=dict)

    @property
    def standard_error(self) -> float:
        return float(self.resampled.replicates.std(axis=0, ddof=1))

    def with_remarks(self, *caveats: str, **beside: Any) -> "Evidence":
        """The same evidence with further caveats and numbers to print."""
        return replace(self, caveats=(*self.caveats, *caveats), beside=self.beside | beside)


def of_contrast(found: Contrast, n_blocks: int, paired_seeds: bool = False, **more: Any) -> Evidence:
    """Evidence of a contrast whose arms have one score; arms with paired seeds count as one."""
    n_seeds = tuple(len(own) for own in found.scores)[: 1 if paired_seeds else None]
    return Evidence(found.resampled, float(found.seed_variance), n_seeds, n_blocks, **more)


def of_seed_values(
    arms: Sequence[tuple[float, np.ndarray]], n_replicates: int, item_variance: float = 0.0, **more: Any
) -> Evidence:
    """Evidence of the contrast sum_a w_a mean(values_a) of one value a seed, with Student's interval.

    `item_variance` of the contrast is added: all seeds share it, since they are measured on the same items.
    """
    arms = [(weight, np.asarray(values, np.float64)) for weight, values in arms]
    estimate = sum(weight * values.mean() for weight, values in arms)
    spreads = [(weight**2 * values.var(ddof=1), len(values)) for weight, values in arms if len(values) > 1]
    by_seeds = sum(spread / seeds for spread, seeds in spreads)
    squares = sum((spread / seeds) ** 2 / (seeds - 1) for spread, seeds in spreads)
    freedom = (by_seeds + item_variance) ** 2 / squares if squares > 0 else np.inf
    resampled = normal(estimate, np.sqrt(by_seeds + item_variance), freedom, n_replicates)
    n_seeds = tuple(len(values) for _, values in arms)
    return Evidence(resampled, float(sum(spread for spread, _ in spreads)), n_seeds, **more)


def normal(estimate: float, standard_error: float, freedom: float, n_replicates: int, level: float = 0.95) -> Resampled:
    """An estimate with a known standard error in the form of a resampled one: its replicates are normal quantiles."""
    quantiles = norm.ppf((np.arange(n_replicates) + 0.5) / n_replicates)
    replicates = estimate + standard_error / quantiles.std(ddof=1) * quantiles
    half = t.isf((1 - level) / 2, freedom) * standard_error
    values = (np.float64(one) for one in (estimate, estimate - half, estimate + half))
    return Resampled(*values, p_value_of(np.float64(estimate), replicates, freedom), replicates, np.float64(freedom))


def of_replicates(estimate: float, replicates: np.ndarray, freedom: float, level: float = 0.95) -> Resampled:
    """`replicates` (R,) of another resampling, centred on the estimate; percentiles are carried to Student's."""
    replicates = replicates[np.isfinite(replicates)]
    centred = estimate + replicates - replicates.mean()
    low, high = bounds_of(np.float64(estimate), centred, freedom, (1 - level) / 2)
    p_value = p_value_of(np.float64(estimate), centred, freedom)
    return Resampled(np.float64(estimate), low, high, p_value, centred, np.float64(freedom))


def bounds_of(estimate: np.ndarray, replicates: np.ndarray, freedom: Any, tail: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bound, each missed with probability `tail`: percentiles carried to Student's distribution."""
    stretch = t.isf(tail, freedom) / norm.isf(tail)
    low, high = np.quantile(replicates, [tail, 1 - tail], axis=0)
    return estimate + stretch * (low - estimate), estimate + stretch * (high - estimate)


def weakest_of_curve(result: Resampled, null: np.ndarray | float, sign: int, tail: float) -> tuple[int, Resampled]:
    """The point of a curve (G,) where "sign (estimate - null) > 0" is supported least, with simultaneous bounds.

    The deviations of its replicates are widened so that their one-sided bound is that of all points at once (max-t).
    Points that do not vary (the reference itself) are left out; raises ValueError if all are.
    """
    deviation = result.replicates - result.estimate  # (R, G)
    sd = deviation.std(axis=0, ddof=1)
    varying = np.flatnonzero(sd > 0)
    if not varying.size:
        raise ValueError("no point of the curve varies.")
    standardised = (result.estimate - null)[varying] * sign / sd[varying]
    weakest = int(varying[standardised.argmin()])
    largest = (-sign * deviation[:, varying] / sd[varying]).max(axis=1)
    own = -sign * deviation[:, weakest] / sd[weakest]
    factor = max(1.0, float(np.quantile(largest, 1 - tail) / np.quantile(own, 1 - tail)))
    freedom = result.degrees_of_freedom[varying].min()
    replicates = result.replicates[:, weakest]
    return weakest, of_replicates(
        float(result.estimate[weakest]), result.estimate[weakest] + factor * (replicates - replicates.mean()), freedom
    )
