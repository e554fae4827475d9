"""Intervals of one run over its sentences: of every measure that sums over blocks score, as wide as they should be."""

from math import log, sqrt

import numpy as np
import pytest
from blocked import blocked
from made_records import save_record
from scipy.stats import norm

from entropyreg.comparing.collect import collect
from entropyreg.comparing.sentence_intervals import scored, sentence_intervals
from entropyreg.io.errors import UserError
from entropyreg.io.files import write_npz
from entropyreg.measures.bleu_statistics import bleu_of_sums
from entropyreg.measures.calibration import ece_of_sums
from entropyreg.measuring.blocks import FILE

N, VOCABULARY, SPLITS = 300, 500, ("valid", "test")


def corpus(seed, n=N):
    """Arrays of one split of n sentences of 5 to 15 tokens, each with an ease of its own."""
    generator = np.random.default_rng(seed)
    tokens = generator.integers(5, 16, n)
    ease = generator.normal(0, 0.3, n)
    arrays = {"n_tokens": tokens, "nll_sum": tokens * (2 - ease), "correct_sum": generator.binomial(tokens, 0.6)}
    arrays |= {"confidence_sum": tokens * (0.6 + ease / 10), "entropy_sum": tokens * (1.5 - ease)}
    counts = np.zeros((n, 10), np.int32)
    counts[:, 0] = counts[:, 1] = 10
    counts[:, 6:] = [10, 9, 8, 7]
    counts[:, 2:6] = generator.binomial(counts[:, 6:], 0.6)
    return arrays | {"rank_sum": tokens * generator.exponential(20, n), "bleu": counts}


def temperature_arrays(seed, n=200):
    generator = np.random.default_rng(seed)
    reliability = np.zeros((n, 2, 45))
    reliability[..., 9], reliability[..., 24] = 8, 8 * 0.63
    reliability[..., 39] = generator.binomial(8, (0.5, 0.6), (n, 2))
    bleu = np.stack([corpus(one, n)["bleu"] for one in (seed + 1, seed + 2)], axis=1)
    found = {"temperature_fitted_reliability": reliability, "temperature_fitted_bleu": bleu}
    return found | {"own_reliability": reliability[:, 0].copy()}


def of(arrays, split="test", measures=None, run="t/m/none/seed1"):
    named = {f"{split}.{name}": values for name, values in blocked(arrays).items()}
    return sentence_intervals(run, {split: {"vocabulary_size": VOCABULARY} | (measures or {})}, named)


def test_every_score_of_all_sentences_is_the_measure_itself():
    arrays = corpus(1) | temperature_arrays(1) | {"rouge1": np.linspace(0, 80, N)}
    measures = {"vocabulary_size": VOCABULARY, "temperatures": {"temperatures": [1.0]}}
    found = {
        path: float(score(sums.sum(axis=0, dtype=float))) for path, sums, score in scored(measures, blocked(arrays))
    }
    tokens, own = arrays["n_tokens"].sum(), arrays["own_reliability"].sum(axis=0)
    fitted = arrays["temperature_fitted_reliability"].sum(axis=0)
    expected = {
        ("nll",): arrays["nll_sum"].sum() / tokens,
        ("accuracy",): arrays["correct_sum"].sum() / tokens,
        ("confidence",): arrays["confidence_sum"].sum() / tokens,
        ("entropy_normalized",): arrays["entropy_sum"].sum() / tokens / log(VOCABULARY),
        ("reference_rank",): (arrays["rank_sum"] / arrays["n_tokens"]).mean(),
        ("bleu",): bleu_of_sums(arrays["bleu"].sum(axis=0)),
        ("rouge1",): 40.0,
        ("temperatures", "fits", "ece_all", "ece"): ece_of_sums(fitted[0]),
        ("temperatures", "fits", "nll_all", "ece"): ece_of_sums(fitted[1]),
        ("temperatures", "fits", "ece_all", "bleu"): bleu_of_sums(arrays["temperature_fitted_bleu"][:, 0].sum(axis=0)),
        ("temperatures", "fits", "nll_all", "bleu"): bleu_of_sums(arrays["temperature_fitted_bleu"][:, 1].sum(axis=0)),
        ("temperatures", "own", "ece"): ece_of_sums(own),
        ("temperatures", "own", "accuracy"): own[39] / own[9],
        ("temperatures", "own", "confidence"): 0.63,
    }
    assert found == pytest.approx({path: float(one) for path, one in expected.items()})


def test_the_interval_of_a_mean_over_tokens_is_that_of_sentences_as_clusters():
    arrays = corpus(2)
    low, high = of(arrays)["test"]["nll"]
    tokens, total = arrays["n_tokens"], arrays["nll_sum"]
    mean = total.sum() / tokens.sum()
    error = sqrt(N / (N - 1) * ((total - mean * tokens) ** 2).sum()) / tokens.sum()
    half = norm.isf(0.025) * error  # of sentences; 40 blocks of them give it within a standard deviation of 11 %
    assert [low, high] == pytest.approx([mean - half, mean + half], abs=0.3 * half)


def test_95_of_100_corpora_have_the_truth_in_their_interval():
    """The truth is NLL 2 a token; BLEU's is that of a corpus of 200,000 sentences."""
    truth = bleu_of_sums(corpus(10**6, 200_000)["bleu"].sum(axis=0))
    inside = np.zeros(2)
    for seed in range(200):
        found = of(corpus(seed), run=str(seed))["test"]
        inside += [found["nll"][0] <= 2 <= found["nll"][1], found["bleu"][0] <= truth <= found["bleu"][1]]
    assert (inside >= 182).all() and (inside < 200).all()  # 95 % of 200 is 190 with a standard deviation of 3


def test_an_interval_depends_on_its_run_alone():
    arrays = corpus(3)
    assert of(arrays) == of(dict(reversed(arrays.items())))
    assert of(arrays) != of(arrays, run="t/m/none/seed2")
    both = {f"{split}.{name}": values for split in SPLITS for name, values in blocked(arrays).items()}
    found = sentence_intervals("t/m/none/seed1", {split: {"vocabulary_size": VOCABULARY} for split in SPLITS}, both)
    assert found["test"] == of(arrays)["test"]


def test_a_model_that_writes_nothing_has_no_interval_of_its_own_output():
    arrays = corpus(4) | temperature_arrays(4)
    arrays["own_reliability"][:] = 0
    found = of(arrays, "valid", {"temperatures": {"temperatures": [1.0]}})["valid"]["temperatures"]
    assert set(found) == {"fits"}


def collected(tmp_path, arrays, **more):
    run = "t/m/none/seed1"
    measures = {"test": {"vocabulary_size": VOCABULARY, "log_floor": None}}
    measures["valid"] = measures["test"]
    regularizer = {"skew": None, "strength": 0.0, "smoothing": None}
    record = {"run": run, "claims_sha256": "c", "measures": measures, "regularizer": regularizer}
    save_record(tmp_path / run, record)
    write_npz(tmp_path / run / FILE, arrays)
    cell = {"row": "none", "column": "t", "run": run, "model": "m", "strength": 0.0, "seed": 1}
    settings = {"artefact": "a_table_translation", "title": "T", "scale": "demo", "scale_note": ""}
    settings |= {"columns": [], "compare": None, "cells": [cell], **more}
    return collect(settings, tmp_path)["rows"][0]


def test_tables_collect_them_and_figures_do_not(tmp_path):
    both = {f"{split}.{name}": values for split in SPLITS for name, values in blocked(corpus(5)).items()}
    assert "intervals" not in collected(tmp_path / "figure", both, sentence_intervals=False)
    row = collected(tmp_path / "table", both, sentence_intervals=True)
    assert set(row["intervals"]) == {"valid", "test"} and len(row["intervals"]["test"]["bleu"]) == 2


def test_sums_that_lack_a_measure_are_named(tmp_path):
    with pytest.raises(UserError, match=r"seed1/measures\.csv"):
        collected(tmp_path, {"test.n_tokens": np.ones(3), "valid.n_tokens": np.ones(3)}, sentence_intervals=True)
