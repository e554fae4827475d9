"""The image part of the smoke DAG: every kind of run, up to the collected tables."""

import json

import pytest

from entropyreg.config.loading import load_config
from entropyreg.experiments import load_experiments
from entropyreg.io.files import read_npz
from entropyreg.measuring.blocks import N_BLOCKS
from entropyreg.measuring.record_files import read_record

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def experiments(workflow_dir):
    return load_experiments(workflow_dir, load_config(workflow_dir, {"scale": "smoke"}))


def table(smoke, name):
    return json.loads((smoke / "results/smoke/tables" / f"{name}.json").read_text())


def record(smoke, run):
    return read_record(smoke / "results/smoke/runs" / run)


def test_every_declared_image_run_is_in_the_tables_that_show_it(smoke, experiments):
    shown = [artefact for artefact in experiments.artefacts.values() if artefact.images]
    assert len(shown) == 10
    for artefact in shown:
        collected = table(smoke, artefact.name)
        done = {row["run"] for row in collected["rows"] if row["status"] == "done"}
        assert done == set(artefact.run_ids)
        for row in collected["rows"]:
            assert row["status"] == "done" or row["reason"] == "not run at smoke scale"
            if row["status"] == "done" and row["column"] in artefact.image_tasks:  # one table shows translation too
                assert set(row["measures"]) == set(artefact.measures)


def test_image_records_are_deterministic_content(smoke, experiments):
    for name, run in experiments.image_runs.items():
        path = smoke / "results/smoke/runs" / name / "run.json"
        assert str(smoke) not in path.read_text() and "images_per_second" not in path.read_text()
        assert record(smoke, name)["run"] == name
        assert set(record(smoke, name)["measures"]) == {str(seed) for seed in run.seeds}
        assert json.loads((path.parent / "provenance.json").read_text())["training"]["seconds"] > 0
        bins = read_npz(path.parent / "blocks.npz")["test.reliability"]
        assert bins.shape == (len(run.seeds), N_BLOCKS, 45) and bins[..., :15].sum() == 100 * len(run.seeds)


def test_a_student_that_is_matched_sees_the_entropy_of_the_other_teacher(smoke, experiments):
    (matched,) = [run for run in experiments.image_runs.values() if run.teaching and run.teaching.matched_to]
    reference = record(smoke, matched.teaching.matched_to)["measures"].values()
    wanted = sum(one["scores"]["train"]["entropy_normalized"] for one in reference) / len(matched.seeds)
    taught = [one["teacher"] for one in record(smoke, matched.id)["measures"].values()]
    assert sum(one["entropy_normalized"] for one in taught) / len(taught) == pytest.approx(wanted, abs=1e-6)
    assert taught[0]["temperature"] != 1


def test_scores_of_validation_are_those_that_training_saw(smoke, experiments):
    for name in experiments.image_runs:
        found = record(smoke, name)
        for own in found["measures"].values():
            assert own["scores"]["valid"]["accuracy"] == pytest.approx(own["learning"]["valid_accuracy"][-1])
            assert own["scores"]["valid"]["nll"] == pytest.approx(own["learning"]["valid_nll"][-1], abs=1e-6)


def test_of_temperatures_that_were_not_chosen_no_test_is_shown(smoke, experiments):
    rows = [row for row in table(smoke, "b_figure_distillation")["rows"] if row["row"] == "from_hard"]
    assert {row["selected"] for row in rows} == {True, False}
    assert all(("test" in row["measures"]["scores"]) == row["selected"] for row in rows)
