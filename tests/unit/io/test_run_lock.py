"""The lock of a run: looking at it disturbs nobody, and what killed trainers left half written is deleted."""

import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from filelock import FileLock

from entropyreg.config.paths import Paths
from entropyreg.exploring.status import look_at
from entropyreg.io import run_folder
from entropyreg.io.errors import UserError
from entropyreg.io.files import atomic_path
from entropyreg.io.run_folder import Busy, is_locked, run_lock

SHARED = """
import fcntl, sys, time
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_SH)
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def hold_a_share(path, seconds):
    """Another process that looks at the lock, for longer than `is_locked` does."""
    other = subprocess.Popen([sys.executable, "-c", SHARED, str(path), str(seconds)], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    return other


def test_a_look_at_a_run_does_not_keep_it_from_starting(tmp_path):
    (tmp_path / ".lock").touch()
    other = hold_a_share(tmp_path / ".lock", 0.4)
    with run_lock(tmp_path):  # waits
        assert other.wait() == 0 and (tmp_path / ".lock.holder").exists()


def test_two_may_look_at_once_and_neither_sees_a_trainer(tmp_path):
    (tmp_path / ".lock").touch()
    other = hold_a_share(tmp_path / ".lock", 60)
    try:
        assert not is_locked(tmp_path)
    finally:
        other.kill()
        other.wait()


def test_a_trainer_is_seen_and_none_where_there_is_none(tmp_path):
    assert not is_locked(tmp_path) and not is_locked(tmp_path / "no folder")
    assert list(tmp_path.iterdir()) == []
    with run_lock(tmp_path):
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)


def test_the_look_opens_the_lock_for_reading_alone(tmp_path, monkeypatch):
    """A read-only folder would refuse anything else; root, which tests may run as, would not."""
    (tmp_path / "runs/run").mkdir(parents=True)
    (tmp_path / "runs/run/.lock").touch()
    flags, own = [], os.open

    def note(path, how, *mode, **options):
        flags.append(how)
        return own(path, how, *mode, **options)

    monkeypatch.setattr(os, "open", note)
    assert look_at("run", Paths(str(tmp_path), "figures")).state == "missing"
    assert flags == [os.O_RDONLY]


def test_in_a_folder_that_may_only_be_read_a_run_is_looked_at(tmp_path):
    run = tmp_path / "runs/run"
    (run / "checkpoints").mkdir(parents=True)
    (run / ".lock").touch()
    script = f'mount --bind "{run}" "{run}" && mount -o remount,ro,bind "{run}" || exit 77; exec "$@"'
    code = "import sys; from entropyreg.exploring.status import look_at; from entropyreg.config.paths import Paths;"
    code += "print(look_at('run', Paths(sys.argv[1], 'figures')).state)"
    command = ["unshare", "-rm", "bash", "-c", script, "bash", sys.executable, "-c", code, str(tmp_path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("no unshare here")
    if done.returncode == 77 or done.stderr.startswith("unshare:"):
        pytest.skip("no mount is permitted here")
    assert done.stdout == "interrupted\n", done.stderr


def test_trainings_start_while_somebody_looks_all_the_time(tmp_path):
    stop = threading.Event()

    def look():
        while not stop.is_set():
            is_locked(tmp_path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        deadline, starts = time.monotonic() + 0.5, 0
        while time.monotonic() < deadline:
            with run_lock(tmp_path):
                starts += 1
        assert starts > 0
    finally:
        stop.set()
        looking.join()


def test_the_name_of_the_holder_goes_with_the_lock_even_after_an_error(tmp_path):
    with pytest.raises(UserError, match="diverged"), run_lock(tmp_path):
        raise UserError("diverged")
    assert not (tmp_path / ".lock.holder").exists()


def test_a_holder_without_a_name_is_another_process(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "PATIENCE", 0.05)
    busy = pytest.raises(Busy, match="is being trained by another process")
    with FileLock(tmp_path / ".lock"), busy, run_lock(tmp_path):
        pass


KILLED = """
import os, signal, sys
from entropyreg.io.files import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.write_bytes(bytes(1000))
    os.kill(os.getpid(), signal.SIGKILL)
"""


TRAINER = """
import sys, time
from pathlib import Path
from entropyreg.io.run_folder import run_lock
with run_lock(Path(sys.argv[1])):
    print("training", flush=True)
    time.sleep(60)
"""


def test_a_killed_trainer_is_told_by_status_and_by_the_next_one(tmp_path, capsys):
    """What the system does to the one that takes the most memory."""
    paths = Paths(str(tmp_path), "figures")
    folder = tmp_path / "runs" / "t" / "m" / "none" / "seed1"
    other = subprocess.Popen([sys.executable, "-c", TRAINER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "training\n"
    assert look_at("t/m/none/seed1", paths).state == "running"
    other.kill()
    other.wait()
    told = (
        f"process {other.pid} on {socket.gethostname()} was killed: by hand, by a power cut, or by the system because"
    )
    assert look_at("t/m/none/seed1", paths).errors[0].startswith(told)
    with run_lock(folder):
        pass
    assert f"{folder}: {told} memory ran out." in capsys.readouterr().err
    assert look_at("t/m/none/seed1", paths).errors == ()
    with run_lock(folder):
        pass
    assert capsys.readouterr().err == ""


def test_what_killed_trainers_left_is_deleted_by_the_next_and_nothing_else(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    left = [tmp_path / name for name in ("checkpoints/last.pt", "model.pt", "training.json", ".lock.holder")]
    for path in left:
        assert subprocess.run([sys.executable, "-c", KILLED, str(path)]).returncode == -9
    by_fairseq = tmp_path / "checkpoints/checkpoint_1_8.pt.tmp"
    by_fairseq.write_bytes(bytes(1000))
    kept = ["checkpoints/checkpoint_1_8.pt", "checkpoints/recipe.json", "model.pt", "notes.tmp", ".lock"]
    for name in kept:
        (tmp_path / name).touch()
    assert len(list(tmp_path.rglob("*.tmp"))) == len(left) + 2
    with atomic_path(tmp_path / "record.json") as of_a_live_stage, run_lock(tmp_path):
        assert {path.name for path in tmp_path.rglob("*.tmp")} == {"notes.tmp", of_a_live_stage.name}
    assert all((tmp_path / name).exists() for name in kept) and (tmp_path / "record.json").exists()


def test_a_second_trainer_deletes_nothing_of_the_first(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "PATIENCE", 0.05)
    with run_lock(tmp_path), atomic_path(tmp_path / "checkpoints/last.pt") as temporary:
        with pytest.raises(Busy, match=f"process {os.getpid()} on "), run_lock(tmp_path):
            pass
        assert temporary.exists()
