"""Files of one run in the folder of another, each whole: the next stage names the file and what must be made again."""

import json
import shutil

import pytest
import torch
from damage import run_stage
from made_runs import CLAIMS, DIGITS, NONE, SMOOTHED, Smoke, bind, write_image_run, write_text, write_text_run

from entropyreg.io.files import read_json, write_json
from entropyreg.io.trained_weights import digest_of

OTHER_DIGITS = "smoke_digits/mlp/label_smoothing0.10"
WEIGHTS = ("model.pt", "training.json")


@pytest.fixture(scope="module")
def smoke():
    return Smoke()


@pytest.fixture
def folder(tmp_path):
    """runs/ of two runs of text and two of images, each with its own weights; text/ and images/ are their data."""
    write_text(tmp_path / "text")
    for run, strength in ((NONE, 0.0), (SMOOTHED, 0.1111)):
        write_text_run(tmp_path / "runs" / run, run, strength)
    for run in (DIGITS, OTHER_DIGITS):
        write_image_run(tmp_path / "runs" / run, run, tmp_path / "images")
    for number, run in enumerate((NONE, SMOOTHED, DIGITS, OTHER_DIGITS)):
        write_weights(tmp_path / "runs" / run, float(number))
    return tmp_path


def write_weights(run_dir, value):
    """A `model.pt` that `training.json` describes."""
    weights = {"layer": torch.full((3,), value)}
    weights = weights if "run" in read_json(run_dir / "training.json") else {"seed1": weights}
    torch.save(weights, run_dir / "model.pt")
    training = read_json(run_dir / "training.json")
    write_json(run_dir / "training.json", {**training, "weights_sha256": digest_of(weights)})
    bind(run_dir)


def exchange(first, second, *names):
    """Put the files of each of two folders into the other."""
    for name in names:
        kept = first.with_name(f"{first.name}.kept")
        shutil.move(first / name, kept)
        shutil.move(second / name, first / name)
        shutil.move(kept, second / name)


def stage_of(command, smoke, folder, run):
    """The arguments of a stage that reads the weights of `run`, or what was predicted with them."""
    own = folder / "runs" / run
    if command == "train-images":  # a student of `run`
        distillation = {"teacher": run, "loss": "logits", "weight": 1.0}
        settings = json.dumps({"run": "a/b/student", "distillation": distillation})
        return ["--settings", settings, "--data", folder, "--run-dir", folder / "student", "--teacher", own]
    if command.startswith("measure"):
        data = ["--text", folder / "text"] if command == "measure" else ["--data", folder / "images"]
        return ["--settings", smoke.measuring(run), "--run-dir", own, "--claims", CLAIMS, *data]
    data = ["--data" if command == "predict-images" else "--binary", folder]
    split = ["--split", "test"] if command == "predict" else []
    return ["--settings", json.dumps({"run": run, "device": "cpu", "splits": []}), "--run-dir", own, *data, *split]


@pytest.mark.parametrize(
    ("command", "run", "other"),
    [
        *((name, NONE, SMOOTHED) for name in ("predict", "predict-beams", "predict-temperatures", "measure")),
        *((name, DIGITS, OTHER_DIGITS) for name in ("predict-images", "measure-images", "train-images")),
    ],
)
def test_the_outcome_of_another_training_is_refused(smoke, folder, command, run, other):
    """Weights and `training.json` of two runs are exchanged, so that both still fit each other."""
    exchange(folder / "runs" / run, folder / "runs" / other, *WEIGHTS)
    told = run_stage(command, *stage_of(command, smoke, folder, run))
    path = folder / "runs" / run / "training.json"
    assert told == f"entropyreg {command}: {path} is of the run '{other}', not of '{run}': delete it and run again.\n"


def test_the_teacher_of_a_measured_student_is_the_one_that_it_learnt_from(smoke, folder):
    training = read_json(folder / "runs" / DIGITS / "training.json")
    training["settings"]["distillation"] = {"teacher": OTHER_DIGITS, "loss": "logits", "weight": 1.0}
    write_json(folder / "runs" / DIGITS / "training.json", training)
    bind(folder / "runs" / DIGITS)
    settings = json.dumps(json.loads(smoke.measuring(DIGITS)) | {"teacher": OTHER_DIGITS})
    exchange(folder / "runs" / OTHER_DIGITS, folder / "runs" / NONE, "training.json")
    told = run_stage(
        *("measure-images", "--settings", settings, "--run-dir", folder / "runs" / DIGITS, "--claims", CLAIMS),
        *("--data", folder / "images", "--teacher", folder / "runs" / OTHER_DIGITS),
    )
    assert f"{OTHER_DIGITS}/training.json is of the run '{NONE}', not of '{OTHER_DIGITS}'" in told


def test_a_teacher_that_nobody_named_is_refused(folder):
    settings = json.dumps({"run": "a/b/student", "distillation": {"loss": "logits", "weight": 1.0}})
    arguments = ["--settings", settings, "--data", folder, "--run-dir", folder / "student"]
    told = run_stage("train-images", *arguments, "--teacher", folder / "runs" / DIGITS)
    assert "run 'a/b/student': --teacher needs the key distillation.teacher" in told
