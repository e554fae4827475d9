"""Contrasts of several arms: weights count, and variances add up."""

import numpy as np
import pytest

from entropyreg.measures.significance import Arm, crossed_contrast, mean_of_sums


def arm_of(generator: np.random.Generator, mean: float, seeds: int = 5, items: int = 60) -> np.ndarray:
    values = mean + generator.normal(0, 0.2, (seeds, 1)) + generator.normal(0, 1, (seeds, items))
    return np.stack([values, np.ones_like(values)], axis=-1)


def test_weights_and_seed_variance():
    generator = np.random.default_rng(2)
    arms = [arm_of(generator, mean) for mean in (3.0, 1.0, 2.0)]
    weights = (0.5, 0.5, -1.0)
    found = crossed_contrast(
        [Arm(weight, arm, mean_of_sums) for weight, arm in zip(weights, arms, strict=True)], 200, generator=generator
    )
    means = [arm[..., 0].mean(axis=1) for arm in arms]
    expected = sum(weight * mean.mean() for weight, mean in zip(weights, means, strict=True))
    assert float(found.resampled.estimate) == pytest.approx(expected)
    variance = sum(weight**2 * mean.var(ddof=1) for weight, mean in zip(weights, means, strict=True))
    assert float(found.seed_variance) == pytest.approx(variance)
    assert [own.tolist() for own in found.scores] == [pytest.approx(mean.tolist()) for mean in means]


def test_arms_of_different_columns_share_the_drawn_items():
    values = np.random.default_rng(3).normal(0, 1, (4, 50))
    narrow, wide = values[..., None], np.stack([values, values * 0], axis=-1)
    arms = [Arm(1.0, narrow, lambda sums: sums[..., 0]), Arm(-1.0, wide, lambda sums: sums.sum(axis=-1))]
    found = crossed_contrast(arms, 100, generator=np.random.default_rng(0))
    assert float(found.resampled.estimate) == pytest.approx(0.0)
    seeds_alone = 2 * values.sum(axis=1).var(ddof=1) / 4  # the items cancel: both arms drew the same ones
    assert float(found.resampled.replicates.var(ddof=1)) == pytest.approx(seeds_alone, rel=0.25)


def test_items_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="with the same items"):
        crossed_contrast(
            [Arm(1.0, np.ones((2, 3, 1)), mean_of_sums), Arm(1.0, np.ones((2, 4, 1)), mean_of_sums)],
            10,
            generator=np.random.default_rng(0),
        )
