"""Paper A's sparsity table: pairs with their mismatch, percentages with standard errors, published shares beside."""

import csv
import io
import json
from pathlib import Path

import pytest

from entropyreg.rendering.tables.a_table_sparsity import build
from entropyreg.rendering.tables.formats import GAMMA, to_csv, to_markdown

COLLECTED = Path(__file__).parents[3] / "data" / "collected_a_table_sparsity.json"


@pytest.fixture
def collected():
    return json.loads(COLLECTED.read_text(encoding="utf-8"))


def rows_of(collected, column=0, floors=False):
    """The lines of a task's pairs, or of their thresholds at the floor, by '<group> <header>'."""
    section = build(collected).sections[2 * column + floors]
    groups = [name for name, span in section.groups for _ in range(span)]
    names = [f"{group} {cell.text}".strip() for group, cell in zip(groups, section.headers, strict=True)]
    return [dict(zip(names, (cell.text for cell in row), strict=True)) for row in section.rows]


def csv_of(collected):
    return list(csv.DictReader(io.StringIO(to_csv(build(collected)))))


def finished(collected, name):
    return next(run for run in collected["rows"] if run["run"] and run["run"].endswith(name))


def test_a_matched_pair_shows_its_difference_in_entropy(collected):
    smoothed, other = rows_of(collected)[:2]
    assert smoothed["pair: member"] == f"1: LS D_J1 ({GAMMA} = 0.333)"
    assert other["pair: member"] == "1: CP D_J0"
    assert (smoothed["Ĥ"], other["Ĥ"]) == ("0.5360 [needs seeds] (1)", "0.5384 [needs seeds] (1)")
    assert (smoothed["Ĥ minus LS"], other["Ĥ minus LS"]) == ("-", "+0.0024 [needs seeds] (1)")


def test_a_pair_that_is_not_matched_is_flagged(collected):
    table = build(collected)
    texts = {note.mark: note.text for note in table.notes if note.mark}
    place = [cell.text for cell in table.sections[0].headers].index("Ĥ minus LS")
    flags = [[texts[mark] for mark in row[place].marks] for row in table.sections[0].rows[:4]]
    assert flags == [[], [], [], ["not matched: the two Ĥ differ by more than 0.005"]]
    assert table.sections[2].rows[1][place].text.startswith("+0.0400") and table.sections[2].rows[1][place].marks


def test_floor_and_spread_are_those_of_each_run(collected):
    measures = finished(collected, "demo_cp-trial2/seed1")["measures"]["valid"]
    measures |= {"log_floor": -7.254, "entropy_spread": 0.1236}
    smoothed, other = rows_of(collected, floors=True)[:2]
    assert (other["log floor"], other["spread of Ĥ"]) == ("-7.25", "0.124 [needs seeds] (1)")
    assert smoothed["log floor"] == "-8.49"


def test_shares_are_percentages_with_an_interval_over_sentences(collected):
    finished(collected, "demo_cp-trial2/seed1")["measures"]["valid"] |= {
        "share_below_floor_x0.1": 0.125,
        "share_below_floor_x0.1_standard_error": 0.01,
    }
    assert rows_of(collected, floors=True)[1]["% < 0.1 floor"] == "12.50 [10.54, 14.46] (1)"  # 12.5 -+ 1.96
    (row,) = [
        row
        for row in csv_of(collected)
        if row["run"].endswith("demo_cp-trial2/seed1") and row["column"] == "share_below_floor_x0.1"
    ]
    assert [float(row[key]) for key in ("mean", "low", "high")] == pytest.approx([12.5, 10.540036, 14.459964])
    assert (row["unit"], row["seeds"], row["interval"]) == ("percent", "1", "sentences")


def test_a_share_without_a_standard_error_has_no_interval(collected):
    del finished(collected, "demo_cp-trial2/seed1")["measures"]["valid"]["share_below_e-10_standard_error"]
    assert rows_of(collected)[1]["% < e^-10 reproduced"].endswith("[needs seeds] (1)")


def test_missing_anchor_and_unmeasured_share_say_why(collected):
    del finished(collected, "demo_cp-trial2/seed1")["measures"]["valid"]["share_below_floor_x1"]
    assert rows_of(collected, floors=True)[1]["% < floor"] == "not measured"
    (word,) = {rows_of(collected)[4][name] for name in ("seed", "strength", "Ĥ", "% < e^-10 reproduced")}
    text = to_markdown(build(collected))
    assert word == "failed" and "- failed: out of memory (match 'demo\\_failed')" in text


def test_an_anchor_without_a_trial_keeps_its_values(collected):
    collected["rows"] = [
        run for run in collected["rows"] if "demo_quarter" not in str(run["trial"]) or run["skew"] == 1
    ]
    for run in collected["rows"]:
        if run["skew"] == 0 and run["column"] == "demo_de_en":
            run.update(status="missing", reason="failed: x", measures=None)
    rows = rows_of(collected)
    assert [row["pair: member"] for row in rows[:2]] == [f"1: LS D_J1 ({GAMMA} = 0.333)", "1: other member"]
    assert rows[0]["Ĥ"].startswith("0.5360") and rows[1]["Ĥ"] == "failed"
    assert rows[-1]["pair: member"] == "CP D_J0" and rows[-1]["% < e^-10 published"] == "54 ± 5e-3"
    assert rows[-1]["% < e^-10 reproduced"] == rows[-1]["% < e^-10 difference"] == "not run"


def test_pairs_and_missing_runs_are_counted(collected):
    first, second = (build(collected).sections[place].text for place in (0, 2))
    assert first.startswith("Pairs: 1 matched, 1 not matched, 1 missing; validation set of 500 sentences")
    assert first.endswith("2 of 8 runs missing (failed: 1, no record yet: 1).")
    assert second.startswith("Pairs: 1 not matched;")


@pytest.mark.parametrize("column", [0, 1])
def test_published_shares_stand_beside_their_member_and_no_difference_is_taken(collected, column):
    smoothed, penalty = rows_of(collected, column)[:2]
    shown = [f"% < e^-{power} published" for power in (10, 15)]
    assert [smoothed[name] for name in shown] == ["38 ± 0.01", "0.0 ± n/a"]
    assert [penalty[name] for name in shown] == ["54 ± 5e-3", "0.7 ± 4e-4"]
    assert {row[f"% < e^-{power} difference"] for row in (smoothed, penalty) for power in (10, 15)} == {"unknown task"}
    text = to_markdown(build(collected))
    assert "published: the exponent is unreadable" in text and "unknown task: the source does not say" in text


def test_published_shares_are_in_the_csv_with_their_member(collected):
    rows = [row for row in csv_of(collected) if row["published"] and row["task"] == "mttt_fr_en"]
    found = {(row["run"], row["column"]): row["published_printed"] for row in rows}
    assert sorted(found.values()) == ["0.0", "0.7", "38", "54"]
    assert {row["published_task"] for row in rows} == {"data set not stated"}
    assert {row["difference"] for row in rows} == {""}
