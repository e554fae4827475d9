"""Information lost: variances and similarities by hand, planted, and against numpy."""

import numpy as np
import pytest

from entropyreg.measures.information_loss import (
    class_means,
    class_similarity,
    confidence_variance,
    mean_variance_within,
    similarity_correlation,
)

GENERATOR = np.random.default_rng(0)
LABELS = np.arange(60) % 5
LOGITS = GENERATOR.normal(size=(60, 5))


def test_variance_within_classes_by_hand():
    values, labels = np.array([0.0, 1.0, 5.0, 5.0, 8.0]), np.array([0, 0, 3, 3, 3])
    assert mean_variance_within(values, labels) == pytest.approx((0.5 + 3.0) / 2)


def test_differences_between_classes_are_no_variance_within():
    logits = np.eye(5)[LABELS] * (1 + LABELS[:, None])
    assert confidence_variance(logits, LABELS) == pytest.approx(0, abs=1e-15)
    assert confidence_variance(LOGITS, LABELS) > 0.005


def test_confidence_variance_is_numpys_of_the_correct_class():
    probs = np.exp(LOGITS / 2) / np.exp(LOGITS / 2).sum(axis=1, keepdims=True)
    own = probs[np.arange(60), LABELS]
    expected = np.mean([own[c == LABELS].var(ddof=1) for c in range(5)])
    assert confidence_variance(LOGITS, LABELS, temperature=2.0) == pytest.approx(expected, rel=1e-10)


def test_a_single_example_has_no_variance():
    with pytest.raises(ValueError, match="two examples of each class"):
        mean_variance_within(np.ones(3), np.array([0, 0, 1]))


def test_class_means_and_their_similarity():
    features = GENERATOR.normal(size=(60, 3))
    means = class_means(features, LABELS, 5)
    np.testing.assert_allclose(means[3], features[LABELS == 3].mean(axis=0))
    with pytest.raises(ValueError, match="every one of 6 classes"):
        class_means(features, LABELS, 6)
    similarity = class_similarity(np.array([[1.0, 0], [1, 0.1], [-1, 0], [-1, -0.1]]))
    np.testing.assert_allclose(np.diag(similarity), 1)
    np.testing.assert_allclose(similarity, similarity.T)
    assert similarity[0, 1] > 0.9
    assert similarity[0, 2] < -0.9
    shifted = class_similarity(np.array([[8.0, -3], [8, -2.9], [6, -3], [6, -3.1]]))
    np.testing.assert_allclose(shifted, similarity)  # of a constant added to all points nothing is left
    with pytest.raises(ValueError, match="lies at the mean"):
        class_similarity(np.array([[1.0, 0], [-1, 0], [0, 0]]))


def test_similarity_is_recovered_where_planted_and_lost_in_noise():
    similarity = class_similarity(GENERATOR.normal(size=(5, 8)))
    planted = 10 * np.eye(5)[LABELS] + 3 * similarity[LABELS] + 7
    np.testing.assert_allclose(similarity_correlation(planted, LABELS, similarity), 1)
    np.testing.assert_allclose(similarity_correlation(-planted, LABELS, similarity), -1)
    labels = np.arange(5000) % 5
    noise = similarity_correlation(GENERATOR.normal(size=(5000, 5)), labels, similarity)
    assert abs(noise.mean()) < 4 * noise.std() / np.sqrt(5000)


def test_similarity_correlation_is_numpys_and_ignores_temperature_and_shift():
    similarity = class_similarity(GENERATOR.normal(size=(5, 8)))
    ours = similarity_correlation(LOGITS, LABELS, similarity)
    for i in range(60):
        wrong = np.delete(np.arange(5), LABELS[i])
        expected = np.corrcoef(LOGITS[i, wrong], similarity[LABELS[i], wrong])[0, 1]
        assert ours[i] == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(similarity_correlation(LOGITS / 7 + 2, LABELS, similarity), ours, atol=1e-12)


def test_equal_wrong_logits_have_zero_correlation():
    similarity = class_similarity(GENERATOR.normal(size=(5, 8)))
    erased = np.eye(5)[LABELS] * 4 + 0.1 + 0.2
    np.testing.assert_array_equal(similarity_correlation(erased, LABELS, similarity), 0)
    with pytest.raises(ValueError, match=r"shape \(5, 5\)"):
        similarity_correlation(LOGITS, LABELS, similarity[:4])
