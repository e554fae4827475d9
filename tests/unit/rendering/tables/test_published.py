"""The published numbers: exact, complete, unique, and nothing that was only remembered."""

from itertools import product

import pytest

from entropyreg.io.errors import UserError
from entropyreg.rendering.published import FOLDER, lookup, published_numbers
from entropyreg.rendering.tables.a_table_translation import ROWS

TABLE_1 = {  # row: for WMT'14, IWSLT'14, MTTT: skew, strength, normalised entropy, BLEU, gain
    "none": [(None, 0, 0.11, 31.1, None), (None, 0, 0.1, 35.7, None), (None, 0, 0.15, 35.2, None)],
    "label_smoothing_0.1": [(1, 0.11, 0.23, 31.3, 0.2), (1, 0.11, 0.18, 36.9, 1.2), (1, 0.11, 0.18, 36.5, 0.8)],
    "label_smoothing_tuned": [(1, 0.35, 0.38, 31.7, 0.6), (1, 0.5, 0.4, 37.2, 1.5), (1, 0.693, 0.47, 37.5, 2.3)],
    "confidence_penalty": [(0, 0.28, 0.55, 31.6, 0.5), (0, 0.76, 0.81, 37.5, 1.8), (0, 0.95, 0.86, 37.4, 2.2)],
    "ger": [(0.7, 0.65, 0.47, 32.0, 0.9), (0.5, 1.0, 0.56, 37.5, 1.8), (0.85, 0.52, 0.37, 37.6, 2.4)],
}
DATA_SETS = ("wmt14_de_en", "iwslt14_de_en", "mttt_fr_en")
METRICS = ("skew", "strength", "entropy_normalized", "bleu_as_published", "bleu_as_published_gain")


@pytest.mark.parametrize(("row", "place"), product(TABLE_1, range(3)))
def test_table_1_is_exact_and_complete(row, place):
    for metric, value in zip(METRICS, TABLE_1[row][place], strict=True):
        key = ("A", "a_table_translation", row, DATA_SETS[place], metric)
        assert lookup(*key) == value
        assert published_numbers().find(*key) or (row, metric) == ("none", "bleu_as_published_gain")


def test_table_1_has_nothing_else():
    keys = {key[2:] for key in published_numbers().numbers if key[1] == "a_table_translation"}
    expected = set(product(TABLE_1, DATA_SETS, METRICS)) - {("none", d, "bleu_as_published_gain") for d in DATA_SETS}
    assert keys == expected | {("label_smoothing_0.1", d, "smoothing") for d in DATA_SETS}
    assert list(ROWS) == list(TABLE_1)


@pytest.mark.parametrize(("row", "data_set"), product(list(TABLE_1)[1:], DATA_SETS))
def test_printed_gains_agree_except_the_one_that_is_noted(row, data_set):
    def find(which, metric):
        return published_numbers().find("A", "a_table_translation", which, data_set, metric)

    gain = find(row, "bleu_as_published_gain")
    difference = find(row, "bleu_as_published").value - find("none", "bleu_as_published").value
    if (row, data_set) == ("label_smoothing_0.1", "mttt_fr_en"):
        assert difference == pytest.approx(1.3) and gain.value == 0.8 and "+1.3" in gain.note
    else:
        assert difference == pytest.approx(gain.value) and not gain.note


def test_value_is_what_is_printed():
    for number in published_numbers().numbers.values():
        assert number.unit
        if number.value is None:
            assert number.printed in (None, "-")
        else:
            assert float(number.printed) == number.value
        if number.paper != "A":
            continue
        bart = number.artefact == "a_table_summarization"
        assert number.certainty == ("README of BART in the authors' repository" if bart else "slides")


def test_sparsity_numbers_and_the_unreadable_one():
    def find(row, metric):
        return published_numbers().find("A", "a_table_sparsity", row, "not_stated", metric)

    shares = {
        (row, power): find(row, f"share_below_e-{power}").value
        for row in ("label_smoothing", "confidence_penalty")
        for power in (10, 15)
    }
    assert list(shares.values()) == [38.0, 0.0, 54.0, 0.7]
    assert find("confidence_penalty", "share_below_e-10_plus_minus").value == 5e-3
    unreadable = find("label_smoothing", "share_below_e-15_plus_minus")
    assert unreadable.value is None and "unreadable" in unreadable.note


def test_summarization_has_nothing_but_the_public_bart_number():
    keys = [key for key in published_numbers().numbers if key[1] == "a_table_summarization"]
    assert {key[2:4] for key in keys} == {("bart_readme", "cnn_dailymail")}
    assert [lookup(*key) for key in keys] == [44.16, 21.28, 40.9]
    assert [published_numbers().numbers[key].printed for key in keys] == ["44.16", "21.28", "40.90"]
    assert "Not from paper A" in published_numbers().notes["A", "a_table_summarization"][0]


def test_unknown_number_is_none():
    assert lookup("A", "a_table_summarization", "none", "cnn_dailymail", "rouge_l") is None
    assert lookup("A", "a_table_translation", "ger", "wmt14_de_en", "bleu") is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("row: ger, column: wmt14_de_en, metric: skew", "row: ger, column: mttt_fr_en, metric: skew", "listed twice"),
        ("metric: skew", "metric: skews", "metric is 'skews'; allowed: skew, smoothing"),
        ("column: wmt14_de_en", "column: wmt", "column is 'wmt'; allowed: wmt14_de_en"),
        ('printed: "0.11"', 'print: "0.11"', "lacks the key 'printed'"),
        ("units: ", "extra: 1\n  units: ", "unknown key 'extra'"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path, old, new, message):
    text = (FOLDER / "paper_a.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "paper_a.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        published_numbers(tmp_path)
