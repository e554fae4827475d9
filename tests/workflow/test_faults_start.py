"""Starting Snakemake after kills, beside another one, on a bad disk, under a wrong clock: tools/run_workflow.py."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from entropyreg.images.data.preparation import prepare_images
from entropyreg.io.run_folder import failures

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "run_workflow.py"
SNAKEFILE = """
rule all:
    input: "results/copied"
rule wait:
    input: "src/given"
    output: "results/waited"
    shell: "echo begun > {output}; touch running; while [ -e wait ]; do sleep 0.1; done; cat {input} > {output}"
rule copy:
    input: "results/waited"
    output: "results/copied"
    shell: "cp {input} {output}; echo x >> copies"
"""
LONG_TRAINING = {
    **{"run": "digits/mlp", "device": "cpu", "seeds": [1], "model": {"kind": "mlp", "hidden": [300], "init_std": 0.3}},
    **{"normalisation": "unit", "augmentation": {}, "regularizer": {"kind": "none"}, "batch": 50, "epochs": 40},
    **{"optimiser": {"lr": 0.1, "schedule": {"kind": "linear"}}, "checkpoint_seconds": 0, "validate_every": 20},
}


@pytest.fixture
def folder(tmp_path):
    """A workflow of two jobs, the first of which lasts as long as a file 'wait' is there."""
    for name, text in (("Snakefile", SNAKEFILE), ("src/given", "given\n"), ("wait", "")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def start(folder, *command):
    """Start Snakemake there, by the tool unless another command is given."""
    command = command or (sys.executable, str(TOOL), "--cores", "1")
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run(folder, *arguments):
    command = [sys.executable, str(TOOL), "--cores", "1", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def wait_for(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def refusal(done):
    """The one sentence with which the tool refuses."""
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and done.stderr.endswith(".\n"), done.stderr
    return done.stderr


def working_in(folder):
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def signal_all(folder, send):
    for process in working_in(folder):
        with suppress(psutil.NoSuchProcess):  # one of many 'sleep 0.1'
            send(process)


@pytest.fixture
def killed_at_the_end(folder):
    yield
    signal_all(folder, psutil.Process.kill)


def test_make_demo_starts_snakemake_by_the_tool(root):
    recipe = subprocess.run(["make", "-n", "demo", "SCALE=smoke"], cwd=root, capture_output=True, text=True).stdout
    assert 'tools/run_workflow.py --cores all --config "scale=$SCALE"' in recipe  # test_shell_quoting.py runs it
    assert '"--rerun-incomplete"' in TOOL.read_text()


def test_another_folder_is_refused(folder):
    assert "start it in that folder" in refusal(run(folder, "--directory=elsewhere"))


def test_a_second_snakemake_is_refused_in_one_sentence_and_the_first_goes_on(folder, killed_at_the_end):
    first = start(folder)
    wait_for((folder / "running").exists)
    assert refusal(run(folder)).startswith(f"Snakemake already works in {folder} (process {first.pid} on ")
    (folder / "wait").unlink()
    assert first.wait(timeout=120) == 0 and (folder / "results/copied").read_text() == "given\n"


def test_after_a_kill_the_orphan_is_ended_the_folder_unlocked_and_the_job_run_again(folder, killed_at_the_end):
    first = start(folder)
    wait_for((folder / "running").exists)
    first.kill()
    first.wait()
    assert working_in(folder) and (folder / "results/waited").read_text() == "begun\n"  # half written, by an orphan
    assert any((folder / ".snakemake/locks").iterdir())
    signal_all(folder, psutil.Process.suspend)  # it must not end by itself
    (folder / "wait").unlink()
    done = run(folder)
    assert done.returncode == 0 and "Unlocking the folder" in done.stdout, done.stderr
    assert (folder / "results/copied").read_text() == "given\n" and (folder / "copies").read_text() == "x\n"
    assert not working_in(folder) and not (folder / ".snakemake/locks").exists()


def test_a_snakemake_that_the_tool_did_not_start_is_seen_and_after_its_kill_unlocked(folder, killed_at_the_end):
    first = start(folder, sys.executable, "-m", "snakemake", "--cores", "1")
    wait_for((folder / "running").exists)
    assert f"Snakemake already works in {folder} (process {first.pid}): wait" in refusal(run(folder))
    assert any((folder / ".snakemake/locks").iterdir())
    first.kill()
    first.wait()
    signal_all(folder, psutil.Process.kill)
    (folder / "wait").unlink()
    done = run(folder)
    assert done.returncode == 0 and "Unlocking the folder" in done.stdout


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "digits"
    prepare_images({"dataset": "digits", "split": {"validation": 100, "train": 300, "test": 100, "seed": 0}}, folder)
    return folder


def training(digits, run_dir, **settings):
    arguments = ["--settings", json.dumps(LONG_TRAINING | settings), "--data", str(digits), "--run-dir", str(run_dir)]
    return [sys.executable, "-m", "entropyreg", "train-images", *arguments]


def test_an_orphaned_trainer_and_its_twin_never_write_together(folder, digits, killed_at_the_end):
    """Of a Snakemake that the tool did not start: its orphan stops the tool, and its lock stops a twin; then it is
    killed, and the twin ends with the weights of a training that nobody disturbed."""
    run_dir, other = folder / "results/run", folder / "results/other"
    orphan = subprocess.Popen(training(digits, run_dir), cwd=folder, stderr=subprocess.DEVNULL)
    last = run_dir / "checkpoints/last.pt"
    wait_for(last.exists)
    orphan.send_signal(signal.SIGSTOP)  # so that it does not end before it is killed
    named = f"'train-images of {run_dir}' still runs in {folder} (process {orphan.pid}), without a Snakemake: wait for"
    assert refusal(run(folder)).startswith(named)
    twin = subprocess.run(training(digits, run_dir), cwd=folder, capture_output=True, text=True, timeout=300)
    assert twin.returncode == 2 and twin.stderr.count("\n") == 1
    assert f"{run_dir} is being trained by process {orphan.pid} on " in twin.stderr
    assert failures(run_dir) == []  # nothing is wrong with the run
    assert orphan.poll() is None
    orphan.kill()
    orphan.wait()
    assert not (run_dir / "model.pt").exists()
    for place in (run_dir, other):
        done = subprocess.run(training(digits, place), cwd=folder, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
    provenance = json.loads((run_dir / "training.provenance.json").read_text())
    assert provenance["resumed_from_epoch"] > 0
    assert (run_dir / "training.json").read_bytes() == (other / "training.json").read_bytes()


def test_files_dated_in_the_future_are_dated_now_and_nothing_is_made_twice(folder):
    (folder / "wait").unlink()
    ahead = time.time() + 400 * 24 * 3600
    assert run(folder).returncode == 0
    for path in (folder / "src/given", folder / "results/waited"):
        os.utime(path, (ahead, ahead))
    (folder / "results/copied").unlink()
    done = run(folder)
    assert done.returncode == 0, done.stderr
    assert "2 files that were dated in the future are dated now" in done.stdout
    assert max(path.stat().st_mtime for path in folder.rglob("*")) < time.time() + 1
    assert (folder / "copies").read_text() == "x\nx\n"
    last = run(folder)
    assert last.returncode == 0 and "Nothing to be done" in last.stdout + last.stderr
    past = time.time() - 400 * 24 * 3600  # and a clock that was behind
    for path in (folder / "results").iterdir():
        os.utime(path, (past, past))
    last = run(folder)
    assert last.returncode == 0 and (folder / "copies").read_text() == "x\nx\n", last.stderr


def unshared(folder, script):
    """A script in a namespace in which it may mount; skips where that is not permitted."""
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here")
    command = ["unshare", "-rm", "bash", "-c", script, "bash", sys.executable, str(TOOL), "--cores", "1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode == 77 or done.stderr.startswith("unshare:"):
        pytest.skip("no mount is permitted here")
    return done


def test_a_folder_that_may_only_be_read_is_told(folder):
    done = unshared(folder, 'mount --bind . . && mount -o remount,ro,bind . && cd . || exit 77; cd "$PWD"; exec "$@"')
    assert f"{folder}/.snakemake" in refusal(done) and "Read-only file system" in done.stderr


def test_sigint_ends_snakemake_and_the_lock_is_free(folder, killed_at_the_end):
    """The tool becomes Snakemake: Ctrl-C reaches it, and no process is left that could hold the lock."""
    first = start(folder)
    wait_for((folder / "running").exists)
    (folder / "wait").unlink()
    first.send_signal(signal.SIGINT)
    first.wait(timeout=120)
    wait_for(lambda: not working_in(folder))
    done = run(folder)
    assert done.returncode == 0 and (folder / "results/copied").read_text() == "given\n"
    assert "Unlocking" not in done.stdout
