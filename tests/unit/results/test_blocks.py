"""Sums over blocks: of columns as of arrays, of all items once, in their order."""

from itertools import pairwise

import numpy as np
import pytest

from entropyreg.columns import Column
from entropyreg.results.blocks import N_BLOCKS, block_sizes, block_starts, block_sums


@pytest.mark.parametrize("n", [1, 7, N_BLOCKS, N_BLOCKS + 1, 1003])
def test_blocks_are_runs_of_items_whose_sizes_differ_by_one_at_most(n):
    sizes = block_sizes(n)
    assert len(sizes) == min(n, N_BLOCKS) and sizes.sum() == n
    assert sizes.max() - sizes.min() <= 1 and sizes.min() >= 1


@pytest.mark.parametrize("row", [(), (3,), (2, 4)])
def test_sums_of_a_column_are_those_of_the_array(row):
    values = np.random.default_rng(0).normal(size=(501, *row))
    column = Column(np.float64, row)
    column.append(values)
    found, starts = block_sums(values), [*block_starts(501), 501]
    expected = [values[a:b].sum(axis=0) for a, b in pairwise(starts)]
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(block_sums(column), found, rtol=2e-6, atol=2e-6)
    assert found.dtype == (np.float32 if row else np.float64)


def test_counts_stay_integers():
    assert block_sums(np.ones(90, bool)).tolist() == block_sizes(90).tolist()
    assert block_sums(np.ones((90, 2), np.int32)).dtype == np.int64
