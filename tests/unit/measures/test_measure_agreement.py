"""Squared correlation and mean absolute error on literal pairs."""

import pytest

from entropyreg.measures.agreement import Agreement, agreement


def test_literal_pairs():
    found = agreement([1.0, 2.0, 3.0], [1.0, 2.0, 6.0])
    assert found.n == 3 and found.mean_absolute_error == 1.0
    assert found.squared_correlation == pytest.approx(25 / 28)  # cov 5, variances 2 and 14


def test_a_shifted_line_is_correlated_but_not_exact():
    found = agreement([0.1, 0.2, 0.4], [0.3, 0.4, 0.6])
    assert found.squared_correlation == pytest.approx(1.0) and found.mean_absolute_error == pytest.approx(0.2)


def test_undefined_values_are_none():
    assert agreement([], []) == Agreement(0, None, None)
    assert agreement([1.0, 2.0], [2.0, 2.5]) == Agreement(2, None, 0.75)
    assert agreement([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]).squared_correlation is None


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="one length, got 1 and 2"):
        agreement([1.0], [1.0, 2.0])
