"""A small prepared set and the settings of a training on it that takes a fraction of a second."""

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
