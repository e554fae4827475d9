"""Memory that runs out and losses that are not finite, for real: run, last good update, word of the failure, status."""

import errno
import json
import logging
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from damage import checked, run_stage

from entropyreg.config.paths import Paths
from entropyreg.exploring.status import look_at
from entropyreg.images import training
from entropyreg.images.data.preparation import prepare_images
from entropyreg.io.errors import out_of_memory, sentence_of
from entropyreg.io.files import write_json
from entropyreg.io.run_folder import failures
from entropyreg.translation.progress import ProgressHandler

SETTINGS = {
    **{"run": "digits/mlp/none", "device": "cpu", "seeds": [1], "batch": 50, "epochs": 3, "normalisation": "unit"},
    **{"model": {"kind": "mlp", "hidden": [30], "init_std": 0.3}, "augmentation": {}, "regularizer": {"kind": "none"}},
    **{"optimiser": {"lr": 0.1, "schedule": {"kind": "linear"}}},
}
TOO_MUCH = 1 << 50  # bytes


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "digits"
    prepare_images({"dataset": "digits", "split": {"validation": 100, "train": 300, "test": 100, "seed": 0}}, folder)
    return folder


def arguments(digits, run_dir, **settings):
    return ["train-images", "--settings", json.dumps(SETTINGS | settings), "--data", digits, "--run-dir", run_dir]


def raised_by(call):
    with pytest.raises((MemoryError, RuntimeError, OSError)) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        *(
            MemoryError(),
            OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
            torch.OutOfMemoryError("CUDA out of memory."),
        ),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
    ],
    ids=repr,
)
def test_every_kind_of_error_of_memory_is_one_sentence(error):
    assert out_of_memory(error)
    told = checked(sentence_of(error, written="results/run"), ("results/run",))
    assert "memory ran out" in told


def test_numpy_and_torch_raise_what_is_taken_for_it():
    assert out_of_memory(raised_by(lambda: np.empty(TOO_MUCH, np.uint8)))
    assert out_of_memory(raised_by(lambda: torch.empty(TOO_MUCH, dtype=torch.uint8)))


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), OSError(errno.ENOSPC, "x"), ValueError("memory")])
def test_other_errors_are_not_taken_for_it(error):
    assert not out_of_memory(error)


def test_memory_that_runs_out_while_training_images_is_told_and_the_training_goes_on_later(
    digits, tmp_path, monkeypatch
):
    """torch is asked for far too much in the eighth update; epochs have six."""
    run_dir, whole = tmp_path / "runs" / SETTINGS["run"], tmp_path / "whole"
    own = training.Training.train_on

    def hungry(self, network, batch, update):
        if update == 7:
            torch.empty(TOO_MUCH, dtype=torch.uint8)
        return own(self, network, batch, update)

    with monkeypatch.context() as patched:
        patched.setattr(training.Training, "train_on", hungry)
        told = checked(run_stage(*arguments(digits, run_dir, checkpoint_seconds=0)), ("'digits/mlp/none'",))
    assert "run 'digits/mlp/none' ran out of memory after update 7 (" in told and "run fewer jobs at once" in told
    assert failures(run_dir)[0]["error"] in told
    known = look_at("digits/mlp/none", Paths(str(tmp_path), "figures"))
    (error,) = known.errors
    assert known.state == "failed" and "after update 7" in error and error.startswith("train-images, ")
    for place in (run_dir, whole):
        assert run_stage(*arguments(digits, place, checkpoint_seconds=0)) is None
    assert failures(run_dir) == []
    assert (run_dir / "training.json").read_bytes() == (whole / "training.json").read_bytes()


LIMITED = """
import resource, sys
from pathlib import Path
import entropyreg.images.training
from entropyreg.cli.main import main
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (300 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(main(sys.argv[1:]))
"""


def test_a_network_that_the_system_has_no_memory_for_is_told(digits, tmp_path):
    """300 MB may be taken, and the weights alone would be 1.6 GB."""
    run_dir = tmp_path / "run"
    command = [*arguments(digits, run_dir, model={"kind": "mlp", "hidden": [20_000, 20_000], "init_std": 0.3})]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *map(str, command)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2, done.stderr
    told = checked(done.stderr, ("run 'digits/mlp/none' ran out of memory after update 0 (",))
    assert failures(run_dir)[0]["error"] in told


def test_a_loss_of_images_that_is_not_finite_is_told_and_noted(digits, tmp_path):
    run_dir = tmp_path / "runs" / SETTINGS["run"]
    broken = SETTINGS["optimiser"] | {"lr": 1e30}
    told = checked(run_stage(*arguments(digits, run_dir, optimiser=broken)), ("'digits/mlp/none', seed 1",))
    assert "diverged after update 0 and before update 6: the loss is not finite" in told
    known = look_at("digits/mlp/none", Paths(str(tmp_path), "figures"))
    assert known.state == "failed" and "the loss is not finite" in known.errors[0]
    assert not (run_dir / "model.pt").exists()


def test_an_infinite_weight_in_a_checkpoint_is_no_reason_to_go_on(digits, tmp_path):
    run_dir = tmp_path / "run"
    assert run_stage(*arguments(digits, run_dir)) is None
    last = run_dir / "checkpoints" / "last.pt"
    state = torch.load(last, weights_only=True)
    name = next(name for name, value in state["weights"].items() if value.is_floating_point())
    state["weights"][name].view(-1)[0] = float("inf")
    torch.save(state | {"epoch": 2}, last)
    (run_dir / "model.pt").unlink()
    told = run_stage(*arguments(digits, run_dir))
    assert "diverged after update 12 and before update 18" in told and not (run_dir / "model.pt").exists()


def test_a_batch_that_fairseq_would_leave_out_stops_the_training(tmp_path):
    """On a GPU fairseq drops a batch that does not fit and goes on: that would be another run under the same name."""
    handler = ProgressHandler("run", 100, tmp_path / "validations.jsonl")
    words = ("attempting to recover from OOM in forward/backward pass", "gradient overflow")
    hungry, other = (logging.LogRecord("fairseq.trainer", logging.WARNING, "", 0, word, (), None) for word in words)
    with pytest.raises(MemoryError, match="leave a batch out"):
        handler.handle(hungry)
    handler.handle(other)


def test_a_failure_that_cannot_be_noted_is_still_told(tmp_path):
    run_dir = tmp_path / "run"
    write_json(tmp_path / "run", {})  # a file where the folder should be
    assert "run" in run_stage(*arguments(tmp_path / "nothing", run_dir))
