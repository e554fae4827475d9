"""Statistics of logits against the naive softmax, across blocks and at extremes."""

import numpy as np
import pytest
from scipy.special import softmax

from entropyreg.measures import logits as module
from entropyreg.measures.logits import logit_statistics

LOGITS = np.random.default_rng(0).normal(0, 2, (37, 5))
LABELS = np.random.default_rng(1).integers(5, size=37)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("block", [1, 40, 1 << 20])
def test_statistics_are_those_of_the_naive_softmax(temperature, block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ENTRIES", block)
    probs = softmax(LOGITS / temperature, axis=1)
    own = probs[np.arange(37), LABELS]
    result = logit_statistics(LOGITS, LABELS, temperature)
    np.testing.assert_allclose(result.nll, -np.log(own), rtol=1e-12)
    np.testing.assert_allclose(result.confidence, probs.max(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(result.correct, probs.argmax(axis=1) == LABELS)
    np.testing.assert_allclose(result.brier, ((probs - np.eye(5)[LABELS]) ** 2).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(result.wrong_mass, 1 - own, rtol=1e-9)


def test_extreme_logits_neither_overflow_nor_cancel():
    result = logit_statistics(np.array([[800.0, 0.0], [0.0, 800.0], [40.0, 0.0]], np.float32), np.array([0, 0, 0]))
    np.testing.assert_allclose(result.nll, [0, 800, np.exp(-40)], rtol=1e-9)
    np.testing.assert_allclose(result.brier, [0, 2, 2 * np.exp(-80)], rtol=1e-9)
    assert result.wrong_mass[2] == pytest.approx(np.exp(-40), rel=1e-9)


@pytest.mark.parametrize(
    ("logits", "labels", "temperature", "message"),
    [
        (LOGITS, LABELS, 0.0, "temperature must be positive"),
        (LOGITS, LABELS[:-1], 1.0, "labels must be 37 integers"),
        (LOGITS, LABELS.astype(float), 1.0, "labels must be 37 integers"),
        (LOGITS, LABELS + 1, 1.0, r"labels must lie in 0\.\.4"),
        (LOGITS, LABELS - 1, 1.0, "must not be negative"),
        (LOGITS[0], LABELS, 1.0, "shape"),
        (np.where(LOGITS > 3, np.nan, LOGITS), LABELS, 1.0, "finite"),
    ],
)
def test_invalid_logits_or_labels_are_refused(logits, labels, temperature, message):
    with pytest.raises(ValueError, match=message):
        logit_statistics(logits, labels, temperature)
