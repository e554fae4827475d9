"""Temperature scaling on planted temperatures, on a grid, and on halves of the data."""

import numpy as np
import pytest

from entropyreg.measures.calibration import expected_calibration_error
from entropyreg.measures.temperature import (
    best_on_grid,
    fit_temperature,
    grid_of,
    half_of_groups,
    scaled_statistics,
    temperature_label,
)


def planted(temperature: float, n: int = 8000, classes: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are calibrated when divided by `temperature`: labels are drawn from their softmax there."""
    generator = np.random.default_rng(0)
    calibrated = generator.normal(0, 2, (n, classes))
    labels = (calibrated + generator.gumbel(size=calibrated.shape)).argmax(axis=1)
    return calibrated * temperature, labels


@pytest.mark.parametrize("criterion", ["ece", "nll"])
@pytest.mark.parametrize("temperature", [0.6, 1.9])
def test_a_planted_temperature_is_recovered(criterion, temperature):
    logits, labels = planted(temperature)
    fit = fit_temperature(logits, labels, criterion)
    assert fit.temperature == pytest.approx(temperature, rel=0.05 if criterion == "ece" else 0.03)
    assert not fit.at_bound
    scaled = scaled_statistics(logits, labels, fit.temperature)
    value = expected_calibration_error(scaled.confidence, scaled.correct) if criterion == "ece" else scaled.nll.mean()
    assert fit.value == pytest.approx(value, abs=1e-12)


def test_the_best_nll_has_no_slope_and_the_best_ece_no_better_neighbour():
    logits, labels = planted(1.5, n=2000)
    best = fit_temperature(logits, labels, "nll")
    near = [scaled_statistics(logits, labels, best.temperature * step).nll.mean() for step in (0.999, 1.001)]
    assert min(near) > best.value
    ece = fit_temperature(logits, labels, "ece")
    for temperature in np.geomspace(0.3, 6, 60):
        scaled = scaled_statistics(logits, labels, temperature)
        # a fine scan may hit a dent of the ECE between the coarse points, but no deep one
        assert expected_calibration_error(scaled.confidence, scaled.correct) > ece.value - 0.002


def test_temperature_changes_no_prediction_and_high_temperatures_are_uniform():
    logits, labels = planted(1.0, n=500)
    cold, hot = scaled_statistics(logits, labels, 0.1), scaled_statistics(logits, labels, 1e6)
    np.testing.assert_array_equal(cold.correct, hot.correct)
    np.testing.assert_allclose(hot.confidence, 1 / 8, atol=1e-5)


def test_a_temperature_at_the_bound_is_marked():
    logits, labels = planted(5.0, n=1000)
    fit = fit_temperature(logits, labels, "nll", bounds=(0.5, 2.0))
    assert fit.at_bound
    assert fit.temperature == pytest.approx(2.0, rel=1e-3)


@pytest.mark.parametrize("criterion", ["ece", "nll"])
def test_a_grid_of_records_gives_its_best_point(criterion):
    logits, labels = planted(1.3)
    temperatures = np.array([0.7, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 2.0])
    rows = [scaled_statistics(logits, labels, value) for value in temperatures]
    nll, confidence = np.stack([row.nll for row in rows]), np.stack([row.confidence for row in rows])
    fit = best_on_grid(temperatures, nll, confidence, rows[0].correct, criterion)
    assert fit.temperature == 1.3
    assert not fit.at_bound
    edge = best_on_grid(temperatures[:3], nll[:3], confidence[:3], rows[0].correct, criterion)
    assert edge.temperature == 1.0
    assert edge.at_bound


def test_halves_keep_sentences_together_and_are_seeded():
    group = np.repeat(np.arange(11), np.arange(1, 12))
    mask = half_of_groups(group, np.random.default_rng(1))
    chosen = [mask[group == number] for number in range(11)]
    assert all(part.all() or not part.any() for part in chosen)
    assert sum(part.all() for part in chosen) == 5
    np.testing.assert_array_equal(mask, half_of_groups(group, np.random.default_rng(1)))


def test_a_grid_has_equal_ratios_in_four_digits_and_what_is_decoded():
    grid = grid_of(0.5, 2, 5, (1, 1.3))
    assert grid.tolist() == [0.5, 0.7071, 1.0, 1.3, 1.414, 2.0]
    assert [temperature_label(one) for one in grid] == ["0.5", "0.7071", "1", "1.3", "1.414", "2"]
    assert (np.diff(grid_of(0.5, 3, 91, (0.1, 7))) > 0).all()
    with pytest.raises(ValueError, match="low < high and two points; got 2, 1 and 5"):
        grid_of(2, 1, 5, ())
    with pytest.raises(ValueError, match="positive and finite; got 0"):
        grid_of(0.5, 2, 5, (0,))


def test_wrong_criteria_bounds_and_grids_are_refused():
    logits, labels = planted(1.0, n=10)
    with pytest.raises(ValueError, match="criterion must be one of ece, nll; got 'mse'"):
        fit_temperature(logits, labels, "mse")
    with pytest.raises(ValueError, match="bounds must rise"):
        fit_temperature(logits, labels, bounds=(2.0, 1.0))
    with pytest.raises(ValueError, match="temperatures must rise"):
        best_on_grid(np.array([2.0, 1.0]), np.ones((2, 3)), np.ones((2, 3)), np.ones(3))
    with pytest.raises(ValueError, match="1 NLL and 2 confidence rows for 2"):
        best_on_grid(np.array([1.0, 2.0]), np.ones((1, 3)), np.ones((2, 3)), np.ones(3))
