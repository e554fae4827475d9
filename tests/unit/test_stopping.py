"""Ctrl-C and SIGTERM, sent to real processes: one line, status 130 or 143, nothing half written; the work goes on."""

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from faults.made_runs import CLAIMS, NONE, Smoke, write_text, write_text_run
from held_stage import environment, started

from entropyreg.__main__ import main
from entropyreg.images.data.preparation import prepare_images
from entropyreg.images.training import train_image_run
from entropyreg.stopping import AGAIN, NAMES, watched

DATA = Path(__file__).parents[1] / "data"
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
        ("measure", "record.json", NONE, f"runs/{NONE}/record.json", signal.SIGTERM),
        ("render", "a_table_translation.md", "a_table_translation", "drawn/a_table_translation.md", signal.SIGINT),
    ],
)
def test_a_stage_ends_in_one_line_and_goes_on_afterwards(tmp_path, stage, held, about, made, number):
    arguments = arguments_of(stage, tmp_path)
    process = started(["entropyreg", *arguments], tmp_path, environment(tmp_path, held))
    process.send_signal(number)
    told = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + number
    rest = "nothing that is finished is lost, and the same command goes on from there"
    assert told == f"entropyreg {stage} of {about} was stopped by {NAMES[number]}; {rest}.\n"
    left = [path.name for path in tmp_path.rglob("*") if re.search(r"\.tmp$|\.holder$|^failed", path.name)]
    assert not left and not (tmp_path / made).exists()
    assert main(list(map(str, arguments))) == 0
    assert (tmp_path / made).exists()
    if stage == "train-images":  # from the last checkpoint, to the end of an undisturbed one
        assert json.loads((tmp_path / "run/training.provenance.json").read_text())["resumed_from_epoch"] == 3
        train_image_run(IMAGES, tmp_path / "data", tmp_path / "undisturbed", 1)
        assert (tmp_path / made).read_bytes() == (tmp_path / "undisturbed/training.json").read_bytes()


def test_under_snakemake_which_tells_how_to_go_on_the_line_is_short(tmp_path):
    variables = environment(tmp_path, "a_table_translation.md") | {AGAIN: "make demo"}
    process = started(["entropyreg", *arguments_of("render", tmp_path)], tmp_path, variables)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30)[1] == "entropyreg render of a_table_translation was stopped by SIGTERM.\n"


def test_signals_are_as_before_afterwards_and_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as of a command in the background of a script
    try:
        with watched() as watch:
            os.kill(os.getpid(), signal.SIGINT)
            assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN)
        assert watch.received is None and signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)


SNAKEFILE = """
from entropyreg.stopping import stop_snakemake_in_one_line

stop_snakemake_in_one_line()

rule wait:
    output: "model"
    shell: "touch waiting; {job}"
"""


@pytest.mark.parametrize("number", NAMES)
def test_snakemake_ends_in_one_line_whoever_gets_the_signal(tmp_path, number):
    """The terminal sends Ctrl-C to all; `kill` sends SIGTERM to Snakemake alone, which ends its stages."""
    table = DATA / "collected_a_table_translation.json"
    stage = f"python -m entropyreg render a_table_translation --table {table} --out drawn"
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(job=stage))
    variables = environment(tmp_path, "a_table_translation.md")
    variables["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["snakemake", "--cores", "1", "model"]
    process = started(command, tmp_path, variables, cwd=tmp_path, start_new_session=True)
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    told = process.communicate(timeout=30)[1]
    name = NAMES[number]
    again = "nothing that is finished is lost, and `snakemake --cores 1 model` goes on from there"
    ended = [
        "entropyreg render of a_table_translation was stopped by " + name,
        f"Snakemake was stopped by {name}; {again}",
    ]
    assert process.returncode == 128 + number
    assert told.splitlines()[-2:] == [f"{line}." for line in ended]
    assert "Traceback" not in told and "Error" not in told
    assert not list(tmp_path.glob(".snakemake/locks/*"))  # the next start is not refused
