"""Paper A's summarisation table: what is not available is printed so, and BART's number is not paper A's."""

import csv
import io
import json
from pathlib import Path

import pytest

from entropyreg.rendering.tables.a_table_summarization import build
from entropyreg.rendering.tables.formats import GAMMA, to_csv, to_markdown

COLLECTED = Path(__file__).parents[3] / "data" / "collected_a_table_summarization.json"
MEASURES = ("Ĥ", "ROUGE-1", "ROUGE-2", "ROUGE-L")
UNKNOWN = "n/a"


@pytest.fixture
def collected():
    return json.loads(COLLECTED.read_text(encoding="utf-8"))


def cells_of(collected, start):
    """A line of the main section by '<group> <header>'."""
    section = build(collected).sections[0]
    groups = [name for name, span in section.groups for _ in range(span)]
    names = [f"{group} {cell.text}".strip() for group, cell in zip(groups, section.headers, strict=True)]
    row = next(row for row in section.rows if row[0].text.startswith(start))
    return dict(zip(names, (cell.text for cell in row), strict=True))


def csv_of(collected):
    rows = csv.DictReader(io.StringIO(to_csv(build(collected))))
    return {(row["row"], row["column"]): row for row in rows if not row["compared_with"]}


def test_every_published_value_of_paper_a_is_not_available(collected):
    for start in ("No regularization", f"LS D_J1 ({GAMMA}", "LS D_J1 (tuned)", "CP", "GER"):
        cells = cells_of(collected, start)
        assert [cells[f"{name} published"] for name in MEASURES] == [UNKNOWN] * 4
        assert [cells[f"{name} difference"] for name in MEASURES] == [UNKNOWN] * 4
    own = [row for (name, _), row in csv_of(collected).items() if name != "bart_readme"]
    assert len(own) == 5 * 9 and not any(row["published"] for row in own)


def test_barts_row_is_labelled_as_not_from_paper_a(collected):
    cells = cells_of(collected, "not from paper A")
    assert cells["regularizer"] == f"not from paper A: BART, LS {GAMMA} = 0.1"
    assert [cells[f"{name} published"] for name in MEASURES] == ["-", "44.16", "21.28", "40.90"]
    own = [text for name, text in cells.items() if not name.endswith(" published")]
    assert own[1:] == ["-"] * 10
    assert "Not from paper A: the public number of bart.large" in to_markdown(build(collected))
    row = csv_of(collected)["bart_readme", "rouge_l"]
    assert (row["published"], row["mean"], row["reason"]) == ("40.9", "", "mean: does not apply")
    assert row["certainty"] == "README of BART in the authors' repository"


@pytest.mark.parametrize("published_as", ["iwslt14_de_en", None])
def test_barts_row_stands_beside_its_own_data_set_only(collected, published_as):
    collected["columns"][0]["published_as"] = published_as
    assert "BART, LS" not in "".join(row[0].text for row in build(collected).sections[0].rows)
    row = csv_of(collected)["bart_readme", "rouge_l"]
    assert (row["task"], row["reason"]) == ("", "mean: not run: no task here stands for it")


def test_rouge_has_two_decimals_and_its_settings_are_printed(collected):
    cells = cells_of(collected, "No regularization")
    shown = [cells[name if name in cells else f"{name} reproduced"] for name in MEASURES[1:]]
    assert shown == ["30.30 [26.49, 34.11] (2)", "15.15 [13.24, 17.06] (2)", "27.30 [23.49, 31.11] (2)"]
    text = to_markdown(build(collected))
    assert "ROUGE-1, ROUGE-2, ROUGE-L, signature: `score:f1|refs:1|" in text
    assert csv_of(collected)["none", "rouge2"]["signature"].startswith("score:f1")


def test_strengths_taken_from_translation_are_named(collected):
    note = "Run with the published skew and strength of translation, not tuned on this data: GER"
    assert note in to_markdown(build(collected))
    (run,) = [run for run in collected["rows"] if run["row"] == "ger"]
    run["strength"] = 0.9
    assert note not in to_markdown(build(collected))


def test_missing_runs_say_why(collected):
    cells = csv_of(collected)
    assert cells["label_smoothing_tuned", "rouge_l"]["reason"].startswith("mean: not run at demo scale;")
    assert cells["confidence_penalty", "rouge1"]["reason"].startswith("mean: no record yet;")
    partial = cells["label_smoothing_0.1", "rouge1"]
    assert partial["mean"] and partial["reason"].startswith("mean: 1 of 2 seeds missing: failed: out of memory;")
    assert "1 of 2 seeds missing: failed: out of memory" in to_markdown(build(collected))
