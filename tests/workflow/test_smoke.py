"""The whole DAG at smoke scale: results, a second start, redrawing, missing records."""

import json
import math
import shutil

import numpy as np
import pytest

from entropyreg.files import sha256_of
from entropyreg.results.records import read_tokens

pytestmark = pytest.mark.slow
DRAWN = [
    "a_figure_entropy_bleu.csv",
    "a_figure_entropy_bleu.pdf",
    "a_figure_entropy_bleu.png",
    "a_figure_entropy_bleu.svg",
]
DRAWN += ["a_table_translation.csv", "a_table_translation.md", "a_table_translation.tex"]


def digests(folder):
    return {path.name: sha256_of(path) for path in sorted(folder.iterdir())}


def copy_of(smoke, folder):
    """The results with Snakemake's memory of them."""
    for name in ("results", ".snakemake"):
        shutil.copytree(smoke / name, folder / name)


def test_every_artefact_is_drawn_and_says_that_it_means_nothing(smoke):
    assert sorted(path.name for path in (smoke / "paper_figures" / "smoke").iterdir()) == sorted(DRAWN)
    assert "means nothing" in (smoke / "paper_figures" / "smoke" / "a_table_translation.md").read_text()
    assert "means nothing" in (smoke / "paper_figures" / "smoke" / "a_figure_entropy_bleu.svg").read_text()


def test_records_are_deterministic_content_with_the_claims_hash(smoke, workflow_dir):
    claims = sha256_of(workflow_dir / "experiments" / "claims.yaml")
    records = sorted((smoke / "results" / "smoke" / "runs").rglob("record.json"))
    assert len(records) == 5
    for path in records:
        record = json.loads(path.read_text())
        assert record["claims_sha256"] == claims
        assert record["updates"] in (8, 16, 24)
        assert str(smoke) not in path.read_text() and "seconds" not in path.read_text()
        assert json.loads((path.parent / "provenance.json").read_text())["training"]["seconds"] > 0


def test_the_table_stores_the_claims_hash(smoke, workflow_dir):
    table = json.loads((smoke / "results" / "smoke" / "tables" / "a_table_translation.json").read_text())
    assert table["claims_sha256"] == sha256_of(workflow_dir / "experiments" / "claims.yaml")


def test_token_statistics_agree_with_fairseqs_validation(smoke):
    for path in (smoke / "results" / "smoke" / "runs").rglob("training.json"):
        training = json.loads(path.read_text())
        best = min(entry["nll_bits"] for entry in training["validations"])
        nll = read_tokens(path.parent / "predictions" / "valid.tokens.npz")["nll"].mean(dtype=np.float64)
        assert nll / math.log(2) == pytest.approx(best, abs=1e-4)


def test_test_sets_are_decoded_only_where_declared(smoke):
    decoded = {path.parents[2].name for path in (smoke / "results").rglob("test.hypotheses.tsv")}
    assert "jensen-skew0.50-strength1.00-unigram20.00" not in decoded and len(decoded) == 4


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
    assert "no record yet" in (tmp_path / "paper_figures" / "smoke" / "a_table_translation.md").read_text()


def test_a_damaged_record_is_named_and_nothing_else_is_lost(smoke, snakemake, tmp_path):
    copy_of(smoke, tmp_path)
    record = next((tmp_path / "results").rglob("record.json"))
    record.write_text(record.read_text()[:50])
    done = snakemake(tmp_path, "--config", "scale=smoke", "partial=true")
    assert done.returncode != 0
    assert "record.json is damaged" in done.stdout + done.stderr
    assert len(list((tmp_path / "results").rglob("model.pt"))) == 5
