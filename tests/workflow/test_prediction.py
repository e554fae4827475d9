"""Predictions of the smoke runs: every token's statistics belong to that token, under each of the three prefixes."""

import json
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest

from entropyreg.config.loading import load_config
from entropyreg.config.settings import prediction_settings
from entropyreg.experiments import load_experiments
from entropyreg.io.files import read_npz

pytestmark = pytest.mark.slow
RUN = "smoke_de_en/transformer/jensen-skew0.50-strength1.00/seed1"
DATA = "results/smoke/data/smoke_de_en/binary"


@pytest.fixture(scope="module")
def run_dir(smoke):
    return smoke / "results" / "smoke" / "runs" / RUN


def lines(path):
    return [line.split("\t") for line in path.read_text().splitlines()]


def test_own_statistics_are_those_of_the_hypotheses(run_dir):
    """The score of a hypothesis is its mean log-probability, which scoring it again must give."""
    own = read_npz(run_dir / "predictions" / "valid.own.npz")
    found = lines(run_dir / "predictions" / "valid.hypotheses.tsv")
    for number, score, tokens in found:
        mine = own["sentence"] == int(number)
        assert mine.sum() == len(tokens.split()) + 1  # and the end of sentence
        assert -own["nll"][mine].mean() == pytest.approx(float(score), abs=2e-5)


def test_gold_statistics_are_those_of_the_references(run_dir, smoke):
    tokens = read_npz(run_dir / "predictions" / "valid.tokens.npz")
    references = (smoke / "results/smoke/data/smoke_de_en/text/subwords/valid.en").read_text().splitlines()
    counts = np.bincount(tokens["sentence"])
    assert counts.tolist() == [len(line.split()) + 1 for line in references]
    assert (tokens["target"][np.cumsum(counts) - 1] == 2).all()  # fairseq's end of sentence


def test_thresholds_below_the_floor_follow_the_equilibrium(run_dir):
    tokens = read_npz(run_dir / "predictions" / "valid.tokens.npz")
    assert tokens["floor_factors"].tolist() == [1, 0.1, 0.01]
    steps = np.diff(tokens["log_thresholds"][-3:])
    assert steps == pytest.approx([math.log(0.1)] * 2)
    assert (np.diff(tokens["share"][:, -3:], axis=1) <= 0).all()


def test_with_a_beam_of_one_the_search_looks_at_its_own_prefix_only(smoke, run_dir, workflow_dir, tmp_path):
    config = load_config(workflow_dir, {"scale": "smoke", "decoding": {"beam_validation": 1}})
    run = load_experiments(workflow_dir, config).runs[RUN]
    shutil.copy(run_dir / "model.pt", tmp_path)
    shutil.copy(run_dir / "training.json", tmp_path)
    arguments = ["--settings", json.dumps(prediction_settings(config, run, "valid")), "--binary", str(smoke / DATA)]
    command = [
        sys.executable,
        "-m",
        "entropyreg",
        "predict",
        *arguments,
        "--run-dir",
        str(tmp_path),
        "--split",
        "valid",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    own = read_npz(tmp_path / "predictions" / "valid.own.npz")
    assert own["beam_entropy"] == pytest.approx(own["entropy"].mean(dtype=np.float64), abs=1e-5)
    gold, before = (read_npz(folder / "predictions" / "valid.tokens.npz") for folder in (tmp_path, run_dir))
    assert all((gold[name] == before[name]).all() for name in before)  # the beam changes nothing of the gold prefix


@pytest.mark.parametrize("arm", ["none", "jensen-skew1.00-strength0.1111"])
def test_at_temperature_one_validation_is_decoded_as_ever(smoke, arm):
    folder = smoke / f"results/smoke/runs/smoke_en_de/transformer/{arm}/seed1/predictions"
    decoded, plain = lines(folder / "valid.temperatures.tsv"), lines(folder / "valid.hypotheses.tsv")
    assert [row[1:] for row in decoded if row[0] == "1"] == plain
    columns, tokens = read_npz(folder / "valid.temperatures.npz"), read_npz(folder / "valid.tokens.npz")
    one = list(columns["temperatures"]).index(1)
    for name in ("nll", "confidence"):
        assert columns[name][one] == pytest.approx(tokens[name], abs=1e-6)
    for name in ("target", "sentence", "correct"):
        assert (columns[name] == tokens[name]).all()


def test_beam_sizes_decode_the_first_sentences_and_agree_with_plain_decoding(smoke):
    """The words are the same; the scores but for rounding, since the batches have other shapes."""
    folder = smoke / "results/smoke/runs/smoke_de_en/transformer/none/seed1/predictions"
    beams, plain = lines(folder / "valid.beams.tsv"), lines(folder / "valid.hypotheses.tsv")
    assert [row[:2] for row in beams] == [[beam, str(number)] for beam in ("1", "5") for number in range(10)]
    five = [row[1:] for row in beams if row[0] == "5"]
    assert [(row[0], row[2]) for row in five] == [(row[0], row[2]) for row in plain[:10]]
    assert [float(row[1]) for row in five] == pytest.approx([float(row[1]) for row in plain[:10]], abs=2e-5)
