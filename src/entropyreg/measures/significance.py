"""Intervals and tests by resampling: items (sentences, images) and seeds together.

Y[s, i] is what seed s of a model does on item i; a score is a function of sums over items. Seeds do not average out the
items and items do not average out the seeds, so a replicate draws both ("crossed" or pigeonhole bootstrap, Owen 2007).
Records keep sums over blocks of items (`results.blocks`), so what is drawn, and called an item here, may be a block.
Per arm, with variances of seeds a, of seed x item e and, shared by the seeds, of items b (S seeds, n items):

    Var(score) = a/S + e/(S n) + b/n    but    Var(replicates) = a/S + 3 e/(S n) + b/n

The deviations of the replicates are scaled to the first, with the unbiased variance between the seeds: for BLEU, e is
most of what differs between seeds, and without the scaling much of the power would be lost. The replicates are centred
on the estimate: no effect on a mean, but a biased score (ECE) would count its bias twice. Percentiles and p-values are
carried from the normal to Student's distribution, whose degrees of freedom weigh seeds and items (Satterthwaite): two
arms of 3 seeds would otherwise be covered in about 80 % of the cases instead of 95 % (as Hesterberg 2015 shows of small
samples).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, t

from entropyreg.measures.checks import check_finite

Score = Callable[[np.ndarray], np.ndarray]
ENTRIES_AT_ONCE = 1 << 22


class Resampled(NamedTuple):
    """An estimate with its percentile interval, the one-sided p-value of "estimate > 0", and what they came from.

    All but `replicates` (R, ...) have the shape of one score: () or, for curves, (G,).
    """

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p_value: np.ndarray
    replicates: np.ndarray
    degrees_of_freedom: np.ndarray


class Arm(NamedTuple):
    """`statistics` (S, n, k) of S seeds and n items; `score` maps their sums (..., S, k) to (..., S) or (..., S, G)."""

    weight: float
    statistics: np.ndarray
    score: Score


class Contrast(NamedTuple):
    """The resampled contrast, and what one seed an arm adds to its variance: seeds S give `seed_variance` / S.

    `scores` are the arms' scores by seed, each (S, ...), without the weights.
    """

    resampled: Resampled
    seed_variance: np.ndarray
    scores: list[np.ndarray]


def crossed_contrast(
    arms: Sequence[Arm],
    n_replicates: int = 2000,
    *,
    generator: np.random.Generator,
    paired_seeds: bool = False,
    level: float = 0.95,
) -> Contrast:
    """The contrast of `arms`, resampling items and, within each arm, seeds; of one arm its mean over seeds.

        contrast = sum_a w_a mean_s score_a(sums over items of arm a, seed s)

    `score` maps sums (..., k) to (...), or to (..., G) for G points of a curve: `mean_of_sums`, `bleu_of_sums`,
    `ece_of_sums`. `paired_seeds`: seed s of all arms is one draw (one model at two temperatures); then all arms have
    as many. An arm of one seed is taken as it is: then the result is about that model, not about training. 2,000
    replicates of 12 + 12 seeds and 1,000 sentences take a second. Raises ValueError without arms, for other shapes,
    arms that differ in their number of items, a weight of 0, and numbers that are not finite, be they statistics or
    scores.
    """
    shapes = [arm.statistics.shape for arm in arms]
    if not arms or any(len(shape) != 3 or 0 in shape for shape in shapes) or len({shape[1] for shape in shapes}) != 1:
        raise ValueError(f"arms must have shapes (seeds, items, k) with the same items; got {shapes}.")
    if paired_seeds and len({shape[0] for shape in shapes}) != 1:
        raise ValueError(f"paired seeds must be as many in all arms; got {[shape[0] for shape in shapes]}.")
    check_finite(weights=[arm.weight for arm in arms])
    if not all(arm.weight for arm in arms):
        raise ValueError(f"weights must not be 0; got {[arm.weight for arm in arms]}.")
    for arm in arms:
        check_finite(statistics=arm.statistics)
    items = shapes[0][1]
    scores = [arm.score(arm.statistics.sum(axis=1, dtype=np.float64)) for arm in arms]
    observed = [arm.weight * own for arm, own in zip(arms, scores, strict=True)]
    table = np.concatenate([_by_items(arm.statistics) for arm in arms], axis=1)
    borders = np.cumsum([shape[0] * shape[2] for shape in shapes])[:-1]
    rows, parts = max(1, ENTRIES_AT_ONCE // items), []
    for start in range(0, n_replicates, rows):
        sums = _counts(min(rows, n_replicates - start), items, generator) @ table
        drawn = zip(arms, np.split(sums, borders, axis=1), strict=True)
        parts.append([arm.weight * arm.score(own.reshape(-1, *arm.statistics.shape[::2])) for arm, own in drawn])
    resampled = [np.concatenate(own) for own in zip(*parts, strict=True)]
    if paired_seeds:
        observed, resampled = [sum(observed)], [sum(resampled)]
    result = _crossed(list(zip(observed, resampled, strict=True)), items, generator, level)
    spread = sum(own.var(axis=0, ddof=1) if len(own) > 1 else np.zeros_like(own[0]) for own in observed)
    return Contrast(result, spread, scores)


def bootstrap_mean(
    values: np.ndarray, generator: np.random.Generator, n_replicates: int = 2000, level: float = 0.95
) -> Resampled:
    """Mean of one value an item (N,) with its interval over items. Raises ValueError for values that are not finite."""
    check_finite(values=values)
    columns = np.stack([values, np.ones(len(values))], axis=1)[None]
    arms = [Arm(1.0, columns, mean_of_sums)]
    return crossed_contrast(arms, n_replicates, generator=generator, level=level).resampled


def mean_of_sums(sums: np.ndarray) -> np.ndarray:
    """Ratio of the first column to the second, (..., 2) to (...): sum of NLL and tokens, hits and images.

    nan of 0 / 0, where there is no item. Raises ValueError for sums that are not finite.
    """
    check_finite(sums=sums)
    return sums[..., 0] / sums[..., 1]


def p_value_above(result: Resampled, null: float = 0.0) -> np.ndarray:
    """One-sided p-value of "the truth lies above `null`"; with the null at minus a margin, of "not worse by it"."""
    check_finite(null=null)
    return p_value_of(result.estimate - null, result.replicates - null, result.degrees_of_freedom)


def p_value_below(result: Resampled, null: float = 0.0) -> np.ndarray:
    """One-sided p-value of "the truth lies below `null`"."""
    check_finite(null=null)
    return p_value_of(null - result.estimate, null - result.replicates, result.degrees_of_freedom)


def equivalence(p_lower: float, p_upper: float) -> float:
    """p-value of "within the margin", by two one-sided tests (Schuirmann 1987): the larger of the two.

    `p_lower = p_value_above(result, -margin)`, `p_upper = p_value_below(result, margin)`. Raises ValueError for
    values outside [0, 1].
    """
    if not (0 <= p_lower <= 1 and 0 <= p_upper <= 1):
        raise ValueError(f"p-values must lie in [0, 1]; got {p_lower}, {p_upper}.")
    return float(max(p_lower, p_upper))


def simultaneous_band(result: Resampled, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds (G,) that hold a whole curve at once, by the largest standardised deviation (max-t).

        estimate_g -+ q sd_g,    q = quantile over replicates of max_g |deviation_g| / sd_g

    q is widened by Student's over the normal quantile at the points' least degrees of freedom. Where the replicates do
    not vary (the reference point of a difference) the band is the estimate. Raises ValueError for numbers that are not
    finite.
    """
    check_finite(estimate=result.estimate, replicates=result.replicates)
    deviation = result.replicates - result.estimate  # (R, G)
    sd = deviation.std(axis=0, ddof=1)
    varying = sd > 0
    if not varying.any():
        return result.estimate.copy(), result.estimate.copy()
    largest = np.abs(deviation[:, varying] / sd[varying]).max(axis=1)
    q = np.quantile(largest, level)
    q = t.isf(norm.sf(q), result.degrees_of_freedom[varying].min())
    return result.estimate - q * sd, result.estimate + q * sd


def _by_items(statistics: np.ndarray) -> np.ndarray:
    """(S, n, k) as a matrix (n, S k) of float64."""
    seeds, items, columns = statistics.shape
    return statistics.transpose(1, 0, 2).reshape(items, seeds * columns).astype(np.float64)


def _counts(replicates: int, size: int, generator: np.random.Generator) -> np.ndarray:
    """How often each of `size` things is among as many draws with replacement; (replicates, size)."""
    chosen = generator.integers(size, size=(replicates, size)) + size * np.arange(replicates)[:, None]
    return np.bincount(chosen.ravel(), minlength=replicates * size).reshape(replicates, size).astype(np.float64)


def _crossed(
    arms: list[tuple[np.ndarray, np.ndarray]], items: int, generator: np.random.Generator, level: float
) -> Resampled:
    """Sum of the arms' means over seeds; each arm is its scores (S, ...) and those on resampled items (R, S, ...)."""
    estimate = sum(observed.mean(axis=0) for observed, _ in arms)
    by_items = sum(resampled.mean(axis=1) for _, resampled in arms)  # every seed once: (R, ...)
    drawn = 0.0
    seed_variances, interaction = [], 0.0
    for observed, resampled in arms:
        seeds = len(observed)
        if seeds == 1:
            drawn = drawn + resampled[:, 0]
            continue
        weights = _counts(len(resampled), seeds, generator) / seeds
        drawn = drawn + np.einsum("rs,rs...->r...", weights, resampled)
        seed_variances.append((observed.var(axis=0, ddof=1) / seeds, seeds - 1))
        own = resampled - resampled.mean(axis=1, keepdims=True)
        interaction = interaction + own.var(axis=0, ddof=1).sum(axis=0) / (seeds * (seeds - 1))
    item_variance = np.maximum(by_items.var(axis=0, ddof=1) - interaction, 0)
    variance = item_variance + sum(part for part, _ in seed_variances)
    squares = item_variance**2 / max(items - 1, 1) + sum(part**2 / freedom for part, freedom in seed_variances)
    freedom = np.divide(variance**2, squares, out=np.full_like(squares, np.inf), where=squares > 0)
    deviation = drawn - drawn.mean(axis=0)
    spread = deviation.std(axis=0, ddof=1)
    factor = np.divide(np.sqrt(variance), spread, out=np.zeros_like(spread), where=spread > 0)
    replicates = estimate + factor * deviation
    low, high = _stretched_percentiles(estimate, replicates, freedom, level)
    return Resampled(estimate, low, high, p_value_of(estimate, replicates, freedom), replicates, freedom)


def _stretched_percentiles(
    estimate: np.ndarray, replicates: np.ndarray, freedom: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    tail = (1 - level) / 2
    stretch = t.isf(tail, freedom) / norm.isf(tail)
    low, high = np.quantile(replicates, [tail, 1 - tail], axis=0)
    return estimate + stretch * (low - estimate), estimate + stretch * (high - estimate)


def p_value_of(estimate: np.ndarray, replicates: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """One-sided p-value of "the truth is positive": the share of `replicates` (R, ...) <= 0, carried to Student's tail.

    Where no replicate is, the normal tail of their standard deviation goes on from there. Raises ValueError for numbers
    that are not finite: a replicate of nan would count as one above 0.
    """
    check_finite(estimate=estimate, replicates=replicates)
    against = (replicates <= 0).sum(axis=0)
    normal = norm.isf((1 + against) / (len(replicates) + 1))
    sd = replicates.std(axis=0, ddof=1)
    beyond = np.divide(estimate, sd, out=np.zeros_like(sd), where=(against == 0) & (sd > 0))
    return t.sf(np.maximum(normal, np.where(against == 0, beyond, -np.inf)), freedom)
