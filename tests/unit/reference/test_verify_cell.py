"""The decisions of `make verify-cell`, from planted records in place of trainings."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from made_records import save_record

from entropyreg.forecast.machine import this_machine
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json, write_json
from entropyreg.reference.cells import runs_of_cell
from entropyreg.reference.commands import act
from entropyreg.reference.folders import Reference

DATA = Path(__file__).parents[2] / "data"
CELL = "a_table_translation/ger/demo_de_en"


def record(run, bleu):
    identity = {"run": run, "task": "demo_de_en", "model": "transformer", "seed": int(run[-1]), "updates": 750}
    return {**identity, "regularizer": {"skew": 0.5, "strength": 1.0}, "measures": {"test": {"bleu": bleu}}}


@pytest.fixture
def root(tmp_path):
    """A checkout with the reference of one table: BLEU 13.2 in both seeds of the cell."""
    reference = Reference.of("demo", tmp_path)
    table = reference.results / "tables" / "a_table_translation.json"
    table.parent.mkdir(parents=True)
    shutil.copyfile(DATA / "collected_a_table_translation.json", table)
    for run in runs_of_cell(read_json(table), "ger", "demo_de_en"):
        save_record(reference.results / "runs" / run, record(run, 13.2))
        for at in range(13):  # further seeds, which spread by .5
            further = run[:-1] + str(101 + at)
            folder = tmp_path / "results" / "reference" / "seeds" / "runs" / further
            save_record(folder, record(further, 13.2 + 0.5 * (-1) ** at))
    return tmp_path


def verify(root, monkeypatch, bleu, same_processor):
    """Let the training of each run of the cell give `bleu`; return the exit status and what was started."""
    started = []

    def train(command, cwd, check):
        assert check and cwd == root
        started.append(command)
        for target in (one for one in command if one.endswith("run.json")):
            run = str(Path(target).parent.relative_to("results/verify/demo/runs"))
            save_record((root / target).parent, record(run, bleu[run[-1]]))

    monkeypatch.setattr(subprocess, "run", train)
    processor = this_machine()["processor"]
    machine = {"processor": processor if same_processor else "another"}
    write_json(Reference.of("demo", root).results / "machine.json", machine)
    return act("cell", "demo", root, CELL), started


@pytest.mark.parametrize(
    ("bleu", "same", "status", "told"),
    [
        ((13.2, 13.2), True, 0, ["the same", "the same", "same processor"]),
        ((13.2, 13.2), False, 0, ["the same", "the same", "other processor"]),
        ((13.2, 14.0), False, 0, ["the same", "within the spread of seeds", "other processor"]),
        ((13.2, 14.0), True, 1, ["the same", "FAIL", "same processor"]),
        ((17.0, 13.2), False, 1, ["FAIL", "the same", "other processor"]),
    ],
)
def test_each_run_of_the_cell_is_trained_apart_and_judged(root, monkeypatch, capsys, bleu, same, status, told):
    found, started = verify(root, monkeypatch, dict(zip("12", bleu, strict=True)), same)
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("  ")]
    assert (found, [line.partition(":")[0] for line in lines]) == (status, told)
    (command,) = started
    assert "scale=demo" in command and "results_dir=results/verify" in command
    assert sum(one.startswith("results/verify/demo/runs/") for one in command) == 2
    assert not (root / "results" / "demo").exists()  # the scale's own results stay as they are


def test_the_difference_that_failed_is_named(root, monkeypatch, capsys):
    verify(root, monkeypatch, {"1": 17.0, "2": 13.2}, False)
    assert "measures.test.bleu: 17.0, not 13.2 (may differ by" in capsys.readouterr().out


def cells(*rows):
    names = ("row", "column", "model", "run")
    return {"artefact": "b_table", "rows": [dict(zip(names, row, strict=True)) for row in rows]}


def test_a_model_leaves_out_the_others_of_its_row():
    collected = cells(("hard", "mnist", "mlp", "mnist/mlp/none"), ("hard", "mnist", "cnn", "mnist/cnn/none"))
    assert runs_of_cell(collected, "hard", "mnist") == ["mnist/mlp/none", "mnist/cnn/none"]
    assert runs_of_cell(collected, "hard", "mnist:cnn") == ["mnist/cnn/none"]
    with pytest.raises(UserError, match="has no cell 'hard/mnist:rnn'; allowed: mnist:mlp, mnist:cnn"):
        runs_of_cell(collected, "hard", "mnist:rnn")


def test_a_cell_without_a_run_is_reported():
    with pytest.raises(UserError, match="no run of this scale fills it"):
        runs_of_cell(cells(("ger", "fr_en", None, None)), "ger", "fr_en")
    with pytest.raises(UserError, match="has no cell 'ger/fr_en:transformer'; allowed: none, no run"):
        runs_of_cell(cells(("ger", "fr_en", None, None)), "ger", "fr_en:transformer")
    survey = json.loads((DATA / "collected_b_table_survey.json").read_text(encoding="utf-8"))
    with pytest.raises(UserError, match="b_table_survey has no cell that is run: its numbers are transcribed"):
        runs_of_cell(survey, "with_smoothing", "wsj")
