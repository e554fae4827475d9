"""Saving of what a scale has finished: whole chains, with what made them, and what is computed from them alone."""

import json
import shutil

import pytest
from made_reference import MadeReference
from made_runs import CLAIMS, DIGITS, NONE, write_text, write_text_run

from entropyreg.cli.main import main
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json, sha256_of, write_json
from entropyreg.provenance.committed import FILE
from entropyreg.provenance.origins import Origin, origin_path, origins_in
from entropyreg.reference import saving
from entropyreg.reference.adopting import adoption_of
from entropyreg.reference.chains import chains_of, incomplete
from entropyreg.reference.commands import act

SKEWED = NONE.replace("none", "jensen-skew0.50-strength1.00")
RECORD = ("run.json", "measures.csv", "projection.json", "blocks.npz", "provenance.json")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, workflow_dir):
    """A checkout in which two runs of text are measured, each a chain by itself, and a teacher without its students."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(workflow_dir, root / "workflow")
    made, results = MadeReference(root), root / "results" / "smoke"
    write_text(root / "text")
    for run, strength in ((NONE, 0.0), (SKEWED, 1.0)):
        folder = results / "runs" / run
        write_text_run(folder, run, strength)
        settings = made.planned("measure", {"run": run})[0] | {"beam_sizes": [], "temperatures": []}
        settings |= {"temperature_splits": []}
        places = ["--run-dir", str(folder), "--text", str(root / "text"), "--claims", str(CLAIMS)]
        assert main(["measure", "--settings", json.dumps(settings), *places]) == 0
        for job in made.text_run(run):
            write_origin(results, job)
    for job in made.image_run(DIGITS):
        write_origin(results, job)
    shutil.copytree(made.reference.results / "runs" / DIGITS, results / "runs" / DIGITS, dirs_exist_ok=True)
    for first, job in made.made.items():
        if not first.startswith("runs/"):
            write_origin(results, job)
    shutil.rmtree(made.reference.results)
    return root


def write_origin(results, job):
    """As a job leaves it: its outputs as they are, its processor, data sets named by where they lie."""
    first = next(iter(job.outputs))
    if job.stage == "measure":
        folder = next(iter(job.of.values()))
        job = job._replace(
            outputs={f"runs/{folder}/{name}": sha256_of(results / "runs" / folder / name) for name in RECORD}
        )
    if job.stage == "prepare":
        job = job._replace(inputs={"../../../elsewhere/corpus/train.de": "s", "sources/corpus/train.en": "t"})
    write_json(origin_path(str(results / first)), job._asdict())


@pytest.fixture
def root(finished, tmp_path, monkeypatch):
    origins_in.cache_clear()
    shutil.copytree(finished, tmp_path / "checkout")
    monkeypatch.chdir(tmp_path / "checkout")
    monkeypatch.setattr(saving, "make_artefacts", lambda *_: None)
    return tmp_path / "checkout"


def saved(root):
    told = saving.save("smoke", root)
    return MadeReference(root), told


def test_only_whole_chains_are_saved_and_the_rest_is_said(root):
    made, told = saved(root)
    runs = made.reference.results / "runs"
    assert {str(path.parent.relative_to(runs)) for path in runs.rglob("run.json")} == {NONE, SKEWED}
    assert told[0].startswith(f"2 of {len(made.experiments.runs) + len(made.experiments.image_runs)} runs are saved in")
    assert "The chain of smoke_digits/mlp/none is not whole, and not saved: 1 of 7 runs." in told
    left = incomplete(made.experiments, {NONE, SKEWED})
    assert "a_table_translation" in left and told[2:] == [
        f"{a} is left out: {n} have a record." for a, n in left.items()
    ]


def test_what_is_saved_is_adopted_by_a_fresh_clone(root, tmp_path, monkeypatch):
    made, _ = saved(root)
    shutil.rmtree(root / "results" / "smoke")
    found = adoption_of(root, made.config, made.experiments, made.planned)
    assert set(found.runs) == {NONE, SKEWED} and not found.stale


def test_origins_name_data_wherever_they_lie_and_nothing_of_the_machine_is_committed(root):
    provenance = root / "results" / "smoke" / "runs" / NONE / "provenance.json"
    made, _ = saved(root)
    folder = made.reference.results
    (prepare,) = (one for one in read_json(folder / FILE) if one["stage"] == "prepare")
    assert prepare["inputs"] == {"data:corpus/train.de": "s", "data:corpus/train.en": "t"}
    own = [Origin.of_content(one) for one in read_json(folder / "runs" / NONE / FILE)]
    assert [one.stage for one in own] == ["train", "predict", "predict", "measure"]
    assert f"runs/{NONE}/provenance.json" not in own[-1].outputs
    kept = read_json(folder / "runs" / NONE / "provenance.json")
    assert "host_platform" not in kept["training"] and kept["training"]["finished"] == "2026-12-01T00:00:00+00:00"
    assert read_json(provenance)["training"].keys() >= kept["training"].keys()
    assert read_json(folder / "machine.json") == {"processor": "of a test"}


def test_a_reference_grows_chain_by_chain(root):
    """Committed chains stay as long as they are current; notes of a maintainer stay too."""
    results = root / "results" / "smoke" / "runs"
    shutil.move(results / SKEWED, root / "later")
    made, _ = saved(root)
    (made.reference.results / "README.md").write_text("notes")
    shutil.rmtree(results / NONE)
    (results / SKEWED).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(root / "later", results / SKEWED)
    origins_in.cache_clear()
    _, told = saved(root)
    runs = made.reference.results / "runs"
    assert {str(path.parent.relative_to(runs)) for path in runs.rglob("run.json")} == {NONE, SKEWED}
    assert "1 of them as they were committed" in told[0] and (made.reference.results / "README.md").exists()


def test_stale_and_edited_records_are_not_saved(root):
    folder = root / "results" / "smoke" / "runs"
    (folder / NONE / "measures.csv").write_text("edited")
    origin = folder / SKEWED / ".origin" / "model.pt.json"
    write_json(origin, read_json(origin) | {"code": "0" * 16})
    with pytest.raises(UserError, match="no chain of scale 'smoke' is whole: run Snakemake first") as told:
        saved(root)
    assert f"runs/{NONE}/measures.csv is not what was measured: {NONE}" in str(told.value)
    assert f"other code of train: {SKEWED}" in str(told.value)


def test_a_record_that_is_too_large_is_refused(root, monkeypatch):
    monkeypatch.setattr(saving, "MOST_BYTES", 1000)
    with pytest.raises(UserError, match=r"the record of run '.*' has [\d,]+ bytes when compressed, [\d,]+ of them in "):
        saved(root)
    assert not (root / "results" / "reference" / "smoke").exists()
    assert not [path for path in root.iterdir() if path.name.startswith("tmp")]


def test_a_scale_without_results_is_refused(root):
    shutil.rmtree(root / "results" / "smoke")
    with pytest.raises(UserError, match="no chain of scale 'smoke' is whole: run Snakemake first"):
        act("save", "smoke", root)


def test_chains_link_students_with_teachers_and_trials_with_what_is_proposed(root):
    experiments = MadeReference(root).experiments
    chains = chains_of(experiments)
    of = {run: number for number, chain in enumerate(chains) for run in chain}
    assert sorted(of) == sorted([*experiments.runs, *experiments.image_runs])
    for run in experiments.image_runs.values():
        assert {of[needed] for needed in run.needed_runs} <= {of[run.id]}
    for run in experiments.runs.values():
        if run.regularizer.proposal:
            assert {of[one] for one in experiments.proposals[run.regularizer.proposal].run_ids} == {of[run.id]}
    assert [NONE] in chains
