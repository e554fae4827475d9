"""Calibration against numbers by hand, a loop, closed forms, and netcal, torchmetrics, relplot and Kumar's package."""

import numpy as np
import pytest
from scipy.stats import binom

from entropyreg.measures.calibration import (
    bin_index,
    calibrated_ece,
    debiased_ece,
    debiased_ece_of_sums,
    ece_of_sums,
    expected_calibration_error,
    reliability_bins,
    reliability_sums,
    smooth_ece,
    squared_calibration_error,
    sums_of_bins,
)


def records(n: int, over_confidence: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    confidence = generator.beta(3, 1.2, n)
    return confidence, generator.random(n) < np.clip(confidence - over_confidence, 0, 1)


def test_ece_by_hand():
    confidence, correct = np.array([0.9, 0.8, 0.3, 0.1]), np.array([1, 0, 0, 1])
    # two bins: [0, .5) holds .3 and .1 with accuracy 1/2, [.5, 1] holds .9 and .8 with accuracy 1/2
    assert expected_calibration_error(confidence, correct, n_bins=2) == pytest.approx(0.5 * 0.3 + 0.5 * 0.35)
    bins = reliability_bins(confidence, correct, n_bins=2)
    np.testing.assert_array_equal(bins.count, [2, 2])
    np.testing.assert_allclose(bins.confidence, [0.2, 0.85])
    np.testing.assert_allclose(bins.accuracy, [0.5, 0.5])


def test_a_boundary_belongs_to_the_bin_above_and_one_to_the_last():
    boundaries = np.array([k / 15 for k in range(16)])
    np.testing.assert_array_equal(bin_index(boundaries, 15), [*range(15), 14])
    np.testing.assert_array_equal(bin_index(np.array([0.2, 0.4, 0.6, 0.8]), 15), [3, 6, 9, 12])
    np.testing.assert_array_equal(bin_index(np.nextafter(boundaries[1:], 0), 15), range(15))
    # 0.28 * 25 is 7.000000000000001 and 0.29 * 100 is 28.999999999999996: edges, not products, decide
    assert bin_index(np.array([0.28]), 25) == 7
    assert bin_index(np.array([0.29]), 100) == 29


def test_empty_bins_have_no_mean_and_add_nothing():
    bins = reliability_bins(np.array([0.95, 0.99]), np.array([True, True]))
    assert bins.count[-1] == 2
    assert np.isnan(bins.confidence[:-1]).all()
    assert ece_of_sums(sums_of_bins(bins)) == pytest.approx(0.03)


def test_groups_add_up_and_bins_give_the_sums_back():
    confidence, correct = records(500)
    group = np.random.default_rng(3).integers(40, size=500)
    sums = reliability_sums(confidence, correct, group)
    assert sums.shape == (group.max() + 1, 45)
    np.testing.assert_allclose(sums.sum(axis=0), sums_of_bins(reliability_bins(confidence, correct)), rtol=1e-12)
    one = reliability_sums(confidence[group == 7], correct[group == 7])[0]
    np.testing.assert_allclose(sums[7], one, rtol=1e-12)
    assert ece_of_sums(sums)[7] == pytest.approx(
        expected_calibration_error(confidence[group == 7], correct[group == 7])
    )


@pytest.mark.parametrize(
    ("confidence", "correct", "n_bins"),
    [([1.1], [1], 15), ([-0.1], [1], 15), ([np.nan], [1], 15), ([], [], 15), ([0.5], [1], 0), ([0.5], [1, 0], 15)],
)
def test_invalid_records_are_refused(confidence, correct, n_bins):
    with pytest.raises(ValueError, match="confidence"):
        expected_calibration_error(np.array(confidence), np.array(correct), n_bins)


def test_the_square_of_three_records_in_a_bin_by_hand():
    found = squared_calibration_error(np.full(3, 0.5), np.array([1, 1, 0]))
    assert found == pytest.approx((2 / 3 - 1 / 2) ** 2 - (2 / 3) * (1 / 3) / 2)


def test_planted_over_confidence_is_recovered():
    confidence, correct = records(200_000, over_confidence=0.08)
    planted = np.mean(confidence - np.clip(confidence - 0.08, 0, 1))
    for estimate in (expected_calibration_error, debiased_ece, smooth_ece):
        assert estimate(confidence, correct) == pytest.approx(planted, abs=0.003)
    assert squared_calibration_error(confidence, correct) == pytest.approx(0.08**2, abs=0.0005)


def test_ece_of_a_calibrated_model_matches_the_binomial_expectation():
    # all in one bin: E|mean of n Bernoulli(p) - p| is a binomial sum
    n, p = 50, 0.7
    hits = np.arange(n + 1)
    exact = np.sum(binom.pmf(hits, n, p) * np.abs(hits / n - p))
    simulated = calibrated_ece(np.full(n, p), np.random.default_rng(0), n_simulations=20_000)
    assert simulated.mean == pytest.approx(exact, rel=0.02)
    distribution = np.cumsum(binom.pmf(hits, n, p)[np.argsort(np.abs(hits / n - p), kind="stable")])
    upper = np.sort(np.abs(hits / n - p))[np.searchsorted(distribution, 0.95)]
    assert simulated.upper == pytest.approx(upper, abs=1e-9)


def test_ece_of_calibrated_models_is_what_simulation_predicts_and_shrinks_with_size():
    generator = np.random.default_rng(5)
    seen = [expected_calibration_error(*records(1000, seed=seed)) for seed in range(200)]
    predicted = calibrated_ece(records(1000)[0], generator)
    assert np.mean(seen) == pytest.approx(predicted.mean, rel=0.05)
    assert np.mean(np.array(seen) > predicted.upper) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert calibrated_ece(records(10_000)[0], generator, n_simulations=100).mean < predicted.mean / 2.5


def test_debiasing_takes_off_two_fifths_of_the_bias_of_a_calibrated_model_and_all_of_the_squares():
    samples = [records(1000, seed=seed) for seed in range(300)]
    plain = np.mean([expected_calibration_error(*sample) for sample in samples])
    debiased = np.mean([debiased_ece(*sample) for sample in samples])
    assert debiased == pytest.approx((2 - np.sqrt(2)) * plain, rel=0.06)
    squares = [squared_calibration_error(*sample) for sample in samples]
    assert abs(np.mean(squares)) < 4 * np.std(squares) / np.sqrt(300)
    assert np.min(squares) < 0


def test_debiased_ece_is_the_ece_less_its_expected_shift_under_redrawn_accuracies():
    sums = np.stack([reliability_sums(*records(300, shift))[0] for shift in (0.0, 0.1)])
    count, confidences, hits = np.split(sums, 3, axis=1)
    filled = np.maximum(count, 1)
    accuracy = hits / filled
    sd = np.sqrt(accuracy * (1 - accuracy) / filled)
    draws = np.random.default_rng(0).normal(accuracy, sd, (40_000, 2, 15))
    redrawn = (np.abs(draws - confidences / filled) * count).sum(axis=-1).mean(axis=0) / count.sum(axis=-1)
    np.testing.assert_allclose(debiased_ece_of_sums(sums), 2 * ece_of_sums(sums) - redrawn, atol=5e-4)
    assert ece_of_sums(sums)[0] > debiased_ece_of_sums(sums)[0] + 0.005


def test_smooth_ece_is_the_fixed_point_of_a_directly_smoothed_residual():
    confidence, correct = records(400, over_confidence=0.05, seed=2)
    value = smooth_ece(confidence, correct)
    points = (np.arange(4000) + 0.5) / 4000
    kernel = np.zeros((4000, 400))
    for shift in (-2, 0, 2):
        for mirror in (confidence, -confidence):
            kernel += np.exp(-0.5 * ((points[:, None] - mirror - shift) / value) ** 2)
    kernel /= value * np.sqrt(2 * np.pi)
    direct = np.abs(kernel @ (correct - confidence)).mean() / 400
    assert direct == pytest.approx(value, abs=2e-4)


def test_smooth_ece_is_a_constant_gap_and_moves_little_where_the_binned_one_jumps():
    confidence = np.full(1000, 0.6)
    assert smooth_ece(confidence, np.arange(1000) % 2 == 0) == pytest.approx(0.1, abs=1e-4)
    # every other record a hair below and above a bin boundary, with outcomes that cancel across it
    gap = np.tile([-1e-6, 1e-6], 500)
    correct = np.tile([True, False], 500)
    across = np.full(1000, 0.5) + gap
    assert expected_calibration_error(across, correct, n_bins=10) == pytest.approx(0.5, abs=1e-5)
    assert smooth_ece(across, correct) < 0.02


@pytest.mark.parametrize("over_confidence", [0.0, 0.1])
def test_ece_agrees_with_torchmetrics_and_netcal(over_confidence):
    confidence, correct = records(3000, over_confidence)
    ours = expected_calibration_error(confidence, correct)
    checked = 0
    for package in ("torchmetrics.functional.classification", "netcal.metrics"):
        try:
            module = __import__(package, fromlist=["*"])
        except ImportError:
            continue
        if package.startswith("netcal"):
            assert module.ECE(15).measure(confidence, correct.astype(int)) == pytest.approx(ours, abs=1e-9)
        else:
            torch = pytest.importorskip("torch")
            theirs = module.binary_calibration_error(torch.tensor(confidence), torch.tensor(correct).int(), n_bins=15)
            assert float(theirs) == pytest.approx(ours, abs=1e-6)
        checked += 1
    if not checked:
        pytest.skip("neither torchmetrics nor netcal is installed")


@pytest.mark.parametrize("over_confidence", [0.0, 0.05, 0.1])
def test_smooth_ece_agrees_with_relplot(over_confidence):
    relplot = pytest.importorskip("relplot")
    confidence, correct = records(3000, over_confidence)
    assert smooth_ece(confidence, correct) == pytest.approx(relplot.smECE(confidence, correct * 1.0), abs=1.5e-3)


@pytest.mark.parametrize("over_confidence", [0.0, 0.1])
def test_debiased_errors_agree_with_the_authors_package(over_confidence):
    kumar = pytest.importorskip("calibration").utils
    confidence, correct = records(5000, over_confidence)
    index = bin_index(confidence, 15)
    data = [
        [(c, float(y)) for c, y in zip(confidence[index == b], correct[index == b], strict=True)] for b in range(15)
    ]
    filled = [part for part in data if len(part) > 1]  # theirs refuses smaller ones
    kept = np.isin(index, [b for b, part in enumerate(data) if len(part) > 1])
    assert debiased_ece(confidence[kept], correct[kept]) == pytest.approx(kumar.normal_debiased_ce(filled), abs=8e-4)
    ours = squared_calibration_error(confidence[kept], correct[kept])
    assert ours == pytest.approx(kumar.unbiased_square_ce(filled), abs=1e-12)
