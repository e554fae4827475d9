"""Adjusted p-values by hand, and the error rate that they control."""

import numpy as np
import pytest

from entropyreg.measures.multiple_tests import benjamini_hochberg, holm


def test_holm_and_benjamini_hochberg_by_hand():
    p_values = np.array([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(holm(p_values), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(benjamini_hochberg(p_values), [0.02, 0.04, 0.04, 0.02])
    np.testing.assert_allclose(holm(np.array([0.9, 0.8])), [1, 1])
    assert holm(np.array([])).size == benjamini_hochberg(np.array([])).size == 0
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        holm(np.array([np.nan]))


def test_holm_keeps_the_family_wise_error_of_true_nulls():
    generator = np.random.default_rng(17)
    false = [holm(generator.random(9)).min() < 0.05 for _ in range(2000)]
    assert np.mean(false) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
    assert np.mean([generator.random(9).min() < 0.05 for _ in range(2000)]) > 0.3
