"""The committed results: redrawn byte for byte, compared with retrained ones, exported with their checksums."""

import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from made_records import save_record
from made_runs import CLAIMS, NONE, SMOOTHED, Smoke, write_text, write_text_run

from entropyreg.cli.main import main
from entropyreg.config.settings import collecting_settings
from entropyreg.io.errors import UserError
from entropyreg.io.files import write_json
from entropyreg.io.processors import processor_type
from entropyreg.measuring.blocks import FILE
from entropyreg.measuring.record_files import FILES
from entropyreg.reference.cells import runs_of_cell
from entropyreg.reference.chains import incomplete, judging_settings
from entropyreg.reference.commands import act
from entropyreg.reference.comparison import FAIL, SAME, WITHIN, Rules, compare_records
from entropyreg.reference.drawing import draw_all
from entropyreg.reference.folders import Reference
from entropyreg.reference.recomputing import has_blocks, recompute
from entropyreg.reference.spread import Spread

DATA = Path(__file__).parents[2] / "data"
RUN = "de_en/transformer/none/seed1"
MEASURES = {"bleu": 13.2, "n_tokens": 600, "entropy_normalized": 0.31, "log_floor": 1}


def record(bleu, seed=1, **measures):
    identity = {"run": RUN.replace("seed1", f"seed{seed}"), "task": "de_en", "model": "transformer", "seed": seed}
    found = {"bleu": bleu, **measures}
    return {**identity, "updates": 750, "regularizer": {"skew": None, "strength": 0.0}, "measures": {"test": found}}


def seeds():
    """Further seeds of the run, by whose spread another processor is judged: .5 BLEU, .02 of entropy."""
    signs = [(-1) ** seed for seed in range(13)]
    return [
        record(13.2 + 0.5 * sign, 101 + at, n_tokens=600, entropy_normalized=0.31 + 0.02 * sign, log_floor=1)
        for at, sign in enumerate(signs)
    ]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A checkout with finished demo results of two artefacts and one run."""
    folder = tmp_path_factory.mktemp("checkout")
    results, figures = folder / "results" / "demo", folder / "paper_figures" / "demo"
    for name in ("a_table_translation", "a_figure_entropy_bleu"):
        (results / "tables").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DATA / f"collected_{name}.json", results / "tables" / f"{name}.json")
        assert main(["render", name, "--table", str(results / "tables" / f"{name}.json"), "--out", str(figures)]) == 0
    save_record(results / "runs" / RUN, record(13.2))
    write_json(results / "runs" / RUN / "provenance.json", {})
    (results / "runs" / RUN / "model.pt").write_bytes(b"weights")
    (results / "runs" / RUN / "checkpoints").mkdir()
    (results / "runs" / RUN / "checkpoints" / "last.pt").write_bytes(b"for resuming")
    (figures / "report.html").write_text("a page")
    for one in seeds():
        save_record(folder / "results" / "reference" / "seeds" / "runs" / one["run"], one)
    return folder


@pytest.fixture
def root(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "checkout"))


def commit(root):
    """Make the results the reference as they are; `save`, which makes tables anew, has tests of its own."""
    reference, results = Reference.of("demo", root), root / "results" / "demo"
    shutil.rmtree(reference.results, ignore_errors=True)
    shutil.copytree(results, reference.results, ignore=shutil.ignore_patterns("model.pt", "checkpoints"))
    draw_all(reference.results / "tables", reference.figures)
    write_json(reference.results / "machine.json", {"processor": processor_type()})
    reference.write_sums()
    return reference


def test_the_reference_is_redrawn_with_the_same_bytes(root, capsys):
    reference = commit(root)
    assert act("verify", "demo", root) == 0
    assert "OK: 7 files drawn again, every byte as committed" in capsys.readouterr().out
    sums = subprocess.run(
        ["sha256sum", "measures.csv"], cwd=reference.results / "runs" / RUN, capture_output=True, text=True
    )
    line = f"{sums.stdout.split()[0]}  results/runs/{RUN}/measures.csv"
    assert line in (reference.results / "SHA256SUMS").read_text()


def test_every_difference_is_named(root, capsys):
    reference = commit(root)
    (reference.figures / "a_table_translation.md").write_text("x")
    (reference.figures / "a_table_translation.csv").unlink()
    (reference.results / "runs" / RUN / "run.json").unlink()
    (reference.results / "more.json").write_text("{}")
    capsys.readouterr()
    assert act("verify", "demo", root) == 1
    told = capsys.readouterr().out
    for one in (
        "a_table_translation.md was changed",
        "a_table_translation.md is drawn with",
        "a_table_translation.csv is drawn, but not committed",
        "run.json is missing",
        "results/more.json is not in SHA256SUMS",
    ):
        assert one in told


def test_tables_and_ledger_are_recomputed_from_the_records(root, workflow_dir):
    """The same as collected and judged; another number in a table, or other sums, are told."""
    reference, smoke = Reference.of("smoke", root), Smoke()
    runs, name = reference.results / "runs", "a_table_translation"
    write_text(root / "text")
    for run, strength in ((NONE, 0.0), (SMOOTHED, 0.1111)):
        write_text_run(root / run, run, strength)
        places = ["--run-dir", str(root / run), "--text", str(root / "text"), "--claims", str(CLAIMS)]
        assert main(["measure", "--settings", smoke.measuring(run), *places]) == 0
        (runs / run).mkdir(parents=True)
        for kept in (*FILES, FILE):
            shutil.copyfile(root / run / kept, runs / run / kept)
    assert has_blocks(reference)
    settings = collecting_settings(smoke.config, smoke.experiments, smoke.experiments.artefacts[name])
    table = reference.results / "tables" / f"{name}.json"
    assert main(["collect", "--settings", json.dumps(settings), "--runs", str(runs), "--out", str(table)]) == 0
    about = json.dumps(judging_settings(smoke.config, incomplete(smoke.experiments, (NONE, SMOOTHED))))
    places = ["--tables", str(table.parent), "--runs", str(runs), "--claims", str(CLAIMS)]
    assert main(["judge", "--settings", about, *places, "--out", str(reference.results / "ledger.json")]) == 0
    assert recompute(reference, workflow_dir, "smoke") == (2, [])
    table.write_text(table.read_text().replace('"low"', '"lower"', 1))
    (first, second) = recompute(reference, workflow_dir, "smoke")[1]
    assert "a_table_translation.json comes out otherwise from the records: comparisons.0.lower is absent" in first
    assert "comparisons.0.low is" in second and second.endswith("committed absent")
    (runs / NONE / FILE).unlink()
    assert not has_blocks(reference)


def test_a_scale_without_a_reference_is_reported(tmp_path):
    with pytest.raises(UserError, match="SHA256SUMS is missing: this scale has no reference"):
        act("verify", "paper", tmp_path)


def test_drawing_goes_to_a_folder_that_no_rule_writes(root):
    commit(root)
    before = sorted((root / "paper_figures" / "demo").iterdir())
    assert act("draw", "demo", root) == 0
    assert sorted((root / "paper_figures" / "demo").iterdir()) == before
    assert len(list((root / "paper_figures" / "drawn" / "demo").iterdir())) == 7


def outcome(found, same_type=False):
    records = [{**record(0.0), "measures": {"test": own}} for own in (MEASURES, {**MEASURES, **found})]
    return compare_records(*records, Rules(None) if same_type else Rules(Spread(seeds()), 2))


def test_equal_numbers_are_ok_on_every_processor():
    assert outcome({}, same_type=True).outcome == outcome({}).outcome == SAME
    assert outcome({}).n_measures == 4


def test_another_processor_may_differ_as_seeds_do_and_the_same_not_at_all():
    assert outcome({"bleu": 14.0}).outcome == WITHIN
    assert outcome({"bleu": 14.0}, same_type=True).outcome == FAIL
    assert outcome({"bleu": 17.0}).outcome == FAIL
    assert outcome({"bleu": 17.0, "entropy_normalized": 0.32}).outcome == FAIL  # a later small one mends nothing
    # 13 seeds: t(1 - .01 / 4, 12) * sqrt(2 * .2692)
    assert outcome({"bleu": 17.0}).remarks == ["measures.test.bleu: 17.0, not 13.2 (may differ by 2.52)"]
    assert "bleu: 17.0" in outcome({"bleu": 17.0, "entropy_normalized": 0.349}).remarks[0]  # the worst comes first


def test_counts_and_absent_values_may_not_differ():
    assert outcome({"n_tokens": 601}).outcome == FAIL
    assert outcome({"bleu": None}).outcome == FAIL
    assert outcome({"of_no_seed": 0.5}).remarks == ["measures.test.of_no_seed: 0.5, not absent"]
    assert compare_records(record(13.2), {**record(13.2), "measures": {}}, Rules(Spread([]))).outcome == FAIL


def ledger(**verdicts):
    return {"claims": [{"id": claim, "verdict": verdict} for claim, verdict in verdicts.items()]}


def compared(root, capsys):
    """Exit status and lines of `reference compare`."""
    capsys.readouterr()
    status = act("compare", "demo", root)
    return status, capsys.readouterr().out.splitlines()


def test_a_retrained_scale_is_compared_with_its_reference(root, capsys):
    results, machine = root / "results" / "demo", Reference.of("demo", root).results / "machine.json"
    write_json(results / "ledger.json", ledger(A1="supported", A2="not_tested"))
    commit(root)
    same = f"the same: {RUN}, 1 measures"
    told = "1 of 1 the same to the last bit; all 2 verdicts the same"
    assert compared(root, capsys) == (0, [same, f"same processor: {told}"])

    save_record(results / "runs" / RUN, record(14.0))
    status, lines = compared(root, capsys)  # this very processor made the reference
    assert status == 1 and lines[:2] == [f"FAIL: {RUN}, 1 measures", "  measures.test.bleu: 14.0, not 13.2"]
    assert lines[-1] == "same processor: 0 of 1 the same to the last bit; all 2 verdicts the same"

    write_json(machine, {"processor": "another"})
    status, lines = compared(root, capsys)
    assert status == 0 and lines[0].startswith(f"within the spread of seeds: {RUN}, 1 measures, at most 0.3")
    assert lines[-1] == "other processor: 1 of 1 within the spread of seeds; all 2 verdicts the same"

    write_json(results / "ledger.json", ledger(A1="not_supported", A3="supported"))
    status, lines = compared(root, capsys)
    assert status == 1 and lines[1] == "verdict of A1: not_supported, not supported"
    assert lines[2] == "verdict of A2: no such claim, not not_tested"
    assert lines[-1] == "other processor: 1 of 1 within the spread of seeds; 3 of 3 verdicts differ"

    (results / "ledger.json").unlink()
    status, lines = compared(root, capsys)
    assert status == 1 and lines[1].endswith("results/demo/ledger.json is missing: no verdict was compared.")
    assert lines[-1] == "other processor: 1 of 1 within the spread of seeds; no verdict compared (no ledger)"

    save_record(results / "runs" / RUN, record(17.0))
    status, lines = compared(root, capsys)
    # 14 seeds with it: t(1 - .01 / 2, 13) * sqrt(2 * .2486)
    assert status == 1 and lines[1] == "  measures.test.bleu: 17.0, not 13.2 (may differ by 2.12)"
    (results / "runs" / RUN / "run.json").unlink()
    with pytest.raises(UserError, match=r"run\.json is missing: nothing to compare"):
        compared(root, capsys)


def test_adopted_runs_are_told_and_not_compared(root, capsys):
    commit(root)
    results = root / "results" / "demo"
    about = {"folder": f"../reference/demo/runs/{RUN}", "commit": "0123456789abcdef"}
    write_json(results / "adopted.json", {"runs": {RUN: about}})
    assert compared(root, capsys)[1][0].startswith("the same")  # it was trained here, too
    shutil.rmtree(results / "runs" / RUN)
    status, (first, last) = compared(root, capsys)
    assert status == 0 and last == "same processor: 0 of 0 the same to the last bit; 1 adopted, so not compared"
    assert first == f"adopted: {RUN}, from {root}/results/reference/demo, commit 0123456789ab"


def test_a_cell_names_its_runs():
    cells = [("ger", "de_en", "one"), ("ger", "de_en", "two"), ("ger", "fr_en", None), ("none", "de_en", "three")]
    rows = [{"row": row, "column": column, "run": run} for row, column, run in cells]
    collected = {"artefact": "a_table", "rows": rows}
    assert runs_of_cell(collected, "ger", "de_en") == ["one", "two"]
    with pytest.raises(UserError, match="has no cell 'ger/xx'; allowed: ger/de_en, ger/fr_en, none/de_en"):
        runs_of_cell(collected, "ger", "xx")
    with pytest.raises(UserError, match="no run of this scale fills it"):
        runs_of_cell(collected, "ger", "fr_en")


def test_an_unknown_cell_is_reported(root):
    commit(root)
    allowed = "allowed: ARTEFACT/ROW/COLUMN, ARTEFACT one of a_figure_entropy_bleu, a_table"
    for cell in (None, "a_table_translation/ger", "a_table_nothing/ger/de_en"):
        with pytest.raises(UserError, match=allowed):
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
