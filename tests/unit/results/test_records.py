"""From predictions to a record, from records to a collected table; damaged files are named."""

import json
import math

import numpy as np
import pytest

from entropyreg.errors import UserError
from entropyreg.results.collect import collect
from entropyreg.results.records import measure_run, read_hypotheses, read_tokens

SETTINGS = {
    "run": "t/m/none/seed1",
    "task": "t",
    "model": "m",
    "regularizer": {"skew": None, "strength": 0.0, "baseline": "uniform", "unigram_temperature": None},
    "seed": 1,
    "target_language": "en",
    "lowercase": True,
    "splits": ["valid"],
    "selection": "last",
    "training": {"seed": 1},
    "decoding": {"valid": {"beam": 5}},
    "log_thresholds": [-10, -15],
}


@pytest.fixture
def predicted(tmp_path):
    """Folders (run, text) with two sentences, perfectly translated."""
    run, text = tmp_path / "run", tmp_path / "text"
    (run / "predictions").mkdir(parents=True)
    text.mkdir()
    (text / "valid.reference").write_text("The cat's mat is red.\nA dog is in the house!\n")
    (text / "valid.en").write_text("the cat &apos;s mat is red .\na dog is in the house !\n")
    (text / "summary.json").write_text('{"splits": {}}')
    (run / "training.json").write_text('{"updates": 7, "weights_sha256": "w"}')
    lines = ["0\t-0.5\tthe cat &apos;s m@@ at is red .", "1\t-0.25\ta dog is in the hou@@ se !"]
    (run / "predictions" / "valid.hypotheses.tsv").write_text("\n".join(lines) + "\n")
    n = 17
    np.savez(
        run / "predictions" / "valid.tokens.npz",
        nll=np.full(n, 0.5, np.float32),
        entropy=np.full(n, math.log(2), np.float32),
        entropy_without_filler=np.full(n, math.log(2), np.float32),
        confidence=np.full(n, 0.75, np.float32),
        correct=np.arange(n) < 14,
        rank=np.arange(n),
        sentence=np.repeat([0, 1], [9, 8]),
        share=np.tile([0.5, 0.25], (n, 1)),
        log_thresholds=np.array([-10.0, -15.0]),
        vocabulary_size=np.array(16),
        filler_entries=np.array(8),
    )
    return run, text


def test_a_record_holds_what_the_predictions_say(predicted):
    record = measure_run(SETTINGS, *predicted, "c" * 64)
    measures = record["measures"]["valid"]
    assert measures["bleu"] == pytest.approx(100) and "case:lc" in measures["bleu_signature"]
    assert measures["bleu_as_published"] == pytest.approx(100)
    assert measures["entropy_normalized"] == pytest.approx(0.25)
    assert measures["entropy_normalized_without_filler"] == pytest.approx(1 / 3)
    assert measures["nll"] == 0.5 and measures["accuracy"] == pytest.approx(14 / 17)
    assert measures["share_below_e-10"] == 0.5 and measures["share_below_e-15"] == 0.25
    assert measures["reference_rank"] == pytest.approx((4 + 12.5) / 2)
    assert (record["updates"], record["claims_sha256"]) == (7, "c" * 64)
    assert not {"seconds", "device", "commit", "date"} & set(json.dumps(record).split('"'))


def test_misaligned_predictions_are_refused(predicted):
    run, text = predicted
    (text / "valid.reference").write_text("One line.\n")
    with pytest.raises(UserError, match="2 hypotheses for 1 references"):
        measure_run(SETTINGS, run, text, "c")


def test_damaged_predictions_are_named(predicted):
    run, _ = predicted
    path = run / "predictions" / "valid.tokens.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"valid\.tokens\.npz is missing or damaged"):
        read_tokens(path)
    (run / "predictions" / "valid.hypotheses.tsv").write_text("1\t0\ta\n0\t0\tb\n")
    with pytest.raises(UserError, match=r"valid\.hypotheses\.tsv is damaged"):
        read_hypotheses(run / "predictions" / "valid.hypotheses.tsv")


def collecting(*runs):
    cells = [
        {"row": None, "column": "t", "run": run, "model": "m", "skew": None, "strength": 0.0, "smoothing": None}
        | {"baseline": None, "seed": 1}
        for run in runs
    ]
    common = {"artefact": "a_figure_x", "title": "T", "scale": "demo", "scale_note": "", "columns": [], "partial": False}
    return common | {"cells": cells}


def test_collecting_joins_records_and_shows_what_is_missing(predicted, tmp_path):
    record = measure_run(SETTINGS, *predicted, "c")
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record))
    paths = {"t/m/none/seed1": path, "t/m/none/seed2": tmp_path / "absent.json"}
    table = collect(collecting("t/m/none/seed1", "t/m/none/seed2", None), paths, "c")
    assert [row["status"] for row in table["rows"]] == ["done", "missing", "missing"]
    assert [row["reason"] for row in table["rows"]] == [None, "no record yet", "not run at demo scale"]
    assert table["rows"][0]["measures"] == record["measures"]
    assert table["rows"][0]["predicted_entropy"] == pytest.approx(0, abs=1e-9)
    assert table["claims_sha256"] == "c"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run": "other"}, "belongs to the run 'other'"),
        ({"claims_sha256": "d"}, "measured under other claims"),
        ({"measures": None, "run": None}, "belongs to the run"),
    ],
)
def test_foreign_records_are_refused(predicted, tmp_path, change, message):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(measure_run(SETTINGS, *predicted, "c") | change))
    with pytest.raises(UserError, match=message):
        collect(collecting("t/m/none/seed1"), {"t/m/none/seed1": path}, "c")


def test_with_partial_a_record_under_other_claims_is_a_missing_cell(predicted, tmp_path):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(measure_run(SETTINGS, *predicted, "old")))
    table = collect(collecting("t/m/none/seed1") | {"partial": True}, {"t/m/none/seed1": path}, "new")
    assert [(row["status"], row["reason"]) for row in table["rows"]] == [("missing", "measured under other claims")]
