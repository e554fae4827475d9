"""Trainings of a few updates: resumed bit for bit, never past their end, paired across arms, stopped at NaN."""

import copy
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from entropyreg.config.loading import load_config
from entropyreg.config.settings import training_settings
from entropyreg.experiments import Regularizer, Run
from entropyreg.translation.binarization import sizes

pytestmark = pytest.mark.slow
DATA = "results/smoke/data/smoke_de_en/binary"


@pytest.fixture(scope="module")
def settings(workflow_dir):
    config = load_config(workflow_dir, {"scale": "smoke"})
    return training_settings(config, Run("smoke_de_en", "transformer", Regularizer(0.5, 1.0), seed=1))


def command(settings, binary, run_dir):
    arguments = ["train", "--settings", json.dumps(settings), "--binary", str(binary), "--run-dir", str(run_dir)]
    return [sys.executable, "-m", "entropyreg", *arguments, "--log", str(run_dir / "log"), "--threads", "1"]


def train(settings, binary, run_dir):
    done = subprocess.run(command(settings, binary, run_dir), capture_output=True, text=True, timeout=300)
    return done


def outcome(run_dir):
    return json.loads((run_dir / "training.json").read_text())


def reference(smoke):
    return outcome(smoke / "results/smoke/runs/smoke_de_en/transformer/jensen-skew0.50-strength1.00/seed1")


def test_killed_and_resumed_the_weights_are_bit_identical(smoke, settings, tmp_path):
    saved = tmp_path / "checkpoints" / "checkpoint_last.pt"
    kill_when(settings, smoke / DATA, tmp_path, saved.exists)
    assert saved.exists() and not (tmp_path / "model.pt").exists()
    done = train(settings, smoke / DATA, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "resuming at update" in done.stderr
    assert outcome(tmp_path) == reference(smoke)


@pytest.mark.parametrize("damage", ["truncated", "empty"])
def test_a_damaged_last_checkpoint_costs_nothing_but_time(smoke, settings, tmp_path, damage):
    assert train(settings, smoke / DATA, tmp_path).returncode == 0
    (tmp_path / "model.pt").unlink()
    last = tmp_path / "checkpoints" / "checkpoint_last.pt"
    content = last.read_bytes()
    last.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"")
    done = train(settings, smoke / DATA, tmp_path)
    assert done.returncode == 0, done.stderr
    assert outcome(tmp_path) == reference(smoke)


def test_a_finished_run_is_not_trained_further(smoke, settings, tmp_path):
    assert train(settings, smoke / DATA, tmp_path).returncode == 0
    (tmp_path / "model.pt").unlink()
    before = (tmp_path / "checkpoints" / "checkpoint_last.pt").read_bytes()
    assert train(settings, smoke / DATA, tmp_path).returncode == 0
    assert (tmp_path / "checkpoints" / "checkpoint_last.pt").read_bytes() == before
    assert outcome(tmp_path) == reference(smoke)


def weights_after(settings, smoke, run_dir, **regularizer):
    changed = copy.deepcopy(settings)
    changed["regularizer"] |= regularizer
    changed["model"]["selection"] = "last"
    done = train(changed, smoke / DATA, run_dir)
    assert done.returncode == 0, done.stderr
    return torch.load(run_dir / "model.pt", weights_only=True)


def test_seeds_are_paired_across_arms(smoke, settings, tmp_path):
    """With vanishing strength two arms make the same steps: one initialisation, one order of the data.

    Only rounding differs: half a unit in the last place of the largest weight an update; allowed is 4 times as much.
    The bias of the keys is left out: attention does not depend on it, so its gradient is rounding alone, which Adam
    scales up to steps of .0005.
    """
    plain = weights_after(settings, smoke, tmp_path / "a", skew=None, strength=0.0)
    tiny = weights_after(settings, smoke, tmp_path / "b", skew=0.5, strength=1e-9)
    strong = weights_after(settings, smoke, tmp_path / "c", skew=0.5, strength=1.0)
    compared = [key for key in plain if not key.endswith("k_proj.bias")]
    largest = max(float(plain[key].abs().max()) for key in compared)
    rounding = 4 * settings["model"]["max_update"] * largest * torch.finfo(torch.float32).eps / 2
    assert max(float((plain[key] - tiny[key]).abs().max()) for key in compared) < rounding
    assert max(float((plain[key] - strong[key]).abs().max()) for key in compared) > 100 * rounding


def test_divergence_is_told_with_the_run_and_the_last_good_update(smoke, settings, tmp_path):
    broken = copy.deepcopy(settings)
    broken["model"] |= {"lr": 1e30, "warmup_updates": 1}
    done = train(broken, smoke / DATA, tmp_path)
    assert done.returncode == 2
    assert f"run '{settings['run']}' diverged after update" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_gpu_is_told(smoke, settings, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    done = train(settings | {"device": "cuda"}, smoke / DATA, tmp_path)
    assert done.returncode == 2 and "device is 'cuda', but torch sees no GPU" in done.stderr


def test_selection_by_validation_bleu(smoke, settings, tmp_path):
    chosen = copy.deepcopy(settings)
    chosen["model"] |= {"selection": "best_validation_bleu", "max_update": 16}
    done = train(chosen, smoke / DATA, tmp_path)
    assert done.returncode == 0, done.stderr
    found = outcome(tmp_path)
    best = max(found["validations"], key=lambda entry: (entry["bleu"], entry["updates"]))
    assert found["updates"] == best["updates"]


def kill_when(settings, binary, run_dir, condition):
    """Start a training and kill -9 its whole group as soon as `condition()` holds."""
    trainer = subprocess.Popen(command(settings, binary, run_dir), start_new_session=True)
    deadline = time.monotonic() + 120
    while not condition() and trainer.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.killpg(trainer.pid, signal.SIGKILL)
    trainer.wait()


def test_a_run_that_ends_by_patience_resumes_to_the_same_end(smoke, settings, tmp_path):
    chosen = copy.deepcopy(settings)
    for key in ("max_update", "validate_every_updates"):
        del chosen["model"][key]
    chosen["model"] |= {"max_epoch": 30, "patience": 2, "lr": 1.0, "warmup_updates": 1}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = train(chosen, smoke / DATA, whole)
    assert done.returncode == 0, done.stderr
    validations = outcome(whole)["validations"]
    assert 3 <= len(validations) < 30  # patience ended it
    last_but_one = killed / "checkpoints" / f"checkpoint{len(validations) - 1}.pt"  # patience is half used up there
    kill_when(chosen, smoke / DATA, killed, last_but_one.exists)
    done = train(chosen, smoke / DATA, killed)
    assert done.returncode == 0, done.stderr
    assert outcome(killed) == outcome(whole)


def test_a_damaged_best_checkpoint_of_a_finished_run_trains_it_anew(smoke, settings, tmp_path):
    assert train(settings, smoke / DATA, tmp_path).returncode == 0
    (tmp_path / "model.pt").unlink()
    (tmp_path / "checkpoints" / "checkpoint_best.pt").write_bytes(b"")
    done = train(settings, smoke / DATA, tmp_path)
    assert done.returncode == 0, done.stderr
    assert outcome(tmp_path) == reference(smoke)


def test_killed_its_best_checkpoint_damaged_and_resumed_with_more_threads_a_run_ends_the_same(
    smoke, settings, tmp_path
):
    checkpoints = tmp_path / "checkpoints"
    kill_when(settings, smoke / DATA, tmp_path, (checkpoints / "checkpoint_last.pt").exists)
    (checkpoints / "checkpoint_best.pt").write_bytes(b"")
    (checkpoints / ".checkpoint_best.pt.x.tmp").write_bytes(b"half")  # as a kill inside a copy leaves it
    more = [*command(settings, smoke / DATA, tmp_path)[:-1], "2"]
    done = subprocess.run(more, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "made with 1 thread: training goes on with 1, not with 2.\n" in done.stderr
    assert "resuming at update" in done.stderr and not list(tmp_path.rglob("*.tmp"))
    assert outcome(tmp_path) == reference(smoke)


def test_a_best_checkpoint_that_cannot_be_had_again_is_told_and_the_run_trained_anew(smoke, settings, tmp_path):
    """The last checkpoint names a best value that no checkpoint has; the history, damaged too, is made anew with it."""
    assert train(settings, smoke / DATA, tmp_path).returncode == 0
    (tmp_path / "model.pt").unlink()
    last, history = (tmp_path / "checkpoints" / name for name in ("checkpoint_last.pt", "validations.jsonl"))
    history.write_text("[]")
    done = train(settings, smoke / DATA, tmp_path)
    assert done.returncode == 2 and f"{history} does not hold the validations up to update 24" in done.stderr
    state = torch.load(last, weights_only=False)
    state["extra_state"]["best"] = 0.5
    torch.save(state, last)
    (tmp_path / "checkpoints" / "checkpoint_best.pt").unlink()
    done = train(settings, smoke / DATA, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "checkpoint_best.pt is damaged and cannot be had again" in done.stderr
    assert outcome(tmp_path) == reference(smoke)


def test_pairs_that_are_too_long_are_named_and_a_sentence_of_validation_is_refused_before_training(
    smoke, settings, tmp_path
):
    """max_tokens is what the longest sentence of validation needs; fairseq's log is the oracle of what was left out."""
    chosen, longest = copy.deepcopy(settings), int(np.max(sizes(smoke / DATA, "valid", "de", "en")))
    chosen["model"]["max_tokens"] = longest
    done = train(chosen, smoke / DATA, tmp_path / "run")
    assert done.returncode == 0, done.stderr
    found = outcome(tmp_path / "run")["left_out"]
    assert f"is trained without {found['pairs']} of {found['of']} pairs" in done.stderr
    assert found["limit"] == longest < found["longest"]
    assert found["longest"] == np.max(sizes(smoke / DATA, "train", "de", "en"))
    ids = [number - 1 for number in found["lines"]]
    log = (tmp_path / "run" / "log").read_text()
    assert (
        f"{found['pairs']:,} samples have invalid sizes and will be skipped, max_positions=({longest}, {longest})"
        in log
    )
    assert sorted(ids) == sorted(map(int, re.search(r"first few sample ids=\[([\d, ]+)\]", log)[1].split(",")))
    chosen["model"]["max_tokens"] -= 1
    done = train(chosen, smoke / DATA, tmp_path / "refused")
    assert done.returncode == 2 and f"{longest} subwords, its end included, and" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "refused" / "log").exists()


def test_damaged_data_is_told(smoke, settings, tmp_path):
    binary = tmp_path / "binary"
    shutil.copytree(smoke / DATA, binary)
    (binary / "train.de-en.en.bin").write_bytes(b"damaged")
    done = train(settings, binary, tmp_path / "run")
    assert done.returncode == 2 and "train.de-en.en.bin is missing or damaged" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_fairseq_command_of_the_readme_runs(root, smoke, tmp_path):
    readme = (root / "README.md").read_text()
    command = readme[readme.index("fairseq-train BINARY") :].split("```")[0]
    command = command.replace("BINARY", str(smoke / DATA)).replace("checkpoints", str(tmp_path))
    command = command.replace("--max-epoch 85", "--cpu --num-workers 0 --max-update 1 --no-epoch-checkpoints")
    command = command.replace("transformer_iwslt_de_en", "transformer_tiny")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "checkpoint_last.pt").exists()
