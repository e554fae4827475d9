"""Paper A's variants: models side by side, and gains within one model."""

import csv
import io
import json
from pathlib import Path

import pytest

from entropyreg.io.errors import UserError
from entropyreg.rendering.tables.a_table_variants import ROWS, build
from entropyreg.rendering.tables.formats import to_csv

COLLECTED = Path(__file__).parents[3] / "data" / "collected_a_table_variants.json"


@pytest.fixture
def collected():
    return json.loads(COLLECTED.read_text(encoding="utf-8"))


def run_of(collected, name):
    return next(run for run in collected["rows"] if run["row"] == name)


def csv_of(collected):
    rows = csv.DictReader(io.StringIO(to_csv(build(collected))))
    return {(row["row"], row["column"]): row for row in rows}


def test_rows_are_the_declared_ones():
    assert list(ROWS) == ["none", "label_smoothing_0.1", "ger", "ger_unigram", "euclidean", "fconv_none", "fconv_ger"]


def test_rows_of_both_models_name_their_model(collected):
    models = [row[1].text for row in build(collected).sections[0].rows]
    assert models == ["transformer"] * 5 + ["fconv"] * 2
    assert csv_of(collected)["fconv_none", "bleu"]["model"] == "fconv"


def test_gain_is_taken_to_the_unregularized_run_of_the_same_model(collected):
    done = run_of(collected, "fconv_none")["measures"]["test"] | {"bleu": 18.25}
    run_of(collected, "fconv_ger").update(status="done", reason=None, measures={"valid": done, "test": done})
    cells = csv_of(collected)
    assert float(cells["fconv_ger", "bleu_gain"]["mean"]) == pytest.approx(18.25 - 17.0)
    assert float(cells["euclidean", "bleu_gain"]["mean"]) == pytest.approx(20.1 - 19.5)
    for row in ("none", "fconv_none"):
        assert cells[row, "bleu_gain"]["reason"].startswith("mean: does not apply")


def test_a_row_of_two_models_is_refused(collected):
    collected["rows"].append(run_of(collected, "none") | {"row": "fconv_none", "seed": 2})
    with pytest.raises(UserError, match="mixes model fconv and transformer"):
        build(collected)


def test_a_row_of_two_generators_is_refused(collected):
    other = run_of(collected, "euclidean") | {"seed": 2, "generator": "entropy"}
    collected["rows"].append(other)
    with pytest.raises(UserError, match="mixes generator entropy and euclidean"):
        build(collected)


def test_the_euclidean_generator_has_no_skew(collected):
    cell = csv_of(collected)["euclidean", "skew"]
    assert cell["mean"] == "" and cell["reason"].startswith("mean: does not apply")
    run_of(collected, "euclidean").update(status="missing", reason="failed: x", measures=None)
    assert csv_of(collected)["euclidean", "skew"]["reason"].startswith("mean: does not apply")
    assert csv_of(collected)["euclidean", "bleu"]["reason"].startswith("mean: failed: x")


def test_nothing_is_published(collected):
    section = build(collected).sections[0]
    place = [cell.text for cell in section.headers].index("published")
    for row in section.rows:
        assert [cell.text for cell in row[place : place + 2]] == ["n/a"] * 2
    assert not any(row["published"] for row in csv_of(collected).values())
