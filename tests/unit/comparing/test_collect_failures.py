"""A run that stopped with an error is a cell that failed, for as long as it has no record."""

import json

import pytest
from made_runs import Smoke

from entropyreg.comparing.collect import missing_reason
from entropyreg.comparing.joined_collect import collect_artefact
from entropyreg.config.settings import collecting_settings
from entropyreg.io.errors import UserError
from entropyreg.io.files import write_json
from entropyreg.io.run_folder import failure_path, forget_failures, note_failure

SETTINGS = {"scale": "demo"}
CELL = {"run": "de_en/transformer/none/seed1"}


def test_the_reason_is_the_failure_that_the_run_noted(tmp_path):
    folder = tmp_path / CELL["run"]
    folder.mkdir(parents=True)
    assert missing_reason(SETTINGS, CELL, tmp_path) == "no record yet"
    note_failure(folder, "train", "the loss is NaN at update 12.\nTraceback ...")
    assert missing_reason(SETTINGS, CELL, tmp_path) == "failed: the loss is NaN at update 12."
    forget_failures(folder, "train")
    assert missing_reason(SETTINGS, CELL, tmp_path) == "no record yet"


def test_a_record_supersedes_a_failure_and_an_absent_run_is_not_run(tmp_path):
    folder = tmp_path / CELL["run"]
    folder.mkdir(parents=True)
    note_failure(folder, "measure", "out of memory")
    write_json(folder / "run.json", {})
    assert missing_reason(SETTINGS, CELL, tmp_path) is None
    assert missing_reason(SETTINGS, {"run": None}, tmp_path) == "not run at demo scale"


def test_a_damaged_note_of_failure_is_reported(tmp_path):
    write_json(failure_path(tmp_path / CELL["run"], "train"), {"stage": "train"})
    with pytest.raises(UserError, match=r"failed\.train\.json"):
        missing_reason(SETTINGS, CELL, tmp_path)


@pytest.mark.parametrize("name", ["a_table_translation", "b_table_accuracy", "b_table_teachers"])
def test_a_table_that_lacks_runs_says_how_many_it_shows(tmp_path, name):
    smoke = Smoke()
    artefact = smoke.experiments.artefacts[name]
    settings = json.loads(json.dumps(collecting_settings(smoke.config, smoke.experiments, artefact)))
    note = collect_artefact(settings, tmp_path)["scale_note"]
    assert note == f"{smoke.config['scale_note']}; 0 of {len(artefact.run_ids)} runs" and artefact.run_ids
    assert (
        collect_artefact(settings | {"cells": [], "text": None}, tmp_path)["scale_note"] == smoke.config["scale_note"]
    )
