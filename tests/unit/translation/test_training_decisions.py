"""Training's own decisions: the lock, the end, the patience, the progress line. (Trainings: tests/workflow.)"""

import io
import json
import logging
import os
import subprocess
import sys
import types

import pytest

from entropyreg.io.devices import one_device
from entropyreg.io.errors import UserError
from entropyreg.translation.progress import ProgressHandler, duration
from entropyreg.translation.training import (
    code_in_use,
    has_ended,
    replay,
    restore_patience,
    run_lock,
    set_other_recipes_aside,
)

NLL = {"selection": "best_validation_nll"}


def history(*values, key="nll_bits"):
    return [{"updates": 10 * number, key: value} for number, value in enumerate(values, start=1)]


def test_a_second_trainer_is_told_who_holds_the_run(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from entropyreg.translation.training import run_lock\n"
        "with run_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    first = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"is being trained by process {first.pid} on "), run_lock(tmp_path):
            pass
    finally:
        first.kill()
        first.wait()
    with run_lock(tmp_path):  # a killed trainer leaves no lock behind
        pass


@pytest.mark.parametrize(
    ("updates", "model", "values", "ended"),
    [
        (99, {"max_update": 100}, (), False),
        (100, {"max_update": 100}, (), True),
        (50, {"max_epoch": 5, "patience": 2}, (3.0, 2.0, 2.5), False),
        (50, {"max_epoch": 5, "patience": 2}, (3.0, 2.0, 2.5, 2.0), True),
    ],
)
def test_when_training_has_ended(updates, model, values, ended):
    assert has_ended(updates, NLL | model, history(*values)) is ended


def test_patience_counts_by_the_metric_of_the_rule():
    assert replay(NLL, history(3.0, 2.0, 2.5, 2.6)) == (2.0, 2)
    bleu = {"selection": "best_validation_bleu"}
    assert replay(bleu, history(30.0, 31.0, 30.5, key="bleu")) == (31.0, 1)
    assert replay(NLL, []) == (None, 0)


def test_patience_survives_a_restart():
    def should_stop_early():
        pass

    restore_patience(should_stop_early, NLL, history(3.0, 2.0, 2.5))
    assert (should_stop_early.best, should_stop_early.num_runs) == (2.0, 1)


def test_checkpoints_of_another_recipe_are_forgotten(tmp_path):
    set_other_recipes_aside({"lr": 1}, tmp_path)
    (tmp_path / "checkpoint_last.pt").write_text("x")
    set_other_recipes_aside({"lr": 1}, tmp_path)
    assert (tmp_path / "checkpoint_last.pt").exists()
    set_other_recipes_aside({"lr": 2}, tmp_path)
    assert not (tmp_path / "checkpoint_last.pt").exists()


def test_checkpoints_without_a_recipe_are_forgotten(tmp_path):
    (tmp_path / "checkpoint_last.pt").write_text("x")
    set_other_recipes_aside({"lr": 1}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.json"]


def test_the_recipe_names_the_code_and_the_kernel(monkeypatch):
    settings = {"device": "cpu", "regularizer": {"generator": "entropy"}}
    code = code_in_use(settings)
    assert set(code) == {"digest", "kernel", "torch", "fairseq"} and code == code_in_use(settings)
    monkeypatch.setenv("ENTROPYREG_KERNEL", "torch")
    assert code_in_use(settings)["kernel"].startswith("torch ") and code_in_use(settings)["digest"] == code["digest"]


def test_jobs_of_one_machine_take_different_gpus(tmp_path, monkeypatch):
    taken = []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    with one_device("cuda", tmp_path):
        taken.append(os.environ["CUDA_VISIBLE_DEVICES"])
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
        with one_device("cuda", tmp_path):
            taken.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert taken == ["2", "5"]


def test_the_cpu_needs_no_device(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    with one_device("cpu", tmp_path):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "2" and not list(tmp_path.iterdir())


def log_record(name, **stats):
    return logging.LogRecord(name, logging.INFO, "", 0, json.dumps(stats), (), None)


def test_progress_tells_update_loss_rate_and_time_left(tmp_path, monkeypatch):
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr("entropyreg.translation.progress.time.monotonic", lambda: clock.now)
    stream = io.StringIO()
    handler = ProgressHandler("task/run", 1000, tmp_path / "history.jsonl", stream, seconds=5)
    for update in (20, 40, 60):
        clock.now += 10.0
        handler.emit(log_record("train_inner", num_updates=str(update), loss="7.25"))
    assert (
        stream.getvalue().splitlines()[-1]
        == "  task/run: update 60/1000, loss 7.250 bits, 2.0 updates/s, 7 min 50 s left"
    )


def test_a_resumed_run_forgets_validations_that_it_will_repeat(tmp_path):
    path = tmp_path / "history.jsonl"
    handler = ProgressHandler("run", 100, path, io.StringIO())
    for update in (10, 20, 30):
        handler.emit(log_record("valid", valid_num_updates=str(update), valid_nll_loss=str(5.0 - update / 100)))
    resumed = ProgressHandler("run", 100, path, io.StringIO())
    resumed.load_history(20)
    assert [entry["updates"] for entry in resumed.history] == [10, 20]
    assert resumed.history[0]["nll_bits"] == pytest.approx(4.9)


@pytest.mark.parametrize(("seconds", "text"), [(45.2, "45 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_duration(seconds, text):
    assert duration(seconds) == text
