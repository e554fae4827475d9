"""Damage to finished results, a disk that fills up, memory that fairseq lacks: one sentence, which leads back to the
same bytes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chaos import command, contents

from entropyreg.config.loading import load_config
from entropyreg.config.settings import training_settings
from entropyreg.experiments import load_experiments
from entropyreg.io.run_folder import failures

pytestmark = pytest.mark.long
FIGURE = "b_figure_projection"
RUN = "results/smoke/runs/smoke_digits/mlp/none"
TEXT = "smoke_de_en/transformer/none/seed1"


def start(folder):
    """The command of `make demo`, for one figure."""
    return subprocess.run(command([FIGURE]), cwd=folder, capture_output=True, text=True, timeout=1800)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with that figure, its two runs and their data."""
    folder = tmp_path_factory.mktemp("finished")
    done = start(folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    """A copy at the same depth: the modules that jobs depend on are named relative to it."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path


def lose_figure(folder):
    shutil.rmtree(folder / "paper_figures")


def sentences(done):
    """The messages of stages on stderr."""
    return [line for line in done.stderr.splitlines() if line.startswith("entropyreg ")]


@pytest.mark.parametrize("damage", ["truncated", "emptied", "another"])
def test_a_damaged_record_is_named_and_made_again_when_it_is_deleted(finished, copied, damage):
    record = copied / RUN / "run.json"
    record.write_text({"truncated": record.read_text()[:200], "emptied": "", "another": "[]"}[damage])
    lose_figure(copied)
    done = start(copied)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    (told,) = sentences(done)
    assert told.startswith("entropyreg collect: ") and f"{RUN}/run.json" in told
    record.unlink()
    assert start(copied).returncode == 0
    assert contents(copied, [FIGURE]) == contents(finished, [FIGURE])


@pytest.mark.parametrize(
    "lost", ["predictions/seed1/valid.images.npz", "predictions.json", "training.json", "model.pt"]
)
def test_an_intermediate_that_was_deleted_is_made_again_or_named(finished, copied, lost):
    (copied / RUN / lost).unlink()
    (copied / RUN / "run.json").unlink()
    lose_figure(copied)
    shutil.rmtree(copied / "results/smoke/tables")  # or Snakemake draws from the table and needs no intermediate
    done = start(copied)
    if done.returncode != 0:
        (told,) = sentences(done)
        assert told.startswith("entropyreg measure-images: ") and lost in told and "Traceback" not in done.stderr
        (copied / RUN / "predictions.json").unlink()  # as it says
        done = start(copied)
    assert done.returncode == 0, done.stderr[-3000:]
    assert contents(copied, [FIGURE]) == contents(finished, [FIGURE])


def test_clocks_that_jump_change_nothing(finished, copied):
    """Every file of the results dated at random in the last and the next year: nothing is trained, the bytes remain."""
    for number, path in enumerate(sorted((copied / "results").rglob("*"))):
        time = path.stat().st_mtime + (number * 7919 % 730 - 365) * 24 * 3600
        os.utime(path, (time, time))
    lose_figure(copied)
    done = start(copied)
    assert done.returncode == 0 and "that were dated in the future are dated now" in done.stdout
    assert "Rule: train_images" not in done.stdout + done.stderr
    assert contents(copied, [FIGURE]) == contents(finished, [FIGURE])
    last = start(copied)
    assert last.returncode == 0 and "Nothing to be done" in last.stdout + last.stderr


def test_a_full_disk_is_reported_and_later_the_same_command_continues(finished, tmp_path):
    """results/ is a tmpfs of 300 kB, and then of 100 MB."""
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here")
    (tmp_path / "results").mkdir()
    script = (
        "mount -t tmpfs -o size=300k none results || exit 77; cd .\n"
        '"$@" > first.txt 2>&1; echo $? > first.status\n'
        "mount -o remount,size=100m results || exit 78\n"
        '"$@" > second.txt 2>&1; echo $? > second.status\n'
        "mkdir out; cp -r results paper_figures out"
    )
    arguments = ["unshare", "-rm", "bash", "-c", script, "bash", *command([FIGURE])]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=1800)
    if done.returncode == 77 or done.stderr.startswith("unshare:"):
        pytest.skip("no mount is permitted here")
    assert (tmp_path / "first.status").read_text() != "0\n"
    first = (tmp_path / "first.txt").read_text()
    assert "No space left on device" in first and "Traceback" not in first, first[-3000:]
    assert (tmp_path / "second.status").read_text() == "0\n", (tmp_path / "second.txt").read_text()[-3000:]
    assert contents(tmp_path / "out", [FIGURE]) == contents(finished, [FIGURE])


HUNGRY = """
import sys
import torch
from fairseq.tasks.fairseq_task import FairseqTask
step = FairseqTask.train_step
def train_step(self, sample, model, criterion, optimizer, update_num, *further, **options):
    if update_num == 10:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    return step(self, sample, model, criterion, optimizer, update_num, *further, **options)
FairseqTask.train_step = train_step
from entropyreg.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_fairseq_drops_no_batch_that_does_not_fit(workflow_dir, tmp_path):
    """By itself it would go on without it; the run is named with its last validated update, and nothing is exported."""
    data = tmp_path / "results/smoke/data/smoke_de_en/binary"
    prepared = subprocess.run(
        command([f"{data.relative_to(tmp_path)}/binary.json"]), cwd=tmp_path, capture_output=True, timeout=1800
    )
    assert prepared.returncode == 0
    config = load_config(workflow_dir, {"scale": "smoke"})
    settings = training_settings(config, load_experiments(workflow_dir, config).runs[TEXT])
    run_dir = tmp_path / "run"
    arguments = ["train", "--settings", json.dumps(settings), "--binary", str(data), "--run-dir", str(run_dir)]
    done = subprocess.run(
        [sys.executable, "-c", HUNGRY, *arguments, "--log", str(tmp_path / "log"), "--threads", "1"],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr[-3000:]
    told = failures(run_dir)[0]["error"]
    assert told.startswith(f"run '{TEXT}' ran out of memory after update 8 (fairseq would leave a batch out and go on")
    assert told in done.stderr and not (run_dir / "model.pt").exists()
    assert "Tried to allocate 2.00 GiB" in Path(tmp_path / "log").read_text()
