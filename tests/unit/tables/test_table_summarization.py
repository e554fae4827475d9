"""Paper A's summarisation table: what is not available is printed so, and BART's number is not paper A's."""

import csv
import io
import json
from pathlib import Path

import pytest

from entropyreg.tables.a_table_summarization import build
from entropyreg.tables.formats import GAMMA, to_csv, to_markdown

COLLECTED = Path(__file__).parents[2] / "data" / "collected_a_table_summarization.json"
UNKNOWN = "n/a (not available to us)"


@pytest.fixture
def collected():
    return json.loads(COLLECTED.read_text(encoding="utf-8"))


def cells_of(collected, start):
    """Texts of the main section's row."""
    row = next(row for row in build(collected).sections[0].rows if row[0].text.startswith(start))
    return [cell.text for cell in row]


def csv_of(collected):
    rows = csv.DictReader(io.StringIO(to_csv(build(collected))))
    return {(row["row"], row["quantity"]): row for row in rows if not row["compared_with"]}


def test_every_published_value_of_paper_a_is_not_available(collected):
    for start in ("No regularization", f"LS D_J1 ({GAMMA}", "LS D_J1 (tuned)", "CP", "GER"):
        assert cells_of(collected, start)[-4:] == [UNKNOWN] * 4
    own = [row for (name, _), row in csv_of(collected).items() if name != "bart_readme"]
    assert len(own) == 5 * 9 and not any(row["published"] for row in own)


def test_barts_row_is_labelled_as_not_from_paper_a(collected):
    cells = cells_of(collected, "not from paper A")
    assert cells[0] == f"not from paper A: BART, LS {GAMMA} = 0.1"
    assert cells[1:] == ["-"] * 6 + ["-", "44.16", "21.28", "40.90"]
    assert "Not from paper A: the public number of bart.large" in to_markdown(build(collected))
    row = csv_of(collected)["bart_readme", "rouge_l"]
    assert (row["published"], row["mean"], row["status"]) == ("40.9", "", "not applicable")
    assert row["published_certainty"] == "README of BART in the authors' repository"


@pytest.mark.parametrize("published_as", ["iwslt14_de_en", None])
def test_barts_row_stands_beside_its_own_data_set_only(collected, published_as):
    collected["columns"][0]["published_as"] = published_as
    assert "BART, LS" not in "".join(row[0].text for row in build(collected).sections[0].rows)
    assert not any(name == "bart_readme" for name, _ in csv_of(collected))


def test_rouge_has_two_decimals_and_its_settings_are_printed(collected):
    assert cells_of(collected, "No regularization")[4:7] == [
        *("30.30 ± 0.42 (n = 2)", "15.15 ± 0.21 (n = 2)", "27.30 ± 0.42 (n = 2)"),
    ]
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
    assert cells["label_smoothing_tuned", "rouge_l"]["reason"] == "not run at demo scale"
    assert cells["confidence_penalty", "rouge1"]["reason"] == "no record yet"
    assert cells["label_smoothing_0.1", "rouge1"]["status"] == "partial"
    assert cells["label_smoothing_0.1", "rouge1"]["reason"] == "1 of 2 seeds missing: failed: out of memory"
