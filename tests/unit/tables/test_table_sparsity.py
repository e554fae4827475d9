"""Paper A's sparsity table: pairs with their mismatch, percentages with standard errors, published shares beside."""

import csv
import io
import json
from pathlib import Path

import pytest

from entropyreg.tables.a_table_sparsity import HEADERS, build
from entropyreg.tables.formats import GAMMA, to_csv, to_markdown
from entropyreg.tables.shown import percent_text

COLLECTED = Path(__file__).parents[2] / "data" / "collected_a_table_sparsity.json"
NAMES = [header.text for header in HEADERS]


@pytest.fixture
def collected():
    return json.loads(COLLECTED.read_text(encoding="utf-8"))


def rows_of(collected, section=0):
    return [dict(zip(NAMES, row, strict=True)) for row in build(collected).sections[section].rows]


def csv_of(collected):
    return list(csv.DictReader(io.StringIO(to_csv(build(collected)))))


def finished(collected, name):
    return next(run for run in collected["rows"] if run["run"] and run["run"].endswith(name))


@pytest.mark.parametrize(
    ("share", "error", "text"),
    [
        (0.668, 0.0012, "66.80 ± 0.12"),
        (0.5, 0.02, "50.0 ± 2.0"),
        (0.0, 0.0, "0.0 ± 0.0"),
        (0.007, 0.000004, "0.7000 ± 0.0004"),
        (0.007, 0.00000001, "0.7000 ± 0.0000"),
        (0.38, None, "38.0"),
    ],
)
def test_percentages_have_two_digits_of_their_standard_error(share, error, text):
    assert percent_text(share, error) == text


def test_a_matched_pair_shows_its_difference_in_entropy(collected):
    smoothed, other = rows_of(collected)[:2]
    assert smoothed["pair: member"].text == f"1: LS D_J1 ({GAMMA} = 0.333)"
    assert other["pair: member"].text == "1: CP D_J0"
    assert (smoothed["Ĥ"].text, other["Ĥ"].text) == ("0.5360", "0.5384")
    assert (smoothed["Ĥ minus LS"].text, other["Ĥ minus LS"].text) == ("-", "+0.0024")


def test_a_pair_that_is_not_matched_is_flagged(collected):
    assert rows_of(collected)[3]["Ĥ minus LS"].text == "+0.0132 (not matched)"
    assert rows_of(collected, 1)[1]["Ĥ minus LS"].text == "+0.0400 (not matched)"
    flags = {(row["column"], row["pair"]): row["matched"] for row in csv_of(collected) if row["pair"]}
    assert [value for value in flags.values()] == ["true", "false", "false", "false"]


def test_floor_and_spread_are_those_of_each_run(collected):
    measures = finished(collected, "demo_cp-trial2/seed1")["measures"]["valid"]
    measures |= {"log_floor": -7.254, "entropy_spread": 0.1236}
    smoothed, other = rows_of(collected)[:2]
    assert (other["log floor"].text, other["spread of Ĥ"].text) == ("-7.25", "0.124")
    assert smoothed["log floor"].text == "-8.49"


def test_shares_are_percentages_in_the_text_and_shares_in_the_csv(collected):
    finished(collected, "demo_cp-trial2/seed1")["measures"]["valid"] |= {
        "share_below_floor_x0.1": 0.125,
        "share_below_floor_x0.1_standard_error": 0.0021,
    }
    assert rows_of(collected)[1]["% < 0.1 floor"].text == "12.50 ± 0.21"
    (row,) = [
        row
        for row in csv_of(collected)
        if (row["pair"], row["member"], row["quantity"]) == ("1", "confidence_penalty", "share_below_floor_x0.1")
        and row["column"] == "demo_de_en"
    ]
    assert (row["value"], row["standard_error"], row["unit"]) == ("0.125", "0.0021", "share of V")


def test_missing_anchor_and_unmeasured_share_say_why(collected):
    del finished(collected, "demo_cp-trial2/seed1")["measures"]["valid"]["share_below_floor_x1"]
    rows = rows_of(collected)
    assert rows[1]["% < floor"].text == "n/a"
    assert [rows[4][name].text for name in NAMES[1:]] == ["n/a"] * (len(NAMES) - 1)
    text = to_markdown(build(collected))
    assert "</sup> not measured\n" in text and "match 'demo\\_failed': failed: out of memory" in text


def test_an_anchor_without_a_trial_keeps_its_values(collected):
    collected["rows"] = [
        run for run in collected["rows"] if "demo_quarter" not in str(run["trial"]) or run["skew"] == 1
    ]
    for run in collected["rows"]:
        if run["skew"] == 0 and run["column"] == "demo_de_en":
            run.update(status="missing", reason="failed: x", measures=None)
    rows = rows_of(collected)
    assert [row["pair: member"].text for row in rows[:2]] == [f"1: LS D_J1 ({GAMMA} = 0.333)", "1: other member"]
    assert (rows[0]["Ĥ"].text, rows[1]["Ĥ"].text) == ("0.5360", "n/a")


def test_pairs_and_missing_runs_are_counted(collected):
    first, second = (section.text for section in build(collected).sections)
    assert first.startswith("Pairs: 1 matched, 1 not matched, 1 missing; validation set of 500 sentences")
    assert first.endswith("2 of 8 runs missing (failed: 1, no record yet: 1).")
    assert second.startswith("Pairs: 1 not matched;")


@pytest.mark.parametrize("section", [0, 1])
def test_published_shares_stand_in_the_same_columns(collected, section):
    smoothed, penalty = rows_of(collected, section)[-2:]
    assert smoothed["pair: member"].text == "published: LS D_J1"
    assert [smoothed[name].text for name in ("% < e^-10", "% < e^-15")] == ["38 ± 0.01", "0.0 ± n/a"]
    assert [penalty[name].text for name in ("% < e^-10", "% < e^-15")] == ["54 ± 5e-3", "0.7 ± 4e-4"]
    assert {penalty[name].text for name in NAMES[2:7] + NAMES[9:]} == {"n/a"}
    text = to_markdown(build(collected))
    assert "published: the exponent is unreadable" in text and "published: not available to us" in text


def test_published_shares_are_lines_of_the_csv(collected):
    rows = [row for row in csv_of(collected) if row["status"] == "published" and row["column"] == "mttt_fr_en"]
    found = {(row["member"], row["quantity"]): row["published_printed"] for row in rows}
    assert len(rows) == 8 and found["confidence_penalty", "share_below_e-15"] == "0.7"
    assert {row["published_data_set"] for row in rows} == {"data set not stated"}
