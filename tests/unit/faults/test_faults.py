"""A full disk, read-only results, deleted files: one sentence each, and no half-written file."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from damage import checked, run_stage
from made_runs import CLAIMS, NONE, Smoke, write_text, write_text_run

from entropyreg.images.data.preparation import prepare_images
from entropyreg.io import files
from entropyreg.io.errors import SHOW_TRACEBACK, sentence_of
from entropyreg.io.files import atomic_path, write_json
from entropyreg.io.run_folder import failures

IMAGES = {
    **{"run": "digits/mlp", "device": "cpu", "seeds": [1], "model": {"kind": "mlp", "hidden": [300], "init_std": 0.3}},
    **{"normalisation": "unit", "augmentation": {}, "regularizer": {"kind": "none"}, "batch": 50, "epochs": 1},
    **{"optimiser": {"lr": 0.5, "schedule": {"kind": "linear"}}},
}
CODES = [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES]


@pytest.fixture(scope="module")
def smoke():
    return Smoke()


@pytest.fixture
def folder(tmp_path):
    write_text(tmp_path / "text")
    write_text_run(tmp_path / "runs" / NONE, NONE, 0.0)
    return tmp_path


def measuring(smoke, folder):
    run = ["--run-dir", folder / "runs" / NONE, "--text", folder / "text", "--claims", CLAIMS]
    return ["measure", "--settings", smoke.measuring(NONE), *run]


def in_process(arguments, before=""):
    """A stage in a process of its own, after some shell commands; (status, stderr)."""
    command = [sys.executable, "-m", "entropyreg", *map(str, arguments)]
    script = f'{before}\nexec "$@"'
    done = subprocess.run(["bash", "-c", script, "bash", *command], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr


@pytest.mark.parametrize("code", CODES, ids=lambda code: errno.errorcode[code])
@pytest.mark.parametrize("where", ["making", "writing", "syncing", "renaming"])
def test_a_write_error_is_named_and_keeps_the_old_file(tmp_path, monkeypatch, code, where):
    path = tmp_path / "record.json"
    write_json(path, {"old": 1})

    def refuse(*arguments, **options):
        raise OSError(code, os.strerror(code))  # as write(2) has it: without a name

    place = {"making": (files.tempfile, "mkstemp"), "writing": (Path, "write_bytes")}
    place |= {"syncing": (files.os, "fsync"), "renaming": (Path, "replace")}
    with monkeypatch.context() as patched:
        patched.setattr(*place[where], refuse)
        with pytest.raises(OSError) as caught:
            write_json(path, {"new": 2})
    assert os.strerror(code) in checked(sentence_of(caught.value), (str(path),))
    assert json.loads(path.read_text()) == {"old": 1} and list(tmp_path.iterdir()) == [path]


def test_an_inner_error_keeps_the_file_that_it_names(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, atomic_path(tmp_path / "out"):
        (tmp_path / "gone").read_bytes()
    assert caught.value.filename == str(tmp_path / "gone")


WRITING = """
import sys, numpy
from entropyreg.io.errors import sentence_of
from entropyreg.io.files import write_npz
try:
    write_npz(sys.argv[1], {"x": numpy.random.default_rng(0).random(10_000)})
except OSError as error:
    sys.exit(sentence_of(error))
"""


def test_a_file_size_limit_is_reported(folder):
    """The limit of the shell stands for a full disk where nothing may be mounted: writing stops half way through."""
    command = [sys.executable, "-c", WRITING, str(folder / "x.npz")]
    limited = ["bash", "-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "bash", *command]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    checked(done.stderr, ("x.npz cannot be written (File too large): make room, then run the same command again.",))
    assert not list(folder.glob("*x.npz*"))


def unshared(arguments, script):
    """A stage in a namespace in which it may mount; skips where that is not permitted."""
    command = ["unshare", "-rm", "bash", "-c", f'{script}\nexec "$@"', "bash", sys.executable, "-m", "entropyreg"]
    try:
        done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    except FileNotFoundError:
        pytest.skip("no unshare here")
    if done.returncode == 77 or done.stderr.startswith("unshare:"):
        pytest.skip("no mount is permitted here")
    return done.returncode, done.stderr


def test_a_full_disk_is_reported_and_afterwards_the_same_command_works(smoke, folder):
    """The run's folder is a small tmpfs that something else has filled; then it is the folder itself."""
    run = folder / "runs" / NONE
    script = f'''
        cp -r "{run}" "{folder}/copy"
        mount -t tmpfs -o size=72k none "{run}" || exit 77
        cp -r "{folder}/copy/." "{run}"
        head -c 1000000 /dev/zero > "{run}/filler" 2> /dev/null'''
    status, error = unshared(measuring(smoke, folder), script)
    assert status == 2
    checked(error, ("cannot be written (No space left on device): make room",))
    assert run_stage(*measuring(smoke, folder)) is None and (run / "run.json").exists()


@pytest.mark.slow
def test_a_disk_that_is_full_while_torch_saves_is_reported_and_the_training_goes_on_later(tmp_path):
    digits, run = tmp_path / "digits", tmp_path / "run"
    prepare_images({"dataset": "digits", "split": {"validation": 200, "train": 100, "test": 100, "seed": 0}}, digits)
    run.mkdir()
    arguments = ["train-images", "--settings", json.dumps(IMAGES), "--data", digits, "--run-dir", run]
    status, error = unshared(arguments, f'mount -t tmpfs -o size=64k none "{run}" || exit 77')
    assert status == 2
    checked(error, (f"{run}/checkpoints/last.pt cannot be written", f"{run} cannot be written"))
    assert run_stage(*arguments) is None and (run / "model.pt").exists()


def test_read_only_results_are_reported(smoke, folder):
    run = folder / "runs" / NONE
    script = f'mount --bind "{run}" "{run}" && mount -o remount,ro,bind "{run}" || exit 77'
    status, error = unshared(measuring(smoke, folder), script)
    assert status == 2
    checked(error, (f"{run}/blocks.npz is refused (Read-only file system)",))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_reported(smoke, folder):
    (folder / "runs" / NONE).chmod(0o500)
    checked(run_stage(*measuring(smoke, folder)), ("is refused (Permission denied)",))


def test_a_file_where_a_folder_should_be_is_reported(smoke, folder):
    (folder / "tables").write_text("")
    arguments = ["collect", "--settings", smoke.collecting("a_table_translation"), "--runs", folder / "runs"]
    error = run_stage(*arguments, "--out", folder / "tables" / "x.json")
    checked(error, (f"{folder}/tables",))


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("runs/{run}/predictions/test.own.npz", "predictions/test.sums.json and run again"),
        ("runs/{run}/predictions/valid.hypotheses.tsv", "predictions/valid.sums.json and run again"),
        ("runs/{run}/training.json", "training.json does not exist"),
        ("runs/{run}/training.provenance.json", "training.provenance.json does not exist"),
        ("text/valid.reference", "text/valid.reference is missing or damaged: delete {folder}/text/summary.json and"),
        ("text/summary.json", "text/summary.json does not exist"),
    ],
)
def test_a_deleted_intermediate_is_named_and_made_again_the_record_is_the_same(smoke, folder, lost, message):
    record = folder / "runs" / NONE / "run.json"
    assert run_stage(*measuring(smoke, folder)) is None
    wanted = record.read_bytes()
    record.unlink()
    path = folder / lost.format(run=NONE)
    content = path.read_bytes()
    path.unlink()
    checked(run_stage(*measuring(smoke, folder)), (message.format(folder=folder),))
    assert not record.exists()
    assert message.format(folder=folder) in failures(record.parent)[0]["error"]
    path.write_bytes(content)
    assert run_stage(*measuring(smoke, folder)) is None
    assert record.read_bytes() == wanted and failures(record.parent) == []


def test_the_traceback_is_shown_on_request(smoke, folder):
    arguments = [*measuring(smoke, folder)]
    (folder / "runs" / NONE / "training.json").write_text("{")
    status, error = in_process(arguments)
    assert status == 2 and "Traceback" not in error
    status, error = in_process(arguments, f"export {SHOW_TRACEBACK}=1")
    assert status == 1 and "Traceback" in error and "read_json" in error


def test_a_bug_is_not_reported_as_bad_input(monkeypatch):
    """An error in a stage that reads no other stage's outputs is a bug and shows its traceback."""
    monkeypatch.setattr("entropyreg.regularizers.equilibrium.equilibrium", lambda *arguments: None)
    with pytest.raises(AttributeError):
        run_stage("equilibrium", "--skew", 0.5, "--vocabulary", 10)
