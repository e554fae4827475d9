"""Ctrl-C at the real workflow, started as `make demo` starts it: a line for each stopped job, and how to continue."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
RUN = "smoke_de_en/transformer/jensen-skew0.50-strength1.00/seed1"
SNAKEMAKE = ["--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
TOOL = [sys.executable, str(ROOT / "tools" / "run_workflow.py"), *SNAKEMAKE]
LOOK = [sys.executable, "-m", "snakemake", *SNAKEMAKE, "-n", "--config", "scale=smoke"]


def test_ctrl_c_is_reported_in_words_and_the_same_command_continues(smoke, tmp_path):
    for name in ("results", ".snakemake"):
        shutil.copytree(smoke / name, tmp_path / name, symlinks=True)
    folder = tmp_path / "results" / "smoke" / "runs" / RUN
    shutil.rmtree(folder)
    command = [*TOOL, "--config", "scale=smoke", "--", f"results/smoke/runs/{RUN}/training.json"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while not list(folder.glob("checkpoints/*.pt")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    told = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert told.splitlines()[-2:] == [
        f"entropyreg train of {RUN} was stopped by Ctrl-C.",
        "Snakemake was stopped by Ctrl-C; nothing that is finished is lost, and the same command goes on from there.",
    ]
    assert "Traceback" not in told and "Error" not in told
    assert not list(folder.glob("failed.*")) and not (folder / "training.json").exists()
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert again.returncode == 0, again.stderr[-3000:]
    assert "resuming at update" in again.stderr
    undisturbed = smoke / "results" / "smoke" / "runs" / RUN / "training.json"
    assert (folder / "training.json").read_bytes() == undisturbed.read_bytes()


def test_looking_beside_a_running_workflow_touches_nothing(tmp_path):
    """A job writes its origin last; without a lock, an output that has none is what nobody remembers."""
    output = f"results/smoke/runs/{RUN}/predictions/valid.tokens.npz"
    half_written, lock = tmp_path / output, tmp_path / ".snakemake" / "locks" / "0.output.lock"
    for path, text in ((half_written, ""), (lock, f"{output}\n")):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    for locked in (True, False):
        looked = subprocess.run(LOOK, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert looked.returncode == 0, looked.stderr[-3000:]
        assert half_written.exists() == locked and ("made anew" in looked.stderr) != locked
        lock.unlink(missing_ok=True)
