"""Sums in blocks have the last bit of numpy's over whole arrays; blocks of tokens end where sentences end."""

from itertools import pairwise

import numpy as np
import pytest
from whole_measures import mean_reference_rank, shares_below

from entropyreg.io.columns import Column
from entropyreg.io.errors import UserError
from entropyreg.measures import in_blocks
from entropyreg.measuring.records import named_shares, sentence_sums

SIZES = (1, 7, 8191, 8193, 70_001, 300_011)


def column_of(array):
    column = Column(array.dtype, array.shape[1:])
    column.append(array)
    return column


@pytest.fixture(params=SIZES)
def values(request):
    return np.random.default_rng(request.param).gamma(0.3, 5, request.param)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.bool_])
def test_a_mean_is_numpys_to_the_last_bit(values, dtype):
    values = values.astype(dtype)
    assert in_blocks.mean(column_of(values)) == np.mean(values, dtype=np.float64)


def test_a_mean_of_a_function_is_numpys_to_the_last_bit(values):
    nll = values.astype(np.float32)
    found = in_blocks.mean_of(lambda rows: -np.expm1(-rows.astype(np.float64)), column_of(nll))
    assert found == np.mean(-np.expm1(-nll.astype(np.float64)))


def test_a_standard_deviation_is_numpys_to_the_last_bit(values):
    values = values.astype(np.float32)
    assert in_blocks.standard_deviation(column_of(values)) == np.std(values.astype(np.float64))


def test_means_of_columns_are_numpys_to_the_last_bit(values):
    rows = np.stack([values, values**2, 1 - values], axis=1).astype(np.float32)
    assert (in_blocks.mean_rows(column_of(rows)) == np.mean(rows, axis=0, dtype=np.float64)).all()


def test_a_histogram_is_numpys(values):
    shares = (values % 1).astype(np.float32)
    assert (in_blocks.histogram(column_of(shares), 20, (0, 1)) == np.histogram(shares, 20, (0, 1))[0]).all()


def test_a_mean_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one row"):
        in_blocks.mean(Column(np.float32))


def tokens_of(lengths):
    generator = np.random.default_rng(len(lengths))
    n = int(np.sum(lengths))
    tokens = {name: generator.random(n, np.float32) for name in ("nll", "entropy", "confidence")}
    tokens |= {"correct": generator.random(n) > 0.4, "rank": generator.integers(0, 500, n, np.int32)}
    tokens |= {"share": generator.random((n, 3), np.float32)}
    return tokens | {"sentence": np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)}


@pytest.mark.parametrize("rows", [1, 5, 64, 10_000])
def test_blocks_end_with_sentences_and_hold_every_token_once(rows):
    tokens = tokens_of([3, 1, 40, 1, 1, 7])
    found = list(in_blocks.whole_sentences({name: column_of(one) for name, one in tokens.items()}, "here", rows))
    for name, values in tokens.items():
        assert (np.concatenate([block[name] for block in found]) == values).all()
    for before, after in pairwise(found):
        assert before["sentence"][-1] < after["sentence"][0]


def test_sentences_out_of_order_are_damage():
    tokens = tokens_of([2, 2])
    tokens["sentence"] = tokens["sentence"][::-1].copy()
    with pytest.raises(UserError, match=r"tokens\.npz is damaged"):
        list(in_blocks.whole_sentences({name: column_of(one) for name, one in tokens.items()}, "tokens.npz"))


def test_measures_by_sentence_are_those_of_whole_arrays_to_the_last_bit(monkeypatch):
    monkeypatch.setattr(in_blocks.whole_sentences, "__defaults__", (1000,))
    tokens = tokens_of(np.random.default_rng(5).integers(1, 30, 3000))
    columns = {name: column_of(one) for name, one in tokens.items()}
    shares = in_blocks.mean_rows(columns["share"])
    sums, errors = sentence_sums(columns, shares, "here")
    names = ["one", "two", "three"]
    assert named_shares(names, shares, errors) == shares_below(tokens["share"], tokens["sentence"], names)
    rank = in_blocks.mean_of(np.divide, sums["rank_sum"], sums["n_tokens"])
    assert rank == mean_reference_rank(tokens["rank"], tokens["sentence"])
    for name in ("nll", "entropy", "confidence", "correct", "rank"):
        expected = np.bincount(tokens["sentence"], weights=tokens[name].astype(np.float64))
        assert (np.asarray(sums[f"{name}_sum"]) == expected).all()
    assert (np.asarray(sums["n_tokens"]) == np.bincount(tokens["sentence"])).all()
