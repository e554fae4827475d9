"""Adopting of committed records: which runs they stand in for, and what is said of the others."""

import json
import shutil
from pathlib import Path

import pytest
from made_reference import MadeReference

from entropyreg.cli.main import main
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json, write_json
from entropyreg.provenance import code_identity
from entropyreg.provenance.committed import FILE, Jobs, Today
from entropyreg.provenance.origins import Origin, origins_in
from entropyreg.provenance.run_folders import RunFolders
from entropyreg.reference.adopting import adoption_of

TRANSFORMER = "smoke_de_en/transformer/none/seed1"


@pytest.fixture(scope="module")
def committed(tmp_path_factory, workflow_dir):
    """A checkout with a record of every smoke run, made by the present code."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(workflow_dir, root / "workflow")
    return MadeReference(root).write()


@pytest.fixture
def made(committed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    origins_in.cache_clear()
    shutil.copytree(committed.root, tmp_path, dirs_exist_ok=True)
    copy = MadeReference(tmp_path)
    copy.made, copy.sums = dict(committed.made), dict(committed.sums)
    return copy


def adopted(made, planned=None, **config):
    return adoption_of(made.root, made.config | config, made.experiments, planned or made.planned)


def declared_of(made):
    return {*made.experiments.runs, *made.experiments.image_runs}


def changed(made, stage, wanted=lambda declared, of: True, **keys):
    """`planned` with other settings of a stage where `wanted`, and other code if `code` is among the keys."""

    def planned(own, of):
        declared, code = made.planned(own, of)
        if own != stage or not wanted(declared, of):
            return declared, code
        return {**declared, **{key: value for key, value in keys.items() if key != "code"}}, keys.get("code", code)

    return planned


def test_records_of_the_present_code_settings_and_data_are_all_adopted(made):
    found = adopted(made)
    assert set(found.runs) == declared_of(made) and not found.stale and not found.trained
    assert found.scores == {run for one in made.experiments.proposals.values() for run in one.run_ids} != set()
    assert found.sentences(9)[0] == f"{len(found.runs)} of 9 runs are adopted from {made.reference.results}."


def test_the_list_of_adopted_runs_says_where_records_lie_and_what_made_them(made, capsys):
    results = Path("results/smoke")
    command = [
        "adopt",
        "--reference",
        str(made.reference.results),
        "--out",
        str(results / "adopted.json"),
        "--settings",
    ]
    assert main([*command, json.dumps({"runs": [TRANSFORMER]})]) == 0
    assert read_json(results / "adopted.json") == {
        "runs": {
            TRANSFORMER: {
                "folder": f"../reference/smoke/runs/{TRANSFORMER}",
                "commit": "0123456789abcdef",
                "processor": "of a test",
                "code": {one.stage: one.code for one in made.made.values() if one.of.get("run") == TRANSFORMER},
            }
        }
    }
    folders = RunFolders.in_results(results)
    assert folders / TRANSFORMER == Path("results/reference/smoke/runs") / TRANSFORMER
    assert folders / "another" == results / "runs" / "another" and folders.source("another") is None
    assert folders.source(TRANSFORMER) == "results/reference/smoke, commit 0123456789ab"
    assert main([*command, json.dumps({"runs": ["another/run/none/seed1"]})]) == 2
    assert "does not tell what made the record of run 'another/run/none/seed1'" in capsys.readouterr().err


def test_records_on_another_processor_are_adopted_and_said(made):
    said = adopted(made).sentences(9)
    assert "were trained on of a test (" in said[1] and "not compared with them seed by seed" in said[1]


@pytest.mark.parametrize(
    ("stage", "keys", "reason"),
    [
        ("train", {"code": "0" * 16}, "other code of train"),
        ("train", {"device": "cuda"}, "other settings of train (device)"),
        (
            "predict",
            {"decoding": {}, "floor_factors": 1},
            "other settings of predict (decoding.beam, decoding.length_pena",
        ),
        ("measure", {"code": "0" * 16}, "other code of measure"),
        ("prepare", {"code": "0" * 16}, "other code of prepare"),
        ("binarize", {"lowercase": 3}, "other settings of binarize (lowercase)"),
    ],
)
def test_what_would_come_out_otherwise_is_named_as_stale_with_the_reason(made, stage, keys, reason):
    found = adopted(made, changed(made, stage, **keys))
    assert set(found.stale) == set(made.experiments.runs) and set(found.runs) == set(made.experiments.image_runs)
    assert all(one.startswith(reason) for one in found.stale.values())
    (said,) = (one for one in found.sentences(9) if "stale" in one)
    assert said.startswith(f"{len(made.experiments.runs)} records are stale, and not adopted: {reason}")
    assert "more runs." in said


def test_a_chain_is_adopted_whole(made):
    """A student is stale with its teacher, what was proposed from a trial with that trial."""
    student = next(run for run in made.experiments.image_runs.values() if run.teaching)
    teacher = student.teaching.teacher
    found = adopted(made, changed(made, "train-images", lambda _, of: of["image_run"] == teacher, seeds=[7]))
    needing = {run.id for run in made.experiments.image_runs.values() if teacher in run.needed_runs}
    assert student.id in needing and {teacher, *needing} <= set(found.stale)
    proposal = next(iter(made.experiments.proposals.values()))
    trial = proposal.run_ids[0]
    found = adopted(made, changed(made, "predict", lambda _, of: of["run"] == trial, device="cuda"))
    winners = {run.id for run in made.experiments.runs.values() if run.regularizer.proposal == proposal.name}
    assert winners and {trial, *winners} <= set(found.stale)


def test_a_new_student_trains_its_adopted_teacher_again_and_that_is_said(made):
    student = next(run.id for run in made.experiments.image_runs.values() if run.teaching)
    shutil.rmtree(made.reference.results / "runs" / student)
    found = adopted(made)
    teacher = made.experiments.image_runs[student].teaching.teacher
    assert teacher in found.runs and found.trained[teacher] == [student]
    told = f"{teacher} is adopted; its weights are not committed, so it is trained for {student}."
    assert told in found.sentences(9)


def test_a_new_trial_reads_the_committed_scores_of_the_others(made):
    proposed = next(run for run in made.experiments.runs.values() if run.regularizer.proposal)
    shutil.rmtree(made.reference.results / "runs" / proposed.id)
    found = adopted(made)
    needed = made.experiments.proposals[proposed.regularizer.proposal].run_ids
    assert set(needed) <= found.scores and not found.trained


def test_code_that_was_proved_equal_keeps_records_current(made, monkeypatch, tmp_path):
    def other(stage, of):
        declared, code = made.planned(stage, of)
        return declared, code_identity.equal_digests(tmp_path / "equal.json").get((stage, f"new {code}"), f"new {code}")

    write_json(tmp_path / "equal.json", [])
    assert not adopted(made, other).runs
    code_identity.equal_digests.cache_clear()
    stages = {(one.stage, one.code) for one in made.made.values()}
    write_json(tmp_path / "equal.json", [{"stage": s, "old": c, "new": f"new {c}", "proof": {}} for s, c in stages])
    assert set(adopted(made, other).runs) == declared_of(made)


def test_other_data_in_the_users_folder_are_noticed_and_absent_ones_are_not_needed(made, tmp_path):
    origins = read_json(made.reference.results / FILE)
    of_text = next(one for one in origins if one["stage"] == "prepare" and one["of"]["task"] == "smoke_de_en")
    of_text["inputs"] = {"data:corpus/train.de": "wanted"}
    write_json(made.reference.results / FILE, origins)
    assert TRANSFORMER in adopted(made).runs
    (tmp_path / "mine" / "corpus").mkdir(parents=True)
    (tmp_path / "mine" / "corpus" / "train.de").write_text("another text")
    assert adopted(made, data_dir=str(tmp_path / "mine")).stale[TRANSFORMER] == "other data (corpus/train.de)"
    of_text["inputs"] = {"data:multi30k/train.de.gz": "of another release"}
    write_json(made.reference.results / FILE, origins)
    assert adopted(made).stale[TRANSFORMER] == "other data (multi30k/train.de.gz)"


def test_prepared_data_are_compared_by_their_sums(made):
    """Equal text is equal data, whatever code prepared it; another one is not."""
    results, other = Path("results/smoke"), MadeReference(made.root)
    for task in ("smoke_de_en", "smoke_en_de", "smoke_docstrings"):
        other.text_data(task)
    other.prepare(results)
    assert adopted(made).stale[TRANSFORMER].startswith("other data (data/smoke_de_en/")
    other.write()
    origins = read_json(made.reference.results / FILE)
    older = [one | {"code": "older"} if one["stage"] == "prepare" else one for one in origins]
    write_json(made.reference.results / FILE, older)
    assert TRANSFORMER in adopted(other).runs
    shutil.rmtree(results)
    assert adopted(other).stale[TRANSFORMER] == "other code of prepare"


def test_records_of_no_declared_run_and_records_without_origins_are_told(made):
    folder = made.reference.results / "runs"
    (folder / TRANSFORMER / FILE).unlink()
    shutil.copytree(folder / TRANSFORMER, folder / TRANSFORMER.replace("seed1", "seed99"))
    found = adopted(made)
    assert found.stale[TRANSFORMER.replace("seed1", "seed99")] == "no run of this name is declared"
    assert found.stale[TRANSFORMER] == f"nothing tells what made runs/{TRANSFORMER}/run.json"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            lambda folder: (folder / "measures.csv").write_text("x"),
            r"measures\.csv is not what was measured: restore it",
        ),
        (lambda folder: (folder / "blocks.npz").unlink(), r"blocks\.npz is missing: restore it \(git checkout"),
        (lambda folder: (folder / FILE).write_text("[{"), r"origins\.json is damaged \(.*\): restore it"),
        (lambda folder: (folder / FILE).write_text('[{"stage": 3}]'), r"origins\.json is damaged"),
    ],
)
def test_a_damaged_reference_is_refused_in_a_sentence(made, damage, told):
    damage(made.reference.results / "runs" / TRANSFORMER)
    with pytest.raises(UserError, match=told):
        adopted(made)


def test_a_record_of_claims_outside_the_recorded_chain_is_refused(made):
    other = MadeReference(made.root)
    other.about = other.about | {"claims_sha256": "5" * 64}
    other.write()
    with pytest.raises(
        UserError, match=r"run\.json: the record of run '.*' was measured under the claims of digest 5555"
    ):
        adopted(other)


def test_a_scale_without_committed_records_is_refused(made):
    with pytest.raises(
        UserError, match=r"adopt is true, but scale 'paper' has no committed record in .*; allowed: smoke\."
    ):
        adopted(made, scale="paper")


def test_the_order_of_origins_does_not_matter_and_a_circle_is_refused(made):
    path = made.reference.results / "runs" / TRANSFORMER / FILE
    jobs = json.loads(path.read_text())
    path.write_text(json.dumps(jobs[::-1]))
    assert TRANSFORMER in adopted(made).runs
    jobs[0]["inputs"] = {f"runs/{TRANSFORMER}/run.json": jobs[-1]["outputs"][f"runs/{TRANSFORMER}/run.json"]}
    path.write_text(json.dumps(jobs))
    with pytest.raises(UserError, match=r"by its origins\.json, runs/.* was made from itself: restore it"):
        adopted(made)


def test_a_long_chain_of_trials_is_followed_to_its_end(made):
    """Deeper than Python calls functions: a guided search has a trial for each of hundreds of jobs."""
    inputs = [{f"runs/{n}": "s"} if n else {} for n in range(2000)]
    origins = [Origin("train", {}, {}, "c", own, {f"runs/{n}": "s"}) for n, own in enumerate(inputs, 1)]
    today = Today(lambda stage, of: ({}, "c"), lambda name: None, lambda name: None)
    jobs = Jobs(origins[::-1], today)
    assert jobs.reason("runs/2000") is None and len(jobs.closure("runs/2000")) == 2000
    assert Jobs(origins[1:], today).reason("runs/2000") == "nothing tells what made runs/1"
