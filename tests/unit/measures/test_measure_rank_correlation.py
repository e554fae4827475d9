"""Rank correlation against scipy, and its interval on a planted correlation."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from entropyreg.measures.rank_correlation import spearman_interval, spearman_rows


def test_spearman_is_scipys_with_ties_and_its_interval_covers():
    generator = np.random.default_rng(16)
    x, y = generator.integers(5, size=(6, 30)), generator.integers(5, size=(6, 30))
    np.testing.assert_allclose(
        spearman_rows(x, y), [spearmanr(a, b).statistic for a, b in zip(x, y, strict=True)], atol=1e-12
    )
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # of a bivariate normal with correlation .6
    inside = 0
    for _ in range(100):
        a = generator.normal(size=60)
        b = 0.6 * a + 0.8 * generator.normal(size=60)
        result = spearman_interval(a, b, generator, n_replicates=200)
        inside += bool(result.low <= truth <= result.high)
    assert inside / 100 > 0.95 - 0.02 - 3 * np.sqrt(0.05 * 0.95 / 100)
    with pytest.raises(ValueError, match="3 pairs or more that vary"):
        spearman_interval(np.ones(5), np.arange(5), generator)
