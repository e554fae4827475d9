"""Jobs that run side by side take different GPUs: several processes, names that are not numbers, images as well."""

import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from entropyreg.images import prediction as image_prediction
from entropyreg.images import training as image_training
from entropyreg.io.devices import one_device

HOLD = """
import os, sys
from pathlib import Path
from entropyreg.io.devices import one_device
with one_device("cuda", Path(sys.argv[1])):
    print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
    sys.stdin.read()
"""


def test_processes_take_different_gpus_and_one_too_many_shares_the_first(tmp_path):
    names = ["3", "GPU-8932f937", "MIG-GPU-8932f937/1/0"]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ", ".join(names)}
    with ExitStack() as stack:
        taken = []
        for _ in range(4):
            process = subprocess.Popen(
                [sys.executable, "-c", HOLD, str(tmp_path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            stack.callback(process.communicate, timeout=30)  # closes its stdin, which ends it
            taken.append(process.stdout.readline().strip())
    assert taken == [*names, names[0]]


def test_a_job_on_slurm_keeps_the_gpu_that_it_was_given(tmp_path, monkeypatch):
    """Where Slurm hides the other GPUs, that of every job is number 0: a lock of another job must not matter."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with one_device("cuda", tmp_path), one_device("cuda", tmp_path):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"


class Seen(Exception):
    """Ends a job where it would touch the GPU."""


@pytest.fixture
def seen(monkeypatch, tmp_path):
    """The GPU that each job asked for, in order; the second of two is free."""
    names = []

    def note(device):
        names.append((device, os.environ["CUDA_VISIBLE_DEVICES"]))
        raise Seen

    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "6,7")
    for module in (image_training, image_prediction):
        monkeypatch.setattr(module, "check_device", note)
    with one_device("cuda", tmp_path):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "6,7")
        yield names


def test_image_jobs_take_a_free_gpu(seen, tmp_path, monkeypatch):
    monkeypatch.setattr(image_training, "check_settings", lambda settings: None)
    settings = {"run": "r", "device": "cuda"}
    with pytest.raises(Seen):
        image_training.train_image_run(settings, tmp_path, tmp_path / "run", 1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "6,7")
    with pytest.raises(Seen):
        image_prediction.predict_images(settings, tmp_path, tmp_path / "run", ["valid"], 1)
    assert seen == [("cuda", "7"), ("cuda", "7")]
