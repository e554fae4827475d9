"""Ctrl-C and SIGTERM, sent to real processes: one line, status 130 or 143, nothing half written; the work goes on."""

import json
import os
import re
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from held_stage import environment, started
from made_runs import CLAIMS, NONE, Smoke, write_text, write_text_run

from entropyreg.cli.main import main
from entropyreg.cli.stopping import NAMES, PATIENCE
from entropyreg.config.paths import Paths
from entropyreg.exploring.status import Known, look_at
from entropyreg.images.data.preparation import prepare_images
from entropyreg.images.training import train_image_run

DATA = Path(__file__).parents[2] / "data"
IMAGES = {
    "run": "digits/mlp",
    "device": "cpu",
    "seeds": [1],
    "model": {"kind": "mlp", "hidden": [20], "init_std": 0.3},
    "augmentation": {"pad": 1},
    "normalisation": "unit",
    "regularizer": {"kind": "label_smoothing", "smoothing": 0.1},
    "optimiser": {"lr": 0.5, "schedule": {"kind": "linear"}},
    "batch": 50,
    "epochs": 3,
    "checkpoint_seconds": 0,
}


def arguments_of(stage, folder):
    """The command of a stage on what is made for it in a folder."""
    run = folder / "runs" / NONE
    if stage == "train-images":
        split = {"validation": 200, "train": None, "test": 1000, "seed": 0}
        prepare_images({"dataset": "digits", "split": split}, folder / "data")
        return [stage, "--settings", json.dumps(IMAGES), "--data", folder / "data", "--run-dir", folder / "run"]
    if stage == "measure":
        write_text(folder / "text")
        write_text_run(run, NONE, 0.0)
        places = ["--run-dir", run, "--text", folder / "text", "--claims", CLAIMS]
        return [stage, "--settings", Smoke().measuring(NONE), *places]
    table = DATA / "collected_a_table_translation.json"
    return ["render", "a_table_translation", "--table", table, "--out", folder / "drawn"]


@pytest.mark.parametrize(
    ("stage", "held", "about", "made", "number"),
    [
        ("train-images", "model.pt", "digits/mlp", "run/training.json", signal.SIGINT),
        ("measure", "run.json", NONE, f"runs/{NONE}/run.json", signal.SIGTERM),
        ("render", "a_table_translation.md", "a_table_translation", "drawn/a_table_translation.md", signal.SIGINT),
    ],
)
def test_a_stage_ends_in_one_line_and_goes_on_afterwards(tmp_path, stage, held, about, made, number):
    arguments = arguments_of(stage, tmp_path)
    process = started(["-m", "entropyreg", *arguments], tmp_path, environment(tmp_path, held))
    process.send_signal(number)
    told = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + number
    assert told == f"entropyreg {stage} of {about} was stopped by {NAMES[number]}.\n"
    left = [path.name for path in tmp_path.rglob("*") if re.search(r"\.tmp$|\.holder$|\.of-stage$|^failed", path.name)]
    assert not left and not (tmp_path / made).exists()
    assert main(list(map(str, arguments))) == 0
    assert (tmp_path / made).exists()
    if stage == "train-images":  # from the last checkpoint, to the end of an undisturbed one
        assert json.loads((tmp_path / "run/training.provenance.json").read_text())["resumed_from_epoch"] == 3
        train_image_run(IMAGES, tmp_path / "data", tmp_path / "undisturbed", 1)
        assert (tmp_path / made).read_bytes() == (tmp_path / "undisturbed/training.json").read_bytes()


def test_status_reports_a_killed_stage_until_it_is_done_again(tmp_path):
    arguments, paths = arguments_of("measure", tmp_path), Paths(str(tmp_path), "figures")
    process = started(["-m", "entropyreg", *arguments], tmp_path, environment(tmp_path, "run.json"))
    assert look_at(NONE, paths).errors == ()  # it works
    process.kill()
    process.communicate()
    (told,) = look_at(NONE, paths).errors
    assert told.startswith(f"measure: process {process.pid} on {socket.gethostname()} was killed: by hand")
    assert main(list(map(str, arguments))) == 0
    assert look_at(NONE, paths) == Known(NONE, "done", None, (), False)


SLOW = """
import os
import time
from pathlib import Path

unlink = Path.unlink


def slowly(*arguments, **options):
    if os.path.exists(os.environ["REACHED"]):
        time.sleep(20)
    unlink(*arguments, **options)


Path.unlink = slowly
"""


def test_a_repeated_signal_kills_only_after_the_patience(tmp_path):
    """Snakemake, Slurm and torchrun pass on what the terminal or the system has sent to all."""
    variables = environment(tmp_path, "a_table_translation.md")
    with (tmp_path / "held/sitecustomize.py").open("a") as file:
        file.write(SLOW)  # what clears away after the first signal
    process = started(["-m", "entropyreg", *arguments_of("render", tmp_path)], tmp_path, variables)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        process.send_signal(number)
        time.sleep(0.2)
    time.sleep(PATIENCE)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10)[1] == "" and process.returncode == -signal.SIGINT


def test_an_ignored_signal_stays_ignored(tmp_path):
    """As Ctrl-C of a command in the background of a script."""
    variables, command = environment(tmp_path, "a_table_translation.md"), arguments_of("render", tmp_path)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited
    try:
        process = started(["-m", "entropyreg", *command], tmp_path, variables)
    finally:
        signal.signal(signal.SIGINT, before)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    told = process.communicate(timeout=30)[1]
    assert told == "entropyreg render of a_table_translation was stopped by SIGTERM.\n"


SCRIPT = "from entropyreg.cli.stopping import program; program()"  # of the command that pip installs
IMPORTING = """
import sys
import time


class Hold:
    def find_spec(self, name, path, target=None):
        if name == "entropyreg.cli.stages":
            open("reached", "w").close()
            time.sleep(60)


sys.meta_path.insert(0, Hold())
"""


@pytest.mark.parametrize("command", [["-m", "entropyreg"], ["-c", SCRIPT]])
def test_ctrl_c_while_modules_are_imported_leaves_no_traceback(tmp_path, command):
    variables = environment(tmp_path, "")
    (tmp_path / "held/sitecustomize.py").write_text(IMPORTING)
    process = started([*command, "status"], tmp_path, variables, cwd=tmp_path)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[1] == "entropyreg was stopped by Ctrl-C.\n"
    assert process.returncode == 130


SNAKEFILE = """
from entropyreg.cli.stopping import stop_snakemake_in_one_line

stop_snakemake_in_one_line()

rule wait:
    output: "model"
    shell: "touch waiting; {job}"
"""


@pytest.mark.parametrize("before", ["", "sleep 2; "])  # a stage that runs, one that is only being started
@pytest.mark.parametrize("number", NAMES)
def test_snakemake_ends_in_one_line_whoever_gets_the_signal(tmp_path, number, before):
    """The terminal sends Ctrl-C to all; `kill` sends SIGTERM to Snakemake alone, which ends its stages."""
    table = DATA / "collected_a_table_translation.json"
    stage = f"{before}python -m entropyreg render a_table_translation --table {table} --out drawn"
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(job=stage))
    variables = environment(tmp_path, "a_table_translation.md") | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    variables["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["-m", "snakemake", "--cores", "1", "model"]
    mark = "waiting" if before else "reached"
    process = started(command, tmp_path, variables, mark, cwd=tmp_path, start_new_session=True)
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    told = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + number
    line = f"Snakemake was stopped by {NAMES[number]}; nothing that is finished is lost, and the same command goes on"
    stages = [] if before else [f"entropyreg render of a_table_translation was stopped by {NAMES[number]}."]
    assert told.splitlines()[-1 - len(stages) :] == [*stages, f"{line} from there."]
    assert "Traceback" not in told and "Error" not in told
    assert not (tmp_path / "drawn/a_table_translation.md").exists() and not list(tmp_path.glob("drawn/.*"))
    assert not list(tmp_path.glob(".snakemake/locks/*"))  # the next start is not refused
    (temporary,) = tmp_path.glob("cache/**/snakemake-runtime-cache")
    assert not list(temporary.iterdir())
