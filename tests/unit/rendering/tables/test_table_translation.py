"""Paper A's translation table: missing cells, several seeds, differences, and what is refused."""

import csv
import io
import json
from copy import deepcopy
from pathlib import Path

import pytest

from entropyreg.io.errors import UserError
from entropyreg.rendering import tables
from entropyreg.rendering.published import published_numbers
from entropyreg.rendering.tables.a_table_translation import build
from entropyreg.rendering.tables.formats import GAMMA, to_csv, to_latex, to_markdown

DATA = Path(__file__).parents[3] / "data"
COLLECTED = DATA / "collected_a_table_translation.json"


@pytest.fixture
def collected():
    return json.loads(COLLECTED.read_text(encoding="utf-8"))


def runs_of(collected, row, column):
    return [run for run in collected["rows"] if (run["row"], run["column"]) == (row, column)]


def csv_of(collected):
    rows = csv.DictReader(io.StringIO(to_csv(build(collected))))
    return {(row["row"], row["task"], row["column"]): row for row in rows if row["task"] and not row["compared_with"]}


def line_of(text, start, section=0):
    """The first line of the section that starts so."""
    part = text.split("\n## ")[1:][section]
    return next(line for line in part.splitlines() if line.startswith(f"| {start}"))


def cells_of(collected, start, section=0):
    """A line of a section by '<group> <header>'."""
    part = build(collected).sections[section]
    groups = [name for name, span in part.groups for _ in range(span)]
    names = [f"{group} {cell.text}".strip() for group, cell in zip(groups, part.headers, strict=True)]
    row = next(row for row in part.rows if row[0].text.startswith(start))
    return dict(zip(names, (cell.text for cell in row), strict=True))


def comparisons_of(collected):
    rows = csv.DictReader(io.StringIO(to_csv(build(collected))))
    return [row for row in rows if row["compared_with"]]


def test_csv_has_one_line_for_each_row_column_and_quantity(collected):
    text = to_csv(build(collected))
    assert len(csv_of(collected)) == 5 * 2 * 10
    assert len(comparisons_of(collected)) == len(collected["comparisons"]) == 16
    unpaired = [
        key for key in published_numbers().numbers if key[1] == "a_table_translation" and key[3] == "wmt14_de_en"
    ]
    assert len(text.splitlines()) == 1 + 5 * 2 * 10 + 16 + len(unpaired)


def test_several_seeds_give_mean_interval_and_number(collected):
    cell = csv_of(collected)["none", "demo_de_en", "bleu"]
    assert float(cell["mean"]) == pytest.approx((19.5 + 19.9) / 2)
    assert float(cell["standard_deviation"]) == pytest.approx(0.4 / 2**0.5, abs=1e-6)
    half = 12.7062 * 0.2  # t of one degree of freedom times the standard error of 19.5 and 19.9
    assert (float(cell["low"]), float(cell["high"])) == pytest.approx((19.7 - half, 19.7 + half), abs=1e-3)
    assert (cell["seeds"], cell["interval"]) == ("2", "seeds")
    assert cells_of(collected, "No regularization", 2)["BLEU of text"] == "19.7 [17.2, 22.2] (2)"


def test_one_seed_has_no_interval_and_says_so(collected):
    for row in ("none", "label_smoothing_0.1"):
        for run in runs_of(collected, row, "demo_de_en")[1:]:
            collected["rows"].remove(run)
    assert cells_of(collected, "LS", 2)["BLEU of text"].endswith(" [needs seeds] (1)")
    cell = csv_of(collected)["label_smoothing_0.1", "demo_de_en", "bleu"]
    assert cell["low"] == "" and "interval: needs seeds" in cell["reason"]
    assert "- needs seeds: an interval needs more seeds than one; none over sentences is" in to_markdown(
        build(collected)
    )


def test_difference_to_the_published_value_is_taken_on_the_same_task_only(collected):
    for column, title in (("mttt_fr_en", "40.0"), ("demo_de_en", "40.0")):
        for run in runs_of(collected, "label_smoothing_0.1", column):
            run["measures"]["test"] |= {"bleu_as_published": float(title), "entropy_normalized": 0.2}
    cells = csv_of(collected)
    same, other = (cells["label_smoothing_0.1", task, "bleu_as_published"] for task in ("mttt_fr_en", "demo_de_en"))
    assert (same["published"], float(same["difference"])) == ("36.5", pytest.approx(40 - 36.5))
    assert (other["published"], other["difference"], other["mean"]) == ("36.9", "", "40.0")
    assert "difference: other task" in other["reason"] and "difference" not in same["reason"]
    line = cells_of(collected, "LS", 1)
    assert (line["BLEU published"], line["BLEU difference"]) == ("36.5", "+3.5")
    assert (line["Ĥ published"], line["Ĥ difference"]) == ("0.18", "+0.02")
    assert cells_of(collected, "LS")["BLEU difference"] == "other task"


def test_gain_pairs_seeds(collected):
    first, second = runs_of(collected, "label_smoothing_0.1", "demo_de_en")
    first["measures"]["test"]["bleu_as_published"] = 22.5
    second["measures"]["test"]["bleu_as_published"] = 21.9
    cell = csv_of(collected)["label_smoothing_0.1", "demo_de_en", "bleu_as_published_gain"]
    assert float(cell["mean"]) == pytest.approx(((22.5 - 20.5) + (21.9 - 20.9)) / 2)
    assert float(cell["standard_deviation"]) == pytest.approx(1 / 2**0.5, abs=1e-6)


def test_gain_without_an_unregularized_run_says_so(collected):
    (base,) = runs_of(collected, "none", "mttt_fr_en")
    base.update(status="missing", reason="failed: killed", measures=None)
    cell = csv_of(collected)["label_smoothing_0.1", "mttt_fr_en", "bleu_as_published_gain"]
    assert cell["mean"] == "" and cell["reason"].startswith("mean: no pair: no finished run of the same seed")
    assert (
        cells_of(collected, "LS", 1)["gain reproduced"] == cells_of(collected, "LS", 1)["gain difference"] == "no pair"
    )


@pytest.mark.parametrize(
    ("reason", "word"),
    [("not run at demo scale", "not run"), ("failed: out of memory", "failed"), ("no record yet", "no record")],
)
def test_missing_cell_shows_its_reason_everywhere(collected, reason, word):
    for run in runs_of(collected, "ger", "demo_de_en"):
        run.update(status="missing", reason=reason, measures=None)
    assert csv_of(collected)["ger", "demo_de_en", "bleu"]["reason"].startswith(f"mean: {reason};")
    table, line = build(collected), cells_of(collected, "GER")
    assert [line[f"{name} {kind}"] for name in ("Ĥ", "BLEU", "gain") for kind in ("reproduced", "difference")] == [
        word
    ] * 6
    assert (line["skew reproduced"], line["strength reproduced"]) == ("0.5", "1")  # known before any run
    explained = reason.removeprefix("failed: ")
    assert f"- {word}: " in to_markdown(table) and explained in to_markdown(table)
    assert f"\n{word}: " in to_latex(table) and explained in to_latex(table)


def test_a_pair_that_no_run_fills_is_still_shown(collected):
    collected["rows"] = [run for run in collected["rows"] if run["row"] != "ger"]
    assert csv_of(collected)["ger", "demo_de_en", "bleu"]["reason"].startswith("mean: not run: no run is declared")


def test_a_row_that_the_paper_lacks_is_shown_last(collected):
    extra = deepcopy(runs_of(collected, "ger", "demo_de_en")[0]) | {"row": "skew_0.99 | new"}
    collected["rows"].append(extra)
    lines = to_markdown(build(collected)).splitlines()
    after = lines.index(next(line for line in lines if line.startswith("| GER"))) + 1
    assert lines[after].startswith(r"| skew\_0.99 \| new ")


def test_a_stand_in_is_called_another_data_set_and_the_same_one_is_not(collected):
    titles = [section.title for section in build(collected).sections]
    assert "published IWSLT'14 De-En (another data set" in titles[0]
    assert titles[1] == "MTTT Fr-En, beside published MTTT Fr-En"


def test_a_data_set_without_published_numbers(collected):
    collected["columns"][0]["published_as"] = None
    section = build(collected).sections[0]
    assert "nothing is published on it" in section.title
    assert {name for name, _ in section.groups} == {""}
    assert "published: nothing is published" in csv_of(collected)["ger", "demo_de_en", "bleu_as_published"]["reason"]
    assert csv_of(collected)["ger", "demo_de_en", "bleu_as_published"]["published"] == ""


def test_only_bleu_as_published_stands_beside_published_bleu(collected):
    cells = csv_of(collected)
    assert cells["ger", "demo_de_en", "bleu"]["published"] == ""
    assert cells["ger", "demo_de_en", "bleu_as_published"]["published"] == "37.5"


def test_every_signature_is_printed(collected):
    table = build(collected)
    signatures = {
        run["measures"]["test"]["bleu_signature"]
        for run in collected["rows"]
        if run["status"] == "done" and "test" in run["measures"]
    }
    assert signatures and all(f"`{signature}`" in to_markdown(table) for signature in signatures)


def test_scale_is_printed_and_smoke_says_that_it_means_nothing(collected):
    assert "**demo scale, 1 to 2 seeds: small models" in to_markdown(build(collected))
    collected |= {"scale": "smoke", "scale_note": "SMOKE TEST: a few updates a run"}
    assert "SMOKE: means nothing" in to_markdown(build(collected))
    assert "SMOKE: means nothing" in to_latex(build(collected))


def test_no_finished_run_at_all(collected):
    for run in collected["rows"]:
        run.update(status="missing", reason="no record yet", measures=None)
    collected["comparisons"] = []
    assert to_markdown(build(collected)).count("Reproduced: no finished run.") == 2
    assert to_latex(build(collected)).count("no record yet") == 1  # explained once


def test_latex_rows_are_as_wide_as_their_section(collected):
    text = to_latex(build(collected))
    assert "\\begin{tabular}{lrrrrrrrrrrrrr}" in text
    rows = [line for line in text.splitlines() if line.endswith("\\\\") and " & " in line]
    widths = [1 + line.count("&") for line in rows if "multicolumn" not in line]
    assert widths == [14] * 12 + [5] * 24


def test_entropy_stands_under_every_conditioning_the_primary_one_first(collected):
    (run,) = runs_of(collected, "label_smoothing_0.1", "mttt_fr_en")
    keys = ("", "_own_prefix", "_beam", "_without_filler")
    run["measures"]["test"] |= {f"entropy_normalized{key}": value / 10 for value, key in enumerate(keys, start=1)}
    start = f"LS D_J1 ({GAMMA} = 0.1)"
    shown = [cells_of(collected, start, 1)["Ĥ reproduced"], *list(cells_of(collected, start, 3).values())[2:]]
    assert [cell.split()[0] for cell in shown] == ["0.10", "0.20", "0.30", "0.40"]
    for value, key in enumerate(keys, start=1):
        cell = csv_of(collected)["label_smoothing_0.1", "mttt_fr_en", f"entropy_normalized{key}"]
        assert float(cell["mean"]) == pytest.approx(value / 10)
        assert bool(cell["published"]) == (key == "")


def test_differences_have_interval_p_value_and_seeds(collected):
    entry = next(e for e in collected["comparisons"] if (e["row"], e["to"], e["metric"]) == ("ger", "none", "bleu"))
    entry |= {"difference": 2.44, "low": -0.26, "high": 5.14, "p_value": 0.0314, "n_seeds": 2}
    line = line_of(to_markdown(build(collected)), "GER", section=4)
    assert r"+2.4 \[-0.3, +5.1\], p = 0.031 (n = 2)" in line
    wanted = ("ger", "none", "bleu_difference")
    written = next(r for r in comparisons_of(collected) if (r["row"], r["compared_with"], r["column"]) == wanted)
    assert [float(written[key]) for key in ("mean", "low", "high", "p_value")] == [2.44, -0.26, 5.14, 0.0314]
    assert (written["seeds"], written["unit"]) == ("2", "BLEU")
    assert "[$-$0.3, +5.1]" in to_latex(build(collected))


def test_a_row_without_a_difference_says_so(collected):
    text = to_markdown(build(collected))
    assert line_of(text, "CP", section=4).count("no pair") == 4
    assert "the two rows have no finished runs that are compared" in text
    assert line_of(text, "No regularization", section=4).split("|")[2].strip() == "-"


@pytest.mark.parametrize("absent", [True, False])
def test_without_comparisons_there_is_no_section_but_a_note(collected, absent):
    del collected["comparisons"]
    collected |= {} if absent else {"comparisons": []}
    table = build(collected)
    assert len(table.sections) == 4
    assert "Differences between rows, with intervals: none was collected." in to_markdown(table)
    assert not comparisons_of(collected)


@pytest.mark.parametrize("tuned", [True, False])
def test_untuned_rows_are_named(collected, tuned):
    for run in runs_of(collected, "ger", "demo_de_en"):
        run["skew"] = 0.6 if tuned else 0.5
    note = next(n.text for n in build(collected).notes if n.text.startswith("Run with the published skew"))
    assert ("GER" in note) is not tuned
    assert "CP D_J0" in note
    declared = [n.text for n in build(collected).notes if n.text.startswith("Run with a strength declared")]
    assert [("GER" in text, "CP" in text) for text in declared] == [(True, False)] * tuned
    for run in runs_of(collected, "ger", "demo_de_en"):
        run["run"] = f"demo_de_en/transformer/ger-winner/seed{run['seed']}"
    assert not [n for n in build(collected).notes if "GER" in n.text and "not tuned" in n.text]


def test_two_runs_of_one_seed_are_refused(collected):
    runs_of(collected, "ger", "demo_de_en")[1]["seed"] = 1
    with pytest.raises(UserError, match="two runs of one seed"):
        build(collected)


def test_mixed_strengths_in_a_cell_are_refused(collected):
    runs_of(collected, "ger", "demo_de_en")[1]["strength"] = 0.3
    with pytest.raises(UserError, match=r"mixes strength 0\.3 and 1\.0"):
        build(collected)


def test_unknown_published_data_set_is_refused(collected):
    collected["columns"][0]["published_as"] = "iwslt"
    with pytest.raises(UserError, match="allowed: wmt14_de_en"):
        build(collected)


def test_unknown_table_is_refused_with_the_allowed_ones(tmp_path):
    with pytest.raises(UserError, match=r"allowed: a_table_.*a_table_translation"):
        tables.render("a_table_translations", COLLECTED, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"artefact": "b_table"}, "collected for 'b_table'"),
        ({"rows": [{"row": "none"}]}, "entry 1 lacks the key 'column'"),
    ],
)
def test_damaged_collected_table_is_refused(tmp_path, collected, change, message):
    path = tmp_path / "collected.json"
    path.write_text(json.dumps(collected | change), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        tables.render("a_table_translation", path, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"column": "other"}, "allowed: demo_de_en, mttt_fr_en"),
        ({"status": "running"}, "allowed: done, missing"),
        ({"measures": None}, "done but has no measures"),
        ({"status": "missing", "reason": None}, "missing without a reason"),
    ],
)
def test_damaged_entry_is_refused(tmp_path, collected, change, message):
    collected["rows"][0] |= change
    path = tmp_path / "collected.json"
    path.write_text(json.dumps(collected), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        tables.render("a_table_translation", path, tmp_path)
