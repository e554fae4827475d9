"""Equivalent smoothing equals the smoothing it is named after."""

import numpy as np
import pytest

from entropyreg.measures.distillation import equivalent_smoothing, equivalent_smoothing_of_targets

LABELS = np.arange(30) % 10


@pytest.mark.parametrize("classes", [10, 100])
@pytest.mark.parametrize("smoothing", [0.0, 0.05, 0.1, 0.45, 0.75, 1.0])
def test_smoothed_targets_have_their_own_smoothing(smoothing, classes):
    targets = np.eye(classes)[LABELS] * (1 - smoothing) + smoothing / classes
    assert equivalent_smoothing_of_targets(targets, LABELS) == pytest.approx(smoothing, abs=1e-12)
    if smoothing:
        assert equivalent_smoothing(np.log(targets) + 3, LABELS) == pytest.approx(smoothing, abs=1e-12)


def test_logits_and_their_softmax_agree_and_temperature_smooths():
    logits = np.random.default_rng(0).normal(0, 4, (30, 10)) + 6 * np.eye(10)[LABELS]
    values = []
    for temperature in (1.0, 2.0, 4.0, 16.0, 1e9):
        scaled = np.exp(logits / temperature)
        targets = scaled / scaled.sum(axis=1, keepdims=True)
        values.append(equivalent_smoothing(logits, LABELS, temperature))
        assert values[-1] == pytest.approx(equivalent_smoothing_of_targets(targets, LABELS), rel=1e-9)
    assert values == sorted(values)
    assert values[-1] == pytest.approx(1, abs=1e-6)


def test_a_certain_teacher_that_is_always_wrong_exceeds_one():
    logits = 1000 * np.eye(10)[(LABELS + 1) % 10]
    assert equivalent_smoothing(logits, LABELS) == pytest.approx(10 / 9)


def test_a_row_that_is_no_distribution_is_refused():
    with pytest.raises(ValueError, match="must be distributions"):
        equivalent_smoothing_of_targets(np.full((30, 10), 0.2), LABELS)
