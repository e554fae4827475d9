"""Resampling on planted data: coverage, false support, power, and agreement with t-tests."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp, ttest_ind, ttest_rel

from entropyreg.measures.calibration import debiased_ece_of_sums, ece_of_sums, reliability_sums
from entropyreg.measures.significance import (
    Arm,
    Resampled,
    Score,
    bootstrap_mean,
    crossed_contrast,
    equivalence,
    mean_of_sums,
    p_value_above,
    p_value_below,
    simultaneous_band,
)
from entropyreg.measuring.blocks import block_sums


def difference(a: np.ndarray, b: np.ndarray, score: Score, n_replicates: int = 2000, **options) -> Resampled:
    """Two arms, a minus b."""
    return crossed_contrast([Arm(1.0, a, score), Arm(-1.0, b, score)], n_replicates, **options).resampled


def with_counts(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.ones_like(values)], axis=-1)


def planted_arms(generator, seeds: int, items: int, effect: float, seed_sd: float, cross_sd: float, item_sd: float):
    """Two arms (seeds, items, 2) whose means differ by `effect`, with all three variances."""
    arms = [generator.normal(0, seed_sd, (seeds, 1)) + generator.normal(0, cross_sd, (seeds, items)) for _ in range(2)]
    arms[0] += effect + generator.normal(0, item_sd, items)
    return [with_counts(arm) for arm in arms]


# cross_sd 1 over 100 items is .1 of a seed's mean: seeds that differ only by it, then by training too, then hardly
DESIGNS = [(3, 0.0, 1.0, 0.0), (5, 0.1, 1.0, 0.3), (12, 0.0, 1.0, 0.0), (5, 0.0, 0.2, 1.0), (1, 0.0, 1.0, 1.0)]


@pytest.mark.parametrize(("seeds", "seed_sd", "cross_sd", "item_sd"), DESIGNS)
def test_intervals_cover_and_the_null_is_rarely_supported(seeds, seed_sd, cross_sd, item_sd):
    generator = np.random.default_rng(0)
    simulations, inside, supported = 200, 0, 0
    for _ in range(simulations):
        arms = planted_arms(generator, seeds, 100, 0.0, seed_sd, cross_sd, item_sd)
        result = difference(*arms, mean_of_sums, 200, generator=generator)
        inside += bool(result.low <= 0 <= result.high)
        supported += bool(result.p_value < 0.05)
    error = 3 * np.sqrt(0.05 * 0.95 / simulations)
    assert inside / simulations > 0.95 - error
    assert supported / simulations < 0.05 + error


@pytest.mark.parametrize("seeds", [5, 8])
def test_intervals_over_blocks_of_1000_sentences_cover(seeds):
    """Neighbours resemble each other a little, as the sentences of a document do; blocks keep them together."""
    generator, simulations, inside = np.random.default_rng(4), 400, 0
    kernel = 0.5 ** np.arange(8)
    for _ in range(simulations):
        of_items = np.convolve(generator.normal(size=1007), kernel, "valid") / np.sqrt((kernel**2).sum())
        arms = [
            of_sentences + generator.normal(0, 0.03, (seeds, 1)) + generator.normal(0, 1, (seeds, 1000))
            for of_sentences in (of_items, generator.normal(size=1000))
        ]
        sums = [np.stack([block_sums(with_counts(own)) for own in arm]) for arm in arms]
        result = difference(*sums, mean_of_sums, 400, generator=generator)
        inside += bool(result.low <= 0 <= result.high)
    assert 0.93 - 0.01 <= inside / simulations <= 0.97 + 0.01  # .95 has a standard error of .011


def test_without_effects_of_items_the_variance_is_that_between_seeds():
    """Of two seeds alike on average, on items with nothing in common, nothing is left but the rounding of draws."""
    values = np.random.default_rng(0).normal(size=(2, 500))
    values -= values.mean(axis=1, keepdims=True)
    values[1] -= values[0] * (values[0] @ values[1]) / (values[0] @ values[0])
    arm = Arm(1.0, with_counts(values), mean_of_sums)
    result = crossed_contrast([arm], 4000, generator=np.random.default_rng(1)).resampled
    assert result.replicates.var() < 0.1 / 500  # seed x item alone, which is no variance of items, would give .5 / 500


def test_twelve_seeds_see_the_declared_effect():
    # CLAIMS: 12 seeds see 1.05 standard deviations between seeds, here all of them seed x item, in 80 % of the cases
    generator = np.random.default_rng(1)
    supported = 0
    for _ in range(200):
        arms = planted_arms(generator, 12, 100, 0.105, 0.0, 1.0, 0.0)
        supported += bool(difference(*arms, mean_of_sums, 200, generator=generator).p_value < 0.05)
    assert supported / 200 > 0.8 - 3 * np.sqrt(0.8 * 0.2 / 200)


@pytest.mark.parametrize("effect", [-0.3, 0.0, 0.4])
def test_without_items_it_is_the_t_test_of_the_seeds(effect):
    generator = np.random.default_rng(2)
    a, b = generator.normal(effect, 1, 12), generator.normal(0, 1, 12)
    arms = [with_counts(np.repeat(x[:, None], 30, axis=1)) for x in (a, b)]
    result = difference(*arms, mean_of_sums, 20_000, generator=generator)
    oracle = ttest_ind(a, b, alternative="greater", equal_var=False)
    assert result.estimate == pytest.approx(a.mean() - b.mean())
    assert result.degrees_of_freedom == pytest.approx(oracle.df)
    assert result.p_value == pytest.approx(oracle.pvalue, abs=0.02)
    low, high = ttest_ind(a, b, equal_var=False).confidence_interval()
    np.testing.assert_allclose([result.low, result.high], [low, high], atol=0.06)


def test_paired_seeds_are_the_paired_t_test():
    generator = np.random.default_rng(3)
    b = generator.normal(0, 3, 10)
    a = b + generator.normal(0.3, 0.4, 10)
    arms = [with_counts(np.repeat(x[:, None], 30, axis=1)) for x in (a, b)]
    result = difference(*arms, mean_of_sums, 20_000, generator=generator, paired_seeds=True)
    oracle = ttest_rel(a, b, alternative="greater")
    assert result.p_value == pytest.approx(oracle.pvalue, abs=0.01)
    assert difference(*arms, mean_of_sums, generator=generator).p_value > 0.2


def test_two_given_models_are_compared_over_items():
    generator = np.random.default_rng(4)
    b = generator.normal(0, 2, 400)
    a = b + generator.normal(0.05, 0.5, 400)
    result = difference(with_counts(a)[None], with_counts(b)[None], mean_of_sums, 20_000, generator=generator)
    assert result.p_value == pytest.approx(ttest_rel(a, b, alternative="greater").pvalue, abs=0.01)
    reverse = p_value_below(difference(with_counts(b)[None], with_counts(a)[None], mean_of_sums, generator=generator))
    assert reverse == pytest.approx(result.p_value, abs=0.03)


def test_the_mean_of_items_and_of_one_arm():
    generator = np.random.default_rng(5)
    values = generator.exponential(size=300)
    result = bootstrap_mean(values, generator, n_replicates=10_000)
    low, high = ttest_1samp(values, 0).confidence_interval()
    np.testing.assert_allclose([result.low, result.high], [low, high], atol=0.02)
    arm = with_counts(generator.normal(2, 1, (6, 1)) + generator.normal(0, 1, (6, 50)))
    assert crossed_contrast([Arm(1.0, arm, mean_of_sums)], generator=generator).resampled.estimate == pytest.approx(
        arm[..., 0].mean()
    )


def test_equal_arms_support_nothing_and_a_seed_gives_the_same_numbers():
    arm = with_counts(np.random.default_rng(6).normal(size=(4, 60)))
    paired = difference(arm, arm, mean_of_sums, 300, generator=np.random.default_rng(0), paired_seeds=True)
    assert (paired.estimate, paired.low, paired.high, paired.p_value) == (0, 0, 0, 1)
    first, second = (difference(arm, arm, mean_of_sums, 300, generator=np.random.default_rng(7)) for _ in "ab")
    np.testing.assert_array_equal(first.replicates, second.replicates)


def test_equivalence_needs_both_sides():
    generator = np.random.default_rng(8)
    arms = planted_arms(generator, 12, 200, 0.0, 0.05, 0.2, 0.0)
    result = difference(*arms, mean_of_sums, generator=generator)
    wide = equivalence(p_value_above(result, -0.2), p_value_below(result, 0.2))
    narrow = equivalence(p_value_above(result, -0.005), p_value_below(result, 0.005))
    assert wide < 0.01
    assert narrow > 0.2
    assert equivalence(0.001, 0.3) == 0.3
    with pytest.raises(ValueError, match="p-values must lie"):
        equivalence(0.1, 1.2)


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        ((3, 10, 2), (3, 9, 2), {}, "with the same items"),
        ((3, 10, 2), (4, 10, 2), {"paired_seeds": True}, "paired seeds must be as many in all arms"),
        ((10, 2), (10, 2), {}, "arms must have shapes"),
    ],
)
def test_arms_that_cannot_be_compared_are_refused(a, b, options, message):
    with pytest.raises(ValueError, match=message):
        difference(np.ones(a), np.ones(b), mean_of_sums, 10, generator=np.random.default_rng(0), **options)


def test_ece_of_resampled_sentences_is_centred_on_the_estimate():
    generator = np.random.default_rng(12)
    arms = []
    for shift in (0.1, 0.0):
        confidence = generator.beta(3, 1.2, (3, 2000))
        correct = generator.random((3, 2000)) < np.clip(confidence - shift, 0, 1)
        sentence = np.repeat(np.arange(200), 10)
        arms.append(np.stack([reliability_sums(c, y, sentence) for c, y in zip(confidence, correct, strict=True)]))
    for score in (ece_of_sums, debiased_ece_of_sums):
        result = difference(*arms, score, 500, generator=generator)
        assert result.replicates.mean() == pytest.approx(result.estimate, abs=1e-9)
        assert result.low > 0


def mean_of_points(sums: np.ndarray) -> np.ndarray:
    return sums[..., :-1] / sums[..., -1:]


def test_bands_hold_whole_curves_where_pointwise_intervals_do_not():
    generator = np.random.default_rng(13)
    simulations, band, pointwise = 200, 0, 0
    for _ in range(simulations):
        arms = []
        for _ in range(2):
            values = generator.normal(0, 1, (4, 60, 8)) + generator.normal(0, 0.1, (4, 1, 8))
            arms.append(np.concatenate([values, np.ones((4, 60, 1))], axis=-1))
        result = difference(*arms, mean_of_points, 200, generator=generator)
        assert result.estimate.shape == result.low.shape == result.p_value.shape == (8,)
        low, high = simultaneous_band(result)
        band += bool(np.all((low <= 0) & (high >= 0)))
        pointwise += bool(np.all((result.low <= 0) & (result.high >= 0)))
    assert band / simulations > 0.95 - 3 * np.sqrt(0.05 * 0.95 / simulations)
    assert pointwise / simulations < 0.85


def test_points_of_a_curve_are_the_scores_of_one_point():
    arms = planted_arms(np.random.default_rng(14), 3, 40, 0.5, 0.1, 1.0, 0.1)
    one = difference(*arms, mean_of_sums, 200, generator=np.random.default_rng(0))
    curve = difference(
        *arms, lambda sums: mean_of_sums(sums)[..., None] * [1, 2], 200, generator=np.random.default_rng(0)
    )
    for field in ("estimate", "low", "high"):
        np.testing.assert_allclose(getattr(curve, field), getattr(one, field) * np.array([1, 2]), rtol=1e-9)
    np.testing.assert_allclose(curve.p_value, one.p_value, rtol=1e-9)


def test_a_point_that_does_not_vary_leaves_the_band_of_the_others():
    arm = np.concatenate([np.random.default_rng(15).normal(size=(3, 50, 2)), np.ones((3, 50, 1))], axis=-1)
    fixed = arm.copy()
    fixed[..., 1] = 0
    result = crossed_contrast([Arm(1.0, fixed, mean_of_points)], 200, generator=np.random.default_rng(0)).resampled
    low, high = simultaneous_band(result)
    assert low[1] == high[1] == 0
    assert low[0] < result.estimate[0] < high[0]
