"""The cell of a single seed has its collected interval over sentences; of several, the one over seeds."""

import csv
import io
import json
from math import exp
from pathlib import Path

import collected_translation as planted
import pytest

from entropyreg.rendering.tables import a_table_sparsity, a_table_translation, b_table_perplexity
from entropyreg.rendering.tables.formats import to_csv
from entropyreg.rendering.tables.runs import Arm

DATA = Path(__file__).parents[3] / "data"


def collected_of(name):
    return json.loads((DATA / f"collected_{name}.json").read_text(encoding="utf-8"))


def csv_of(table):
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def run(seed, bleu, interval=None):
    intervals = {"intervals": {"test": {"bleu": interval}}} if interval else {}
    return {"seed": seed, "status": "done", "reason": None, "measures": {"test": {"bleu": bleu}}, **intervals}


def test_the_interval_is_of_the_measure_at_its_path():
    arm = Arm("t", "none", (run(1, 20.0, [18.5, 21.4]),))
    value = arm.value(("test", "bleu"))
    assert (value.mean, value.low, value.high, value.n, value.interval) == (20.0, 18.5, 21.4, 1, "sentences")
    assert arm.over_seeds(lambda one: 3.0).low is None  # of what it is, is not known


def test_more_seeds_have_the_interval_over_seeds():
    value = Arm("t", "none", (run(1, 20.0, [18.5, 21.4]), run(2, 21.0, [19.5, 22.4]))).value(("test", "bleu"))
    assert value.interval == "seeds" and value.low < 18.5 and value.high > 22.4


def test_the_only_finished_seed_keeps_the_reason_of_the_others():
    missing = {"seed": 2, "status": "missing", "reason": "failed: x", "measures": None}
    value = Arm("t", "none", (run(1, 20.0, [18.5, 21.4]), missing)).value(("test", "bleu"))
    assert (value.low, value.reason) == (18.5, "1 of 2 seeds missing: failed: x")


def test_a_gain_of_one_seed_has_the_interval_of_its_comparison():
    collected = collected_of("a_table_translation")
    key = {"column": "mttt_fr_en", "row": "label_smoothing_0.1", "to": "none", "metric": "bleu_as_published"}
    (found,) = [one for one in collected["comparisons"] if key.items() <= one.items()]
    found |= {"low": -1.25, "high": 1.5}

    def gain():
        rows = csv_of(a_table_translation.build(collected))
        wanted = ("mttt_fr_en", "label_smoothing_0.1", "bleu_as_published_gain")
        return next(row for row in rows if (row["task"], row["row"], row["column"]) == wanted)

    assert (gain()["low"], gain()["high"], gain()["interval"]) == ("-1.25", "1.5", "sentences")
    found["n_seeds"] = 2  # of other runs than this one seed
    assert (gain()["low"], gain()["reason"]) == ("", "interval: needs seeds")


def test_perplexity_has_the_exponential_of_the_interval_of_the_loss():
    collected = planted.table("b_table_perplexity", rows=planted.PAPER)
    collected["rows"] = [row for row in collected["rows"] if row["seed"] == 1]
    for row in collected["rows"]:
        row["intervals"] = {"valid": {"nll": [2.0, 2.5]}}
    rows = csv_of(b_table_perplexity.build(collected))
    found = {row["column"]: row for row in rows if row["row"] == "hard" and row["column"].startswith("valid.")}
    low, high = (float(found["valid.perplexity"][key]) for key in ("low", "high"))
    assert (low, high) == pytest.approx((exp(2.0), exp(2.5)), rel=1e-6)
    assert (found["valid.nll"]["low"], found["valid.bleu"]["low"]) == ("2.0", "")


def test_the_entropy_of_a_pair_has_one_and_the_shares_keep_theirs():
    collected = collected_of("a_table_sparsity")
    before = csv_of(a_table_sparsity.build(collected))
    for one in collected["rows"]:
        one["intervals"] = {"valid": {"entropy_normalized": [0.1, 0.9], "share_below_e-10": [0.0, 1.0]}}
    after = csv_of(a_table_sparsity.build(collected))
    assert {(row["low"], row["high"]) for row in after if row["column"] == "entropy_normalized" and row["mean"]} == {
        ("0.1", "0.9")
    }
    shares = [[row for row in rows if row["column"] == "share_below_e-10"] for rows in (before, after)]
    assert shares[0] == shares[1] and shares[0]


def test_measures_at_a_fitted_temperature_have_theirs():
    from entropyreg.rendering.tables.translation_runs import as_network_run

    own = {"run": "t/m/none/seed1", "seed": 1, "status": "done", "skew": None, "reason": None}
    measured = {"temperatures": [], "fits": {"ece_all": {"bleu": 20.0}}}
    own |= {"measures": {"valid": {"temperatures": measured}}}
    own["intervals"] = {"valid": {"temperatures": {"fits": {"ece_all": {"bleu": [18.0, 22.0]}}}}}
    value = Arm("t", "hard", (as_network_run(own),)).value(("temperatures", "fits", "ece_all", "bleu"))
    assert (value.low, value.high) == (18.0, 22.0)
