"""Damaged inputs of training and predicting text: proposals, outcomes of training, lists of binary files."""

import json
import math
import random
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from damage import LONG, STRANGE, checked, damaged_json, run_stage, spoil, strange_json, told

from entropyreg.experiments.resolution import read_proposal, read_resolved
from entropyreg.io.files import sha256_of, write_json
from entropyreg.translation.binarization import verify_binary
from entropyreg.translation.checkpoints import export_weights

REGULARIZER = {"generator": "entropy", "skew": 0.5, "strength": 1.0, "baseline": "uniform"}
REGULARIZER |= {"unigram_temperature": None, "entropy": None, "proposal": None}
SETTINGS = {"run": "a/b/c/seed1", "device": "cpu", "languages": {"source": "de", "target": "en"}}
SETTINGS |= {"model": {"selection": "last"}, "regularizer": {**REGULARIZER, "proposal": "ger/trial4"}}
WRONG_NUMBERS = [one for one in STRANGE if one not in (0, 0.5, 10**30)] + [True, -0.5, 10**400, -math.inf]


@pytest.fixture
def binary(tmp_path):
    """What `verify_binary` looks at."""
    folder = tmp_path / "binary"
    folder.mkdir()
    for name in ("dict.en.txt", "train.de-en.en.bin"):
        (folder / name).write_text(f"{name} 1\n")
    write_json(folder / "binary.json", {path.name: sha256_of(path) for path in folder.iterdir()})
    return folder


@pytest.fixture
def run(tmp_path):
    """Whole weights, with the outcome of their training."""
    folder = tmp_path / "run"
    folder.mkdir()
    state = {"model": {"layer": torch.ones(3)}, "optimizer_history": [{"num_updates": 7}]}
    torch.save(state, folder / "checkpoint.pt")
    exported = export_weights(folder / "checkpoint.pt", folder / "model.pt")
    write_json(folder / "training.json", {"run": SETTINGS["run"], **exported, "regularizer": REGULARIZER})
    return folder


def predicting(stage, binary, run):
    split = ["--split", "test"] if stage == "predict" else []
    return run_stage(stage, "--settings", json.dumps(SETTINGS), "--binary", binary, "--run-dir", run, *split)


def change(path, **values):
    path.write_text(strange_json({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize("stage", ["predict", "predict-beams", "predict-temperatures"])
@pytest.mark.parametrize("regularizer", [3, None, [], {}, "none", {**REGULARIZER, "strength": None}], ids=str)
def test_an_outcome_without_its_regularizer_is_named_by_predicting(binary, run, stage, regularizer):
    change(run / "training.json", regularizer=regularizer)
    error = checked(predicting(stage, binary, run), (f"{run}/training.json",))
    assert error.startswith(f"entropyreg {stage}: ") and "run again" in error


@pytest.mark.parametrize("stage", ["predict", "predict-beams", "predict-temperatures"])
def test_what_predicting_cannot_use_is_blamed_on_the_outcome_not_on_the_whole_run(binary, run, stage):
    """These settings lack a model's keys: an error that nothing foresaw."""
    error = predicting(stage, binary, run)
    assert f"{run}/training.json does not hold what is read from it (KeyError" in error


def test_a_whole_outcome_is_read(run):
    assert read_resolved(run / "training.json") == REGULARIZER


@pytest.mark.parametrize("key", ["generator", "skew", "strength", "baseline", "unigram_temperature"])
@pytest.mark.parametrize("value", WRONG_NUMBERS, ids=lambda one: repr(one)[:12])
def test_a_wrong_value_of_the_regularizer_is_told(run, key, value):
    change(run / "training.json", regularizer={**REGULARIZER, key: value})
    if value is None and key in ("skew", "unigram_temperature"):
        assert read_resolved(run / "training.json")[key] is None
    else:
        assert told(lambda: read_resolved(run / "training.json"), f"{run}/training.json")


@pytest.mark.parametrize("number", range(60 * LONG))
def test_a_damaged_outcome_is_told_or_holds_a_regularizer(run, number):
    path = spoil(run / "training.json", damaged_json, random.Random(number))
    error = told(lambda: read_resolved(path), str(path))
    if error is None:
        found = read_resolved(path)
        assert math.isfinite(found["strength"]) and found["baseline"] in ("uniform", "unigram")


def training(binary, run, *arguments):
    arguments = ["--settings", json.dumps(SETTINGS), "--binary", binary, "--run-dir", run, *arguments]
    return run_stage("train", *arguments, "--log", run / "log")


@pytest.mark.parametrize("key", ["skew", "strength"])
@pytest.mark.parametrize("value", WRONG_NUMBERS, ids=lambda one: repr(one)[:12])
def test_a_proposal_that_is_no_number_of_its_range_is_told(tmp_path, key, value):
    path = tmp_path / "trial4.json"
    path.write_text(strange_json({"skew": 0.3, "strength": 0.9, key: value}))
    assert told(lambda: read_proposal(path, "ger/trial4"), f"{path} is missing or damaged")


@pytest.mark.parametrize(
    "content", ["null", "[]", "3", '{"skew": 0.5, "strength": NaN}', "[" * 100_000], ids=lambda one: one[:9]
)
def test_a_damaged_proposal_is_named_by_training(binary, run, content):
    path = run / "trial4.json"
    path.write_text(content)
    checked(training(binary, run, "--proposal", path), (f"{path} is missing or damaged",))


@pytest.mark.parametrize("number", range(60 * LONG))
def test_a_damaged_proposal_is_told_or_gives_numbers(tmp_path, number):
    path = tmp_path / "trial4.json"
    write_json(path, {"skew": 0.3, "strength": 0.9, "method": "m", "observations": []})
    spoil(path, damaged_json, random.Random(number))
    if told(lambda: read_proposal(path, "ger/trial4"), str(path)) is None:
        found = read_proposal(path, "ger/trial4")
        assert 0 <= found["skew"] <= 1 and 0 <= found["strength"] < math.inf


LISTS = [[], {}, 3, None, "x", {"\x00": "x"}, {"": "x"}, {"dict.en.txt": 3}, {"dict.en.txt": {"x": 1}}, {"/": None}]


@pytest.mark.parametrize("listed", LISTS, ids=str)
def test_a_wrong_list_of_binary_files_is_told_by_training_and_predicting(binary, run, listed):
    (binary / "binary.json").write_text(json.dumps(listed))
    wrong = [training(binary, run), predicting("predict", binary, run)]
    for error in wrong:
        checked(error, (str(binary), "/ is missing or damaged"))


@pytest.mark.parametrize("number", range(40 * LONG))
def test_a_damaged_list_of_binary_files_is_told(binary, number):
    whole = json.loads((binary / "binary.json").read_text())
    spoil(binary / "binary.json", damaged_json, random.Random(number))
    if told(lambda: verify_binary(binary), str(binary)) is None:
        kept = json.loads((binary / "binary.json").read_text())
        assert kept and kept.items() <= whole.items()


def test_damaged_temperatures_of_validation_are_named_by_those_of_test(tmp_path, monkeypatch):
    """The fitted temperatures of test come from what was written of validation."""
    from entropyreg.translation import temperatures

    monkeypatch.setattr(
        temperatures, "prepare", lambda *arguments: (SimpleNamespace(target_dictionary=None), None, None)
    )
    monkeypatch.setattr(temperatures, "first_sentences", lambda *arguments: 1)
    monkeypatch.setattr(temperatures, "iterate_batches", lambda *arguments: [])
    monkeypatch.setattr(temperatures, "temperature_statistics", lambda *arguments: {})
    path = tmp_path / "predictions/valid.temperatures.npz"
    path.parent.mkdir()
    np.savez(
        path, nll=np.ones((2, 3)), confidence=np.ones((2, 3)) / 2, correct=np.ones(3)
    )  # three temperatures are due
    settings = {"device": "cpu", "decoding": {"max_tokens": 10}, "temperatures": [1.0], "calibration_tokens": 5}
    settings |= {"grid": {"low": 0.5, "high": 2.0, "points": 2}}
    call = partial(temperatures.predict_temperatures, settings, tmp_path, tmp_path, 1, "test")
    assert told(call, f"{path} does not hold what is read from it")
