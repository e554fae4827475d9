"""Sums over blocks: of columns as of arrays, of all items once, in their order; the committed ones give estimates."""

from functools import reduce
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from entropyreg.comparing.scores import scored as scored_of
from entropyreg.comparing.sentence_intervals import scored
from entropyreg.io.columns import Column
from entropyreg.measuring.blocks import FILE, N_BLOCKS, block_sizes, block_starts, block_sums, of_split, read_blocks
from entropyreg.measuring.record_files import read_record, record_folders

COMMITTED = Path(__file__).parents[3] / "results" / "reference" / "demo" / "runs"


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


def test_estimates_of_the_committed_records_follow_from_their_sums():
    """But for rounding: a float32, as tables of several columns are kept, holds 6e-8 of its value, and an ECE is a
    difference of two such sums, of at least a hundredth of them here.
    """
    folders = record_folders(COMMITTED)
    assert len(folders) == 47
    for folder in folders:
        assert (folder / FILE).stat().st_size < 150_000
        record, arrays = read_record(folder), read_blocks(COMMITTED, str(folder.relative_to(COMMITTED)))
        found = list((of_images if "seeds" in record else of_sentences)(record, arrays))
        assert len(found) >= 4
        np.testing.assert_allclose(*zip(*found, strict=True), rtol=1e-5, err_msg=str(folder))


def of_sentences(record, arrays):
    """Pairs: each measure that has an interval, from the sums and as recorded."""
    for split, own in record["measures"].items():
        for names, sums, score in scored(own, of_split(arrays, split)):
            yield score(sums.astype(float).sum(axis=0)), reduce(dict.__getitem__, names, own)


def of_images(record, arrays):
    for split in {name.partition(".")[0] for name in arrays}:
        for metric in ("accuracy", "nll"):
            totals = scored_of(arrays, split, metric).sums.sum(axis=1)  # (S, 2)
            known = [record["measures"][str(seed)]["scores"][split][metric] for seed in record["seeds"]]
            yield from zip(totals[:, 0] / totals[:, 1], known, strict=True)
