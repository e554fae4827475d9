"""Two CPU processes train what one does: the same weights and validation losses, but for rounding."""

import copy
import json
import os
import subprocess
import sys

import pytest
import torch

from entropyreg.config.loading import load_config
from entropyreg.config.settings import preparation_settings, training_settings
from entropyreg.data.preparation import prepare_corpus
from entropyreg.data.subwords import segment_corpus
from entropyreg.experiments import Regularizer, Run
from entropyreg.images.data.preparation import prepare_images
from entropyreg.images.training import train_image_run
from entropyreg.translation.binarization import binarize

pytestmark = pytest.mark.slow
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
LAUNCHED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
DIGITS = {
    "run": "digits/alexnet",
    "device": "cpu",
    "seeds": [1, 2],
    "model": {"kind": "alexnet", "channels": 4, "dense": [12, 10]},
    "augmentation": {"pad": 1},
    "normalisation": "per_image",
    "regularizer": {"kind": "skew_jensen", "skew": 0.5, "strength": 0.5},
    "optimiser": {
        "lr": 0.05,
        "momentum": 0.9,
        "nesterov": True,
        "loss_factor": 3,
        "clip": 1.0,
        "average": 0.99,
        "weight_decay": {"coefficient": 0.004, "layers": ["dense1", "dense2"]},
        "schedule": {"kind": "step", "drop_at": [0.5, 0.75]},
    },
    "batch": 59,  # odd: shares of 30 and 29 images
    "epochs": 2,
    "checkpoint_seconds": 0,
}


def entropyreg(processes, *arguments):
    """The command line in one process, or in two by torchrun over gloo."""
    command = [sys.executable, *(TORCHRUN if processes == 2 else []), "-m", "entropyreg"]
    command += ["--", *map(str, arguments)] if processes == 2 else map(str, arguments)  # torchrun would read our --log
    environment = {name: value for name, value in os.environ.items() if name not in LAUNCHED}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900)


def trained(folder):
    return torch.load(folder / "model.pt", weights_only=True), json.loads((folder / "training.json").read_text())


def largest_difference(one, other):
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


@pytest.fixture(scope="module")
def config(workflow_dir):
    return load_config(workflow_dir, {"scale": "smoke"})


@pytest.fixture(scope="module")
def binary(config, tmp_path_factory):
    """The smoke scale's German-English corpus, as fairseq reads it."""
    folder = tmp_path_factory.mktemp("text")
    settings = preparation_settings(config, "smoke_de_en")
    prepare_corpus(settings, folder / "text")
    segment_corpus(settings, folder / "text")
    binarize(settings, folder / "text" / "subwords", folder / "binary")
    return folder / "binary"


@pytest.fixture(scope="module")
def settings(config):
    """A run of 12 updates of two batches each, without dropout, whose draws no two processes share."""
    settings = training_settings(config, Run("smoke_de_en", "transformer", Regularizer(0.5, 1.0), seed=1))
    settings = copy.deepcopy(settings)
    settings["model"] |= {"dropout": 0, "update_freq": 2, "max_tokens": 250, "max_update": 12}
    settings["model"] |= {"validate_every_updates": 6}
    return settings


def train(settings, binary, folder, processes):
    arguments = ["--settings", json.dumps(settings), "--binary", binary, "--run-dir", folder, "--threads", "1"]
    return entropyreg(processes, "train", *arguments, "--log", folder / "log")


def test_two_processes_of_fairseq_are_one_with_twice_the_batches_an_update(settings, binary, tmp_path):
    outcomes = []
    for processes in (1, 2):
        done = train(settings, binary, tmp_path / str(processes), processes)
        assert done.returncode == 0, done.stderr[-3000:]
        outcomes.append(trained(tmp_path / str(processes)))
    (one, of_one), (two, of_two) = outcomes
    assert largest_difference(one, two) < 1e-4
    assert [entry["updates"] for entry in of_two["validations"]] == [6, 12]
    for alone, shared in zip(of_one["validations"], of_two["validations"], strict=True):
        assert shared == pytest.approx(alone, abs=1e-4)
    assert of_two["validations"][-1]["nll_bits"] < of_two["validations"][0]["nll_bits"]  # it learns

    # a run that is over is not trained further, by two processes as little as by one
    (tmp_path / "2" / "model.pt").unlink()
    done = train(settings, binary, tmp_path / "2", 2)
    assert done.returncode == 0, done.stderr[-3000:]
    again, _ = trained(tmp_path / "2")
    assert largest_difference(two, again) == 0


def test_two_processes_of_the_image_loop_are_one(tmp_path):
    split = {"validation": 200, "train": None, "test": 1000, "seed": 0}
    prepare_images({"dataset": "digits", "split": split}, tmp_path / "data")
    outcomes = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        if processes == 1:
            train_image_run(DIGITS, tmp_path / "data", folder, 1)
        else:
            arguments = ["--settings", json.dumps(DIGITS), "--data", tmp_path / "data", "--run-dir", folder]
            done = entropyreg(processes, "train-images", *arguments, "--threads", "1")
            assert done.returncode == 0, done.stderr[-3000:]
        assert json.loads((folder / "training.provenance.json").read_text())["processes"] == processes
        outcomes.append(trained(folder))
    (one, of_one), (two, of_two) = outcomes
    for seed in ("seed1", "seed2"):
        assert largest_difference(one[seed], two[seed]) < 1e-4
    assert largest_difference(one["seed1"], one["seed2"]) > 1e-2
    for alone, shared in zip(of_one["validations"], of_two["validations"], strict=True):
        for key in ("train_loss", "valid_nll"):
            assert shared[key] == pytest.approx(alone[key], abs=1e-4)
