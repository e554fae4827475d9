"""Damaged checkpoints and weights: a training goes on from what is whole, predicting refuses what is not."""

import json
import pickle
import random
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from damage import LONG, checked, damaged_bytes, damaged_json, run_stage, spoil

from entropyreg.images.data.preparation import prepare_images
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json, write_json
from entropyreg.io.run_folder import is_whole
from entropyreg.io.trained_weights import verify_weights
from entropyreg.translation.checkpoints import LAST, export_weights, repair_last

SETTINGS = {
    "run": "digits/mlp",
    "device": "cpu",
    "seeds": [1, 2],
    "model": {"kind": "mlp", "hidden": [5], "init_std": 0.3},
    "normalisation": "unit",
    "augmentation": {},
    "regularizer": {"kind": "none"},
    "optimiser": {"lr": 0.5, "schedule": {"kind": "linear"}},
    "batch": 59,
    "epochs": 2,
    "checkpoint_seconds": 0,
    "splits": ["valid"],
}


def training_settings():
    return json.dumps({key: value for key, value in SETTINGS.items() if key != "splits"})


class OneMade:
    """Unpickled by the standard unpickler, this makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    prepare_images({"dataset": "digits", "split": {"validation": 200, "train": 100, "test": 100, "seed": 0}}, folder)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory, digits):
    """A finished run of images, trained by its stage."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert train_images(digits, folder) is None
    return folder


def train_images(data, run_dir):
    arguments = ["--settings", training_settings(), "--data", data, "--run-dir", run_dir]
    return run_stage("train-images", *arguments)


@pytest.fixture
def run(trained, tmp_path):
    return Path(shutil.copytree(trained, tmp_path / "run"))


def predict(digits, run_dir):
    settings = {"run": SETTINGS["run"], "device": "cpu", "splits": ["valid"]}
    arguments = ["--settings", json.dumps(settings), "--data", digits]
    return run_stage("predict-images", *arguments, "--run-dir", run_dir)


def test_a_finished_run_is_predicted(digits, run):
    assert predict(digits, run) is None
    assert (run / "predictions.json").exists()


@pytest.mark.parametrize("number", range(30 * LONG))
def test_changed_weights_are_never_predicted_with(digits, run, number):
    """Every kind of damage to model.pt, a changed byte inside a tensor included, of which torch itself says nothing."""
    before = (run / "model.pt").read_bytes()
    spoil(run / "model.pt", damaged_bytes, random.Random(number))
    if (run / "model.pt").read_bytes() == before:
        return
    try:
        verify_weights(run, SETTINGS["run"])
    except UserError as error:
        checked(str(error), (str(run / "model.pt"),))
        if number % 8 == 0:
            checked(predict(digits, run), (str(run / "model.pt"),))
    else:  # what is around the parts of an archive may change
        first, second = (torch.load(path / "model.pt", weights_only=True)["seed1"] for path in (run, run))
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_changed_byte_of_a_tensor_is_noticed_though_torch_loads_it(run):
    content = bytearray((run / "model.pt").read_bytes())
    with zipfile.ZipFile(run / "model.pt") as archive:
        largest = max(archive.infolist(), key=lambda one: one.file_size)
    content[largest.header_offset + 400] ^= 1
    (run / "model.pt").write_bytes(content)
    torch.load(run / "model.pt", weights_only=True)
    with pytest.raises(UserError, match=r"model\.pt is missing or damaged"):
        verify_weights(run, SETTINGS["run"])


def test_whole_weights_of_another_run_are_refused(run):
    weights = torch.load(run / "model.pt", weights_only=True)
    torch.save({**weights, "seed1": weights["seed2"]}, run / "model.pt")
    with pytest.raises(UserError, match=r"does not hold the weights that training\.json describes"):
        verify_weights(run, SETTINGS["run"])


@pytest.mark.parametrize("value", [{}, [], {"seed1": 3}, {"seed1": {"a": "x"}}, "weights", {1: torch.ones(2)}], ids=str)
def test_whole_files_of_something_else_are_refused(run, value):
    torch.save(value, run / "model.pt")
    with pytest.raises(UserError, match=r"model\.pt (holds something else|does not hold)"):
        verify_weights(run, SETTINGS["run"])


@pytest.mark.parametrize(
    "save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))], ids=["torch.save", "pickle"]
)
def test_a_pickle_that_would_run_code_runs_none(run, tmp_path, save):
    save({"seed1": OneMade(tmp_path / "made")}, run / "model.pt")
    with pytest.raises(UserError, match=r"model\.pt"):
        verify_weights(run, SETTINGS["run"])
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("number", range(20 * LONG))
def test_a_damaged_outcome_of_training_is_told_by_predicting(digits, run, number):
    path = spoil(run / "training.json", damaged_json, random.Random(number))
    error = predict(digits, run)
    assert error is None or checked(error, (str(path), str(run), "data_dir"))


@pytest.mark.parametrize("number", range(12 * LONG))
def test_a_training_of_images_recovers_from_damaged_checkpoints(digits, run, number):
    """Whatever is left of last.pt and recipe.json, the same weights come out."""
    wanted, generator = read_json(run / "training.json"), random.Random(number)
    for name in ("model.pt", "training.json"):
        (run / name).unlink()
    checkpoints = run / "checkpoints"
    path = generator.choice(sorted(checkpoints.glob("*")))
    spoil(path, damaged_json if path.suffix == ".json" else damaged_bytes, generator)
    assert train_images(digits, run) is None
    assert read_json(run / "training.json") == wanted
    verify_weights(run, SETTINGS["run"])


def checkpoint(folder, name, updates):
    """What of fairseq's checkpoints is read."""
    weights = {"layer": torch.full((50,), float(updates)), "bias": torch.ones(3)}
    state = {"model": weights, "optimizer_history": [{"num_updates": updates}]}
    torch.save(state, folder / name)


@pytest.fixture
def checkpoints(tmp_path):
    for number in (8, 16, 24):
        checkpoint(tmp_path, f"checkpoint_1_{number}.pt", number)
    checkpoint(tmp_path, LAST, 24)
    return tmp_path


@pytest.mark.parametrize("number", range(30 * LONG))
def test_the_newest_whole_checkpoint_is_resumed_from(checkpoints, number):
    """Two or three of the four files are damaged: the last copy, and interval checkpoints."""
    generator = random.Random(number)
    for path in generator.sample(sorted(checkpoints.glob("*.pt")), 3):
        if generator.random() < 0.9:
            spoil(path, damaged_bytes, generator)
    reached = {"_1_8.pt": 8, "_1_16.pt": 16, "_1_24.pt": 24, "_last.pt": 24}
    whole = {name: n for name, n in reached.items() if is_whole(checkpoints / f"checkpoint{name}")}
    wanted = 24 if "_last.pt" in whole else max(whole.values(), default=0)
    assert repair_last(checkpoints) == wanted
    assert (checkpoints / LAST).exists() == (wanted > 0)
    if wanted:
        exported = export_weights(checkpoints / LAST, checkpoints / "model.pt")
        assert exported["updates"] == wanted
        write_json(checkpoints / "training.json", {"run": SETTINGS["run"], **exported})
        verify_weights(checkpoints, SETTINGS["run"])
        assert torch.load(checkpoints / "model.pt", weights_only=True)["layer"][0] == wanted


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18)], ids=["empty", "an empty archive"])
def test_with_nothing_whole_a_training_starts_anew(checkpoints, content):
    for path in checkpoints.glob("*.pt"):
        path.write_bytes(content if path.name == LAST else b"")
    if content:
        (checkpoints / LAST).write_bytes(b"")
    assert repair_last(checkpoints) == 0 and not (checkpoints / LAST).exists()


def test_a_checkpoint_that_would_run_code_runs_none(checkpoints):
    torch.save({"optimizer_history": OneMade(checkpoints / "made")}, checkpoints / LAST)
    with pytest.raises(UserError, match=r"checkpoint_last\.pt is no checkpoint of fairseq's"):
        repair_last(checkpoints)
    assert not (checkpoints / "made").exists()


@pytest.mark.parametrize("value", [{}, [], {"weights": {}}, {"weights": {"x": torch.ones(2)}}, 3], ids=str)
def test_a_whole_file_that_is_no_checkpoint_of_the_training_is_told(digits, run, value):
    (run / "model.pt").unlink()
    torch.save(value, run / "checkpoints" / "last.pt")
    error = train_images(digits, run)
    checked(error, ("checkpoints/last.pt is no checkpoint of this training",))


def test_fairseq_cannot_be_made_to_load_more_than_tensors(checkpoints, monkeypatch):
    """By default torch refuses objects in what fairseq loads; the variable that allows them is ignored."""
    from fairseq.checkpoint_utils import load_checkpoint_to_cpu

    path = checkpoints / "bart.pt"
    torch.save({"model": OneMade(checkpoints / "made")}, path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    refused = []

    def load(*arguments):
        with pytest.raises(pickle.UnpicklingError):
            load_checkpoint_to_cpu(str(path))
        refused.append(path)

    monkeypatch.setattr("entropyreg.translation.training.train", load)
    paths = ["--binary", checkpoints, "--run-dir", checkpoints / "run", "--log", checkpoints / "log"]
    assert run_stage("train", "--settings", "{}", *paths) is None
    assert refused and not (checkpoints / "made").exists()
