"""The whole DAG at smoke scale: results, a second start, redrawing, missing records."""

import json
import math
import shutil

import numpy as np
import pytest

from entropyreg.comparing.claims.digest import digest_in_force
from entropyreg.config.loading import load_config
from entropyreg.config.paths import Paths
from entropyreg.experiments import load_experiments
from entropyreg.io.files import read_npz, sha256_of
from entropyreg.io.run_folder import note_failure
from entropyreg.measuring.record_files import read_record
from entropyreg.regularizers.equilibrium import equilibrium

pytestmark = pytest.mark.slow
SEARCH = "results/smoke/proposals/smoke_ger"


@pytest.fixture(scope="module")
def config(workflow_dir):
    return load_config(workflow_dir, {"scale": "smoke"})


@pytest.fixture(scope="module")
def experiments(workflow_dir, config):
    return load_experiments(workflow_dir, config)


def digests(folder):
    return {path.name: sha256_of(path) for path in sorted(folder.glob("[!.]*"))}


def copy_of(smoke, folder):
    """The results with Snakemake's records of them."""
    for name in ("results", ".snakemake"):
        shutil.copytree(smoke / name, folder / name)


def test_every_artefact_is_drawn_and_marked_as_meaningless(smoke, config, experiments):
    folder = smoke / "paper_figures" / "smoke"
    paths = Paths.of(config)
    expected = [path for name in experiments.artefacts for path in paths.rendered(name)] + [paths.report()]
    assert sorted(path.name for path in folder.glob("[!.]*")) == sorted(path.rsplit("/", 1)[1] for path in expected)
    for name, artefact in experiments.artefacts.items():
        text = (folder / f"{name}.{'md' if artefact.kind == 'table' else 'svg'}").read_text()
        assert artefact.analytic or "means nothing" in text, name


def test_records_are_deterministic_content_with_the_claims_hash(smoke, workflow_dir, experiments):
    claims = digest_in_force(workflow_dir / "experiments" / "claims.yaml")
    for run in experiments.runs:
        path = smoke / "results" / "smoke" / "runs" / run / "run.json"
        record = read_record(path.parent)
        assert record["claims_sha256"] == claims and record["run"] == run
        assert record["updates"] in (4, 8, 16, 24)
        assert str(smoke) not in path.read_text() and "seconds" not in path.read_text()
        assert json.loads((path.parent / "provenance.json").read_text())["training"]["seconds"] > 0


def record_of(smoke, run):
    return read_record(smoke / "results/smoke/runs" / run)


def test_a_guided_trial_is_trained_as_proposed_and_the_winner_is_the_best_on_validation(smoke, experiments):
    proposed = json.loads((smoke / SEARCH / "trial2.json").read_text())
    guided = record_of(smoke, "smoke_de_en/transformer/smoke_ger-trial2/seed1")
    assert [guided["regularizer"][key] for key in ("skew", "strength")] == [
        proposed[key] for key in ("skew", "strength")
    ]
    assert [one["run"] for one in proposed["observations"]] == list(experiments.proposals["smoke_ger/trial2"].run_ids)
    trials = [record_of(smoke, run) for run in experiments.proposals["smoke_ger/winner"].run_ids]
    best = max(trials, key=lambda record: record["measures"]["valid"]["bleu"])
    winner = record_of(smoke, "smoke_de_en/transformer/smoke_ger-winner/seed1")
    assert winner["regularizer"]["strength"] == best["regularizer"]["strength"]


def test_a_wanted_entropy_is_trained_with_the_strength_that_predicts_it(smoke):
    record = record_of(smoke, "smoke_de_en/transformer/jensen-skew0.25-entropy0.30/seed1")
    size = record["measures"]["valid"]["vocabulary_size"]
    assert equilibrium(0.25, record["regularizer"]["strength"], size).normalized_entropy == pytest.approx(0.3)


def test_summaries_are_scored_by_rouge_and_translations_by_bleu(smoke):
    summary = record_of(smoke, "smoke_docstrings/transformer/jensen-skew0.50-strength1.00/seed1")["measures"]["test"]
    translation = record_of(smoke, "smoke_de_en/transformer/none/seed1")["measures"]["test"]
    assert {"rouge1", "rouge2", "rouge_l", "rouge_signature"} <= set(summary) and "bleu" not in summary
    assert {"bleu", "bleu_as_published"} <= set(translation) and "rouge1" not in translation


def test_token_statistics_agree_with_fairseqs_validation(smoke):
    for path in (smoke / "results" / "smoke" / "runs").rglob("seed*/training.json"):
        training = json.loads(path.read_text())
        best = min(entry["nll_bits"] for entry in training["validations"])
        nll = read_npz(path.parent / "predictions" / "valid.tokens.npz")["nll"].mean(dtype=np.float64)
        assert nll / math.log(2) == pytest.approx(best, abs=1e-4)


def test_test_sets_are_decoded_only_where_declared(smoke, experiments):
    runs = smoke / "results" / "smoke" / "runs"
    decoded = {str(path.parents[1].relative_to(runs)) for path in runs.rglob("test.hypotheses.tsv")}
    assert decoded == {name for name, run in experiments.runs.items() if run.test}
    assert "smoke_de_en/transformer/smoke_ger-trial2/seed1" not in decoded


def test_a_second_start_has_nothing_to_do(smoke, snakemake):
    done = snakemake(smoke, "--config", "scale=smoke")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


def test_drawn_twice_elsewhere_the_bytes_are_equal(smoke, snakemake, tmp_path):
    first = digests(smoke / "paper_figures" / "smoke")
    copy_of(smoke, tmp_path)
    done = snakemake(tmp_path, "--config", "scale=smoke", LC_ALL="C", TZ="Asia/Tokyo", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "train_translation" not in done.stdout + done.stderr
    assert digests(tmp_path / "paper_figures" / "smoke") == first


def test_partial_draws_with_what_exists_and_trains_nothing(smoke, snakemake, tmp_path):
    copy_of(smoke, tmp_path)
    ger = tmp_path / "results/smoke/runs/smoke_de_en/transformer/jensen-skew0.50-strength1.00/seed1"
    shutil.rmtree(ger)
    done = snakemake(tmp_path, "--config", "scale=smoke", "partial=true")
    assert done.returncode == 0, done.stderr
    assert not ger.exists()
    table = tmp_path / "paper_figures" / "smoke" / "a_table_variants.md"
    assert "no record yet" in table.read_text()
    ger.mkdir()
    note_failure(ger, "train", "out of memory at update 7")
    done = snakemake(tmp_path, "--config", "scale=smoke", "partial=true", "--", "a_table_variants")
    assert done.returncode == 0, done.stderr
    assert "failed: out of memory at update 7" in table.read_text()  # what happened since is drawn too


def test_a_damaged_record_is_named_and_nothing_else_is_lost(smoke, snakemake, tmp_path):
    copy_of(smoke, tmp_path)
    record = next((tmp_path / "results").rglob("run.json"))
    record.write_text(record.read_text()[:50])
    done = snakemake(tmp_path, "--config", "scale=smoke", "partial=true")
    assert done.returncode != 0
    assert f"{record.name} is not what stage measure" in done.stdout + done.stderr
    assert len(list((tmp_path / "results").rglob("model.pt"))) == len(list((smoke / "results").rglob("model.pt")))


def test_snakemakes_own_report_has_every_artefact_with_its_caption_and_category(smoke, snakemake, tmp_path):
    copy_of(smoke, tmp_path)
    shutil.copytree(smoke / "paper_figures", tmp_path / "paper_figures")
    done = snakemake(tmp_path, "--report", "report.html", "--config", "scale=smoke")
    assert done.returncode == 0, done.stderr[-3000:]
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    for name in (path.name for path in (tmp_path / "paper_figures" / "smoke").glob("[!.]*")):
        assert name in text
    for word in ("Paper A", "Paper B", "Verdicts", "Meister et al., ACL 2020"):  # categories, a caption
        assert word in text
