"""Advice costs no more than what is damaged: the file that a sentence says to delete holds nothing that is dear."""

import json
import re
from pathlib import Path

import pytest
from damage import checked, run_stage
from made_runs import CLAIMS, DIGITS, NONE, Smoke, write_image_run, write_text, write_text_run

from entropyreg.cli.blame import READ_BY, read_by
from entropyreg.cli.main import STAGES, parser
from entropyreg.io.files import write_json

SHARED = ("run_dir", "runs", "results", "results_dir", "teacher", "matched_to", "text")  # hold more than one output


@pytest.mark.parametrize("command", sorted(READ_BY))
def test_no_command_blames_a_folder_that_holds_more_than_what_it_read(command):
    argument, name = READ_BY[command]
    assert argument in {flag.lstrip("-").replace("-", "_") for flag, _ in STAGES[command][2]}
    assert name or argument not in SHARED


def test_a_command_that_names_what_it_reads_where_it_reads_it_blames_nothing_else():
    args = parser().parse_args(["records"])
    assert read_by(args) is None


def of_run(folder):
    """The stages that read a run's folder, with their arguments, and the file in it that holds `[3]` instead."""
    smoke, text, images = Smoke(), folder / "runs" / NONE, folder / "runs" / DIGITS
    own = ["--run-dir", text, "--text", folder / "text", "--claims", CLAIMS]
    seeds = ["--run-dir", images, "--data", folder / "images", "--claims", CLAIMS]
    predict = ["--settings", json.dumps({"run": DIGITS, "device": "cpu", "splits": ["valid"]})]
    for name in ("training.json", "training.provenance.json"):
        yield text / name, ["measure", "--settings", smoke.measuring(NONE), *own]
        yield images / name, ["measure-images", "--settings", smoke.measuring(DIGITS), *seeds]
    yield images / "predictions.json", ["measure-images", "--settings", smoke.measuring(DIGITS), *seeds]
    yield images / "training.json", ["predict-images", *predict, "--data", folder / "images", "--run-dir", images]


@pytest.mark.parametrize("content", ["[3]", "null", "{}", '{"run": 3, "seconds": [1]}', "x"])
def test_a_damaged_file_of_a_run_is_to_be_deleted_and_not_its_folder(tmp_path, content):
    write_text(tmp_path / "text")
    write_text_run(tmp_path / "runs" / NONE, NONE, 0.0)
    write_image_run(tmp_path / "runs" / DIGITS, DIGITS, tmp_path / "images")
    for path, arguments in of_run(tmp_path):
        before = path.read_text()
        path.write_text(content)
        told = run_stage(*arguments)
        path.write_text(before)
        if told is None:  # nothing is read of the provenance: it is kept as it is
            assert path.name == "training.provenance.json" and content != "x"
        else:
            assert deleted_by(checked(told, (str(path),)), path) == path


def deleted_by(sentence, path):
    """What a sentence says to delete: a path, or 'it' and 'the file', which is the one that it names."""
    (what,) = re.findall(r"delete (it|the file|/\S+)", sentence)
    return path if what in ("it", "the file") else Path(what)


@pytest.mark.parametrize("content", [[3], {"stage": "train"}, None])
def test_status_names_a_damaged_note_of_a_failure(tmp_path, content):
    path = tmp_path / "smoke/runs" / NONE / "failed.train.json"
    write_json(path, content)
    told = run_stage("status", "--scale", "smoke", "--results-dir", tmp_path)
    assert deleted_by(checked(told, (str(path),)), path) == path
