"""The committed results: drawn again byte for byte, held against retrained ones, exported with their sums."""

import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from entropyreg.__main__ import main
from entropyreg.errors import UserError
from entropyreg.files import read_json, write_json
from entropyreg.reference.cells import runs_of_cell
from entropyreg.reference.commands import act
from entropyreg.reference.comparison import compare_records, compare_run
from entropyreg.reference.folders import Reference
from entropyreg.reference.tolerances import tolerances

DATA = Path(__file__).parents[2] / "data"
RUN = "de_en/transformer/none/seed1"
MEASURES = {"bleu": 13.2, "n_tokens": 600, "entropy_normalized": 0.31, "log_floor": 1}


def record(bleu):
    identity = {"run": RUN, "task": "de_en", "model": "transformer", "seed": 1, "updates": 750}
    return {**identity, "regularizer": {"skew": None, "strength": 0.0}, "measures": {"test": {"bleu": bleu}}}


@pytest.fixture
def root(tmp_path):
    """A checkout with finished demo results of two artefacts and one run."""
    results, figures = tmp_path / "results" / "demo", tmp_path / "paper_figures" / "demo"
    for name in ("a_table_translation", "a_figure_entropy_bleu"):
        (results / "tables").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DATA / f"collected_{name}.json", results / "tables" / f"{name}.json")
        assert main(["render", name, "--table", str(results / "tables" / f"{name}.json"), "--out", str(figures)]) == 0
    write_json(results / "runs" / RUN / "record.json", record(13.2))
    write_json(results / "runs" / RUN / "provenance.json", {})
    (results / "runs" / RUN / "model.pt").write_bytes(b"weights")
    (results / "runs" / RUN / "checkpoints").mkdir()
    (results / "runs" / RUN / "checkpoints" / "last.pt").write_bytes(b"for resuming")
    (figures / "report.html").write_text("a page")
    return tmp_path


def test_what_was_saved_is_drawn_again_with_the_same_bytes(root, capsys):
    assert act("save", "demo", root) == 0
    assert act("verify", "demo", root) == 0
    assert "OK: 7 files drawn again, every byte as committed" in capsys.readouterr().out
    reference = Reference.of("demo", root)
    assert not (reference.figures / "report.html").exists()
    sums = subprocess.run(
        ["sha256sum", "record.json"], cwd=reference.results / "runs" / RUN, capture_output=True, text=True
    )
    assert f"{sums.stdout.split()[0]}  results/runs/{RUN}/record.json" in (reference.results / "SHA256SUMS").read_text()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda one: (one.figures / "a_table_translation.md").write_text("x"), "a_table_translation.md was changed"),
        (lambda one: (one.figures / "a_table_translation.md").write_text("x"), "a_table_translation.md is drawn with"),
        (lambda one: (one.figures / "a_table_translation.csv").unlink(), "is drawn, but not committed"),
        (lambda one: (one.results / "runs" / RUN / "record.json").unlink(), "record.json is missing"),
        (lambda one: (one.results / "more.json").write_text("{}"), "results/more.json is not in SHA256SUMS"),
    ],
)
def test_whatever_differs_is_named(root, capsys, change, told):
    act("save", "demo", root)
    change(Reference.of("demo", root))
    assert act("verify", "demo", root) == 1
    assert told in capsys.readouterr().out


def test_a_scale_without_a_reference_is_told(tmp_path):
    with pytest.raises(UserError, match="SHA256SUMS is missing: this scale has no reference"):
        act("verify", "paper", tmp_path)
    with pytest.raises(UserError, match="has no finished results: run Snakemake first"):
        act("save", "paper", tmp_path)


def test_drawing_goes_to_a_folder_that_no_rule_writes(root):
    act("save", "demo", root)
    before = sorted((root / "paper_figures" / "demo").iterdir())
    assert act("draw", "demo", root) == 0
    assert sorted((root / "paper_figures" / "demo").iterdir()) == before
    assert len(list((root / "paper_figures" / "drawn" / "demo").iterdir())) == 7


def outcome(found, same_type=False):
    records = [{"seed": 1, "measures": {"test": own}} for own in (MEASURES, {**MEASURES, **found})]
    return compare_records(*records, tolerances(), same_type)


def test_equal_numbers_are_ok_on_every_processor():
    assert outcome({}, same_type=True).outcome == outcome({}).outcome == "OK"
    assert outcome({}).n_measures == 4


def test_another_processor_may_differ_as_seeds_do_and_the_same_not_at_all():
    assert outcome({"bleu": 14.0}).outcome == "within tolerance"
    assert outcome({"bleu": 14.0}, same_type=True).outcome == "FAIL"
    assert outcome({"bleu": 17.0}).outcome == "FAIL"
    assert outcome({"bleu": 17.0, "entropy_normalized": 0.32}).outcome == "FAIL"  # a later small one mends nothing
    assert "bleu: differs by 3.8 (allowed: 3)" in outcome({"bleu": 17.0}).remarks[0]
    assert "bleu: differs" in outcome({"bleu": 17.0, "entropy_normalized": 0.349}).remarks[0]  # the worst comes first


def test_counts_and_what_is_absent_may_not_differ():
    assert outcome({"n_tokens": 601}).outcome == "FAIL"
    assert outcome({"bleu": None}).outcome == "FAIL"
    assert outcome({"not_known_to_any_rule": 0.5}).remarks == ["measures.test.not_known_to_any_rule: 0.5, not absent"]
    record = {"seed": 1, "measures": {"test": MEASURES}}
    assert compare_records(record, {"seed": 1, "measures": {}}, tolerances(), False).outcome == "FAIL"


def test_a_retrained_scale_is_held_against_its_reference(root, capsys):
    act("save", "demo", root)
    assert act("compare", "demo", root) == 0 and f"OK: {RUN}, 1 measures" in capsys.readouterr().out
    write_json(root / "results" / "demo" / "runs" / RUN / "record.json", record(14.0))
    assert act("compare", "demo", root) == 1  # this very processor made the reference
    machine = Reference.of("demo", root).results / "machine.json"
    write_json(machine, read_json(machine) | {"processor": "another"})
    assert act("compare", "demo", root) == 0 and "within tolerance" in capsys.readouterr().out
    (root / "results" / "demo" / "runs" / RUN / "record.json").unlink()
    with pytest.raises(UserError, match=r"record\.json is missing: nothing to compare"):
        compare_run(RUN, Reference.of("demo", root).results, root / "results" / "demo")


def test_a_cell_names_its_runs():
    cells = [("ger", "de_en", "one"), ("ger", "de_en", "two"), ("ger", "fr_en", None), ("none", "de_en", "three")]
    rows = [{"row": row, "column": column, "run": run} for row, column, run in cells]
    collected = {"artefact": "a_table", "rows": rows}
    assert runs_of_cell(collected, "ger", "de_en") == ["one", "two"]
    with pytest.raises(UserError, match="has no cell 'ger/xx'; allowed: ger/de_en, ger/fr_en, none/de_en"):
        runs_of_cell(collected, "ger", "xx")
    with pytest.raises(UserError, match="no run of this scale fills it"):
        runs_of_cell(collected, "ger", "fr_en")


@pytest.mark.parametrize("cell", [None, "a_table_translation/ger", "a_table_nothing/ger/de_en"])
def test_a_cell_that_is_none_is_told(root, cell):
    act("save", "demo", root)
    with pytest.raises(UserError, match="allowed: ARTEFACT/ROW/COLUMN, ARTEFACT one of a_figure_entropy_bleu, a_table"):
        act("cell", "demo", root, cell)


def test_the_archive_has_models_and_sums_but_no_checkpoints(root):
    assert act("export", "demo", root, out=root / "one.tar") == act("export", "demo", root, out=root / "two.tar") == 0
    assert (root / "one.tar").read_bytes() == (root / "two.tar").read_bytes()
    with tarfile.open(root / "one.tar") as archive:
        names = archive.getnames()
        sums = archive.extractfile("demo/SHA256SUMS").read().decode()
        weights = archive.extractfile(f"demo/runs/{RUN}/model.pt").read()
    assert names[0] == "demo/SHA256SUMS" and not any("checkpoints" in name for name in names)
    assert f"{hashlib.sha256(weights).hexdigest()}  demo/runs/{RUN}/model.pt" in sums
    with pytest.raises(UserError, match=r"allowed: a name that ends in \.tar"):
        act("export", "demo", root, out=root / "one.zip")
