"""From predictions to a record, from records to a collected table; damaged files are named."""

import json
import math

import numpy as np
import pytest
from blocked import blocked
from made_records import save_record

from entropyreg.comparing.collect import collect
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_npz, write_npz
from entropyreg.io.predicted_files import write_sums
from entropyreg.measures.bleu_statistics import bleu_of_sums
from entropyreg.measuring.blocks import FILE
from entropyreg.measuring.hypotheses import read_sweep
from entropyreg.measuring.records import measure_run
from entropyreg.measuring.scores import score_run
from entropyreg.regularizers.equilibrium import equilibrium

REGULARIZER = {"skew": 1.0, "strength": 0.25, "baseline": "uniform", "unigram_temperature": None}
REGULARIZER |= {"generator": "entropy", "entropy": None, "proposal": None}
SETTINGS = {
    "run": "t/m/none/seed1",
    "task": "t",
    "model": "m",
    "seed": 1,
    "metric": "bleu",
    "subwords": 1500,
    "target_language": "en",
    "lowercase": True,
    "splits": ["valid"],
    "beam_sizes": [],
    "temperatures": [],
    "temperature_splits": [],
    "bleu_as_published": "tokenized",
    "selection": "last",
    "training": {"seed": 1, "languages": {"source": "de", "target": "en"}},
    "decoding": {"valid": {"beam": 5}},
}
BEAMS = {"beam_sizes": [1, 5], "sweep_sentences": {"beam_sizes": 1}}


@pytest.fixture
def predicted(tmp_path):
    """Folders (run, text) with two sentences, perfectly translated."""
    run, text = tmp_path / "run", tmp_path / "text"
    (run / "predictions").mkdir(parents=True)
    text.mkdir()
    (text / "valid.reference").write_text("The cat's mat is red.\nA dog is in the house!\n")
    (text / "valid.en").write_text("the cat &apos;s mat is red .\na dog is in the house !\n")
    (text / "summary.json").write_text('{"splits": {}}')
    training = {"run": "t/m/none/seed1", "updates": 7, "weights_sha256": "w", "regularizer": REGULARIZER}
    (run / "training.json").write_text(json.dumps(training))
    lines = ["0\t-0.5\tthe cat &apos;s m@@ at is red .", "1\t-0.25\ta dog is in the hou@@ se !"]
    (run / "predictions" / "valid.hypotheses.tsv").write_text("\n".join(lines) + "\n")
    (run / "predictions" / "valid.beams.tsv").write_text("".join(f"{beam}\t{lines[0]}\n" for beam in (1, 5)))
    n = 17
    own = np.arange(4, dtype=np.float32)
    np.savez(run / "predictions" / "valid.own.npz", entropy=own, confidence=own / 4, beam_entropy=np.array(1.0))
    np.savez(
        run / "predictions" / "valid.tokens.npz",
        nll=np.full(n, 0.5, np.float32),
        entropy=np.full(n, math.log(2), np.float32),
        entropy_without_filler=np.full(n, math.log(2), np.float32),
        confidence=np.full(n, 0.75, np.float32),
        correct=np.arange(n) < 14,
        rank=np.arange(n),
        sentence=np.repeat([0, 1], [9, 8]),
        share=np.tile([0.5, 0.25, 0.125, 0.0], (n, 1)),
        log_thresholds=np.array([-10.0, -15.0, -3.0, -3.0 + math.log(0.1)]),
        floor_factors=np.array([1.0, 0.1]),
        vocabulary_size=np.array(16),
        filler_entries=np.array(8),
    )
    return run, text


def measured(settings, run, text, claims):
    """The record and the blocks of what is predicted now."""
    for what in ("valid", "valid.beams"):
        write_sums(run, settings["run"], what)
    return measure_run(settings, run, text, claims)


def test_a_record_agrees_with_its_predictions(predicted):
    record, sentences = measured(SETTINGS, *predicted, "c" * 64)  # two of them, each a block
    measures = record["measures"]["valid"]
    assert measures["bleu"] == pytest.approx(100) and "case:lc" in measures["bleu_signature"]
    assert measures["bleu_as_published"] == pytest.approx(100)
    assert measures["entropy_normalized"] == pytest.approx(0.25)
    assert measures["entropy_normalized_without_filler"] == pytest.approx(1 / 3)
    assert measures["nll"] == 0.5 and measures["accuracy"] == pytest.approx(14 / 17)
    assert measures["share_below_e-10"] == 0.5 and measures["share_below_e-15"] == 0.25
    assert measures["share_below_floor_x1"] == 0.125 and measures["share_below_e-10_standard_error"] == 0
    assert measures["entropy_spread"] == 0  # every token has the same entropy
    assert measures["log_floor"] == pytest.approx(-3)
    assert measures["log_rest"] == pytest.approx(math.log((1 - math.exp(-0.5)) / 15))
    assert measures["entropy_normalized_own_prefix"] == pytest.approx(1.5 / math.log(16))
    assert measures["entropy_normalized_beam"] == pytest.approx(1 / math.log(16))
    assert measures["confidence_histogram"][15] == 17 and sum(measures["confidence_histogram"]) == 17
    assert record["regularizer"]["smoothing"] == pytest.approx(0.2)
    assert sentences["valid.n_tokens"].tolist() == [9, 8]
    assert sentences["valid.nll_sum"].tolist() == [4.5, 4.0]
    assert sentences["valid.bleu"].shape == (2, 10)
    assert measures["reference_rank"] == pytest.approx((4 + 12.5) / 2)
    assert (record["updates"], record["claims_sha256"]) == (7, "c" * 64)
    assert not {"seconds", "device", "commit", "date"} & set(json.dumps(record).split('"'))


def test_scores_are_those_of_the_record(predicted):
    (record, _), scores = measured(SETTINGS, *predicted, "c"), score_run(SETTINGS, *predicted)
    assert scores["run"] == record["run"] and scores["regularizer"].items() <= record["regularizer"].items()
    for name, value in scores["measures"]["valid"].items():
        assert value == record["measures"]["valid"][name]
    assert scores["measures"]["valid"]["bleu"] == pytest.approx(100)


def test_beam_sizes_are_measured_on_the_sentences_that_were_decoded(predicted):
    record, _ = measured(SETTINGS | BEAMS, *predicted, "c")
    beams = record["measures"]["valid"]["beam_sizes"]
    assert {beam: (one["n_sentences"], round(one["bleu"])) for beam, one in beams.items()} == {
        "1": (1, 100),
        "5": (1, 100),
    }


def test_published_bleu_is_of_the_paper_that_the_task_names(predicted):
    run, text = predicted
    lines = ["0\t-0.5\tThe CAT 's m@@ at is red .", "1\t-0.25\ta dog-like cat is in the house !"]
    (run / "predictions" / "valid.hypotheses.tsv").write_text("\n".join(lines) + "\n")
    (text / "valid.reference").write_text("The cat's mat is red.\nA dog-like cat is in the house!\n")
    found = {}
    for name in ("tokenized", "tensor2tensor"):
        record, sentences = measured(SETTINGS | {"bleu_as_published": name}, run, text, "c")
        found[name] = record["measures"]["valid"]
        total = bleu_of_sums(np.asarray(sentences["valid.bleu_as_published"]).sum(axis=0))
        assert total == pytest.approx(found[name]["bleu_as_published"], abs=1e-9)
    assert found["tensor2tensor"]["bleu_as_published"] == pytest.approx(100)  # case is ignored
    assert found["tokenized"]["bleu_as_published"] < 50
    assert "case:lc" in found["tensor2tensor"]["bleu_as_published_signature"]
    assert "tok:intl" in found["tensor2tensor"]["bleu_as_published_signature"]
    assert "tok:13a" in found["tokenized"]["bleu_as_published_signature"]


def test_misaligned_predictions_are_refused(predicted):
    run, text = predicted
    (text / "valid.reference").write_text("One line.\n")
    with pytest.raises(UserError, match="2 hypotheses for 1 references"):
        measured(SETTINGS, run, text, "c")


def test_damaged_predictions_are_named(predicted):
    run, _ = predicted
    path = run / "predictions" / "valid.tokens.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"valid\.tokens\.npz is missing or damaged"):
        read_npz(path)
    path = run / "predictions" / "valid.beams.tsv"
    for lines in ("5\t1\t0\ta\n5\t0\t0\tb\n", "5\t0\t0\ta\n5\t0\t0\tb\n", "5\t0\t0\ta\n5\t2\t0\tb\n", "5\t0\ta\n", ""):
        path.write_text(lines)
        with pytest.raises(UserError, match=r"valid\.beams\.tsv is damaged"):
            read_sweep(path)


@pytest.mark.parametrize(
    ("name", "changed", "told"),
    [
        ("valid.hypotheses.tsv", {}, ": 1 hypotheses for 2 references"),
        ("valid.beams.tsv", BEAMS, ", beam size 5: 0 hypotheses for 1 references"),
        ("valid.beams.tsv", BEAMS | {"sweep_sentences": {"beam_sizes": None}}, ", beam size 1: 1 hypotheses for 2 ref"),
        ("valid.beams.tsv", BEAMS | {"sweep_sentences": {"beam_sizes": 9}}, ", beam size 1: 1 hypotheses for 2 ref"),
    ],
)
def test_lost_hypotheses_do_not_shorten_the_references(predicted, name, changed, told):
    """The last line of a table is lost: how many there should be is declared, not counted in what is left."""
    run, text = predicted
    path = run / "predictions" / name
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(UserError) as caught:
        measured(SETTINGS | changed, run, text, "c")
    assert str(caught.value).startswith(f"{path}{told}")
    assert str(caught.value).endswith("delete the file and run again.")


def test_statistics_of_fewer_sentences_than_hypotheses_are_refused(predicted):
    path = predicted[0] / "predictions" / "valid.tokens.npz"
    columns = dict(read_npz(path))
    np.savez(path, **columns | {"sentence": np.repeat(np.arange(3), [9, 4, 4])})
    with pytest.raises(UserError, match=r"valid\.tokens\.npz has 3 sentences, not 2: delete it and run again"):
        measured(SETTINGS, *predicted, "c")


def collecting(*runs, **changed):
    cells = [{"row": "none", "column": "t", "model": "m", "strength": 0.0, "seed": 1} for _ in runs]
    cells = [cell | ({"run": run} if run else {}) for cell, run in zip(cells, runs, strict=True)]
    common = {
        "artefact": "a_figure_x",
        "title": "T",
        "scale": "demo",
        "scale_note": "",
        "columns": [],
    }
    return common | {"cells": cells, "compare": None} | changed


def save(folder, record, **changed):
    record = record | changed
    save_record(folder / record["run"], record)
    return folder / record["run"]


def test_collecting_joins_records_and_shows_what_is_missing(predicted, tmp_path):
    record, _ = measured(SETTINGS, *predicted, "c")
    save(tmp_path, record)
    table = collect(collecting("t/m/none/seed1", "t/m/none/seed2", None), tmp_path)
    assert [row["status"] for row in table["rows"]] == ["done", "missing", "missing"]
    assert [row["reason"] for row in table["rows"]] == [None, "no record yet", "not run at demo scale"]
    first = table["rows"][0]
    assert first["measures"] == record["measures"]
    # the regularizer is the one that the run was trained with; at skew 1 the target keeps (1 + s/V) / (1 + s)
    assert (first["skew"], first["strength"], first["smoothing"]) == (1.0, 0.25, pytest.approx(0.2))
    assert first["predicted_entropy"] == pytest.approx(equilibrium(1.0, 0.25, 16).normalized_entropy)
    assert table["comparisons"] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run": "other"}, "belongs to the run 'other'"),
        ({"run": None}, "belongs to the run"),
    ],
)
def test_foreign_records_are_refused(predicted, tmp_path, change, message):
    record, _ = measured(SETTINGS, *predicted, "c")
    path = save(tmp_path, record) / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=message):
        collect(collecting("t/m/none/seed1"), tmp_path)


def test_rows_are_compared_over_seeds_and_sentences(predicted, tmp_path):
    """Two arms of two seeds: one translates every sentence right, the other half of them."""
    record, sentences = measured(SETTINGS, *predicted, "c")
    right = np.tile(sentences["valid.bleu"][:1], (400, 1))
    half = right.copy()
    half[np.random.default_rng(0).permutation(400)[::2], 2:6] = 0  # no n-gram matches
    cells = []
    for row, statistics in (("none", half), ("ger", right)):
        for seed in (1, 2):
            run = f"t/m/{row}/seed{seed}"
            folder = save(tmp_path, record, run=run)
            write_npz(folder / FILE, {f"valid.{name}": one for name, one in blocked({"bleu": statistics}).items()})
            cells.append({"row": row, "column": "t", "run": run, "model": "m", "strength": 0.0, "seed": seed})
    compare = {"split": "valid", "metrics": ["bleu", "rouge1"], "to": ["none"]}
    (found,) = collect(collecting(cells=cells, compare=compare), tmp_path)["comparisons"]
    assert (found["row"], found["to"], found["metric"], found["n_seeds"]) == ("ger", "none", "bleu", 2)
    assert found["difference"] == pytest.approx(50, abs=1e-6)
    assert 0 < found["low"] < 50 < found["high"] < 100 and found["p_value"] < 0.01
    again = collect(collecting(cells=cells, compare=compare), tmp_path)["comparisons"]
    assert again == [found]
