"""Contrasts of several arms by the crossed bootstrap: weighted sums of mean scores, on the same items.

    contrast = sum_a w_a mean_s score_a(sums over items of arm a, seed s)

`measures.significance.crossed_bootstrap` is the case of two arms with the weights 1 and -1. Runs of one seed that
belong together (one model at two temperatures) are one arm: its score reads both from the columns of one array.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from entropyreg.measures.checks import check_finite
from entropyreg.measures.significance import ENTRIES_AT_ONCE, Resampled, Score, _counts, _crossed


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
    arms: Sequence[Arm], n_replicates: int = 2000, *, generator: np.random.Generator, level: float = 0.95
) -> Contrast:
    """The contrast of `arms`, resampling items and, within each arm, seeds.

    An arm of one seed is taken as it is. Raises ValueError without arms, for other shapes, arms that differ in their
    number of items, a weight of 0, and numbers that are not finite.
    """
    shapes = [arm.statistics.shape for arm in arms]
    if not arms or any(len(shape) != 3 or 0 in shape for shape in shapes) or len({shape[1] for shape in shapes}) != 1:
        raise ValueError(f"arms must have shapes (seeds, items, k) with the same items; got {shapes}.")
    check_finite(weights=[arm.weight for arm in arms])
    if not all(arm.weight for arm in arms):
        raise ValueError(f"weights must not be 0; got {[arm.weight for arm in arms]}.")
    for arm in arms:
        check_finite(statistics=arm.statistics)
    items = shapes[0][1]
    totals = [arm.statistics.sum(axis=1, dtype=np.float64) for arm in arms]
    observed = [arm.weight * arm.score(sums) for arm, sums in zip(arms, totals, strict=True)]
    table = np.concatenate([_by_items(arm.statistics) for arm in arms], axis=1)
    borders = np.cumsum([shape[0] * shape[2] for shape in shapes])[:-1]
    rows, parts = max(1, ENTRIES_AT_ONCE // items), []
    for start in range(0, n_replicates, rows):
        sums = _counts(min(rows, n_replicates - start), items, generator) @ table
        drawn = zip(arms, np.split(sums, borders, axis=1), strict=True)
        parts.append([arm.weight * arm.score(own.reshape(-1, *arm.statistics.shape[::2])) for arm, own in drawn])
    resampled = [np.concatenate(own) for own in zip(*parts, strict=True)]
    result = _crossed(list(zip(observed, resampled, strict=True)), items, generator, level)
    spread = sum(own.var(axis=0, ddof=1) if len(own) > 1 else np.zeros_like(own[0]) for own in observed)
    return Contrast(result, spread, [own / arm.weight for own, arm in zip(observed, arms, strict=True)])


def _by_items(statistics: np.ndarray) -> np.ndarray:
    """(S, n, k) as a matrix (n, S k) of float64."""
    seeds, items, columns = statistics.shape
    return statistics.transpose(1, 0, 2).reshape(items, seeds * columns).astype(np.float64)
