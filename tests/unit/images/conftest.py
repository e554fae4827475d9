"""A small prepared set and the settings of a training on it that takes a fraction of a second."""

import os
from pathlib import Path

import pytest
import torch

from entropyreg.images.data.preparation import prepare_images


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """scikit-learn's digits, prepared: 597 training images of 8x8."""
    folder = tmp_path_factory.mktemp("digits")
    split = {"validation": 200, "train": None, "test": 1000, "seed": 0}
    prepare_images({"dataset": "digits", "split": split}, folder)
    return folder


@pytest.fixture
def settings():
    """Five seeds of an MLP with dropout, shifts and all that MNIST's training has."""
    return {
        "run": "digits/mlp",
        "device": "cpu",
        "seeds": [1, 2, 3, 4, 5],
        "model": {"kind": "mlp", "hidden": [37, 29], "init_std": 0.3, "hidden_dropout": 0.1},
        "augmentation": {"pad": 1},
        "normalisation": "unit",
        "regularizer": {"kind": "label_smoothing", "smoothing": 0.1},
        "optimiser": {
            "lr": 1.0,
            "momentum": 0.9,
            "gradient_smoothing": True,
            "last_layer_factor": 0.1,
            "schedule": {"kind": "linear"},
        },
        "batch": 59,
        "epochs": 3,
        "checkpoint_seconds": 0,
    }


def real(dataset: str) -> Path:
    """The folder of a real data set, which is not shipped."""
    data_dir = os.environ.get("ENTROPYREG_TEST_DATA")
    if data_dir is None or not (Path(data_dir) / dataset).is_dir():
        pytest.skip(f"ENTROPYREG_TEST_DATA names no folder that holds {dataset}/")
    return Path(data_dir) / dataset


@pytest.fixture
def real_cifar10() -> Path:
    return real("cifar10")


@pytest.fixture
def real_mnist() -> Path:
    return real("mnist")
