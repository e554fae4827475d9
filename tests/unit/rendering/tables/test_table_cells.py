"""One form of a cell: interval of Student, difference in the published unit, and a word for whatever is lacking."""

import pytest
from scipy import stats

from entropyreg.rendering.published import PublishedNumber
from entropyreg.rendering.tables.aggregate import Value, setting, summary
from entropyreg.rendering.tables.cells import Beside, Entry, Quantity, block, cells_of, number_text, p_text
from entropyreg.rendering.tables.formats import Cell
from entropyreg.rendering.tables.intervals import mean_interval, student_quantile
from entropyreg.rendering.tables.legend import NOT_AVAILABLE, OTHER_TASK, Legend

BLEU = Quantity(("test", "bleu"), Cell("BLEU"), "BLEU", ".1f")


def number(value, printed=None, note=""):
    return PublishedNumber("A", "a_table", "ger", "task", "bleu", value, printed or str(value), "BLEU", "slides", note)


def texts(value, *beside, quantity=BLEU):
    return [cell.text for cell in cells_of(Entry(quantity, value, beside), Legend())]


@pytest.mark.parametrize(("degrees", "printed"), [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (30, 2.042)])
def test_student_is_that_of_printed_tables(degrees, printed):
    assert student_quantile(degrees) == pytest.approx(printed, abs=5e-4)


def test_interval_of_a_mean_is_that_of_scipy():
    values = {1: 19.5, 2: 19.9, 3: 21.0, 4: 20.2}
    found = summary(values, [], 4)
    wanted = stats.t.interval(0.95, 3, loc=20.15, scale=stats.sem(list(values.values())))
    assert (found.low, found.high) == pytest.approx(wanted, rel=1e-9)
    assert (found.mean, found.n, found.reason) == (pytest.approx(20.15), 4, "")


def test_one_value_has_no_interval():
    assert (summary({1: 2.0}, [], 1).low, summary({1: 2.0}, [], 1).high) == (None, None)
    with pytest.raises(ValueError, match="n is 1; allowed: at least 2"):
        mean_interval(2.0, 0.1, 1)


def test_the_interval_covers_the_mean_of_normal_seeds_in_95_of_100_cases():
    draws = stats.norm.rvs(loc=3.0, scale=0.7, size=(4000, 3), random_state=1)
    found = [summary(dict(enumerate(map(float, row))), [], 3) for row in draws]
    covered = sum(one.low <= 3.0 <= one.high for one in found) / len(found)
    assert covered == pytest.approx(0.95, abs=0.012)  # 3.5 standard errors


def test_difference_is_reproduced_minus_published_with_its_sign():
    value = Value(37.04, 36.5, 37.6, 3)
    assert texts(value, Beside("A", number(36.5))) == ["37.0 [36.5, 37.6] (3)", "36.5", "+0.5"]
    assert texts(value, Beside("A", number(38.0))) == ["37.0 [36.5, 37.6] (3)", "38.0", "-1.0"]
    assert texts(value, Beside("A", number(37.04)))[-1] == "0.0"
    assert Beside("A", number(36.5)).difference(value) == (pytest.approx(0.54), "")


@pytest.mark.parametrize(
    ("value", "beside", "shown"),
    [
        (Value(37.0, n=1), Beside("A", number(36.5)), ["37.0 [needs seeds] (1)", "36.5", "+0.5"]),
        (Value(37.0, n=1), Beside("A", number(36.5), OTHER_TASK), ["37.0 [needs seeds] (1)", "36.5", "other task"]),
        (Value(37.0, 36.0, 38.0, 2), Beside("A"), ["37.0 [36.0, 38.0] (2)", "n/a", "n/a"]),
        (Value(37.0, 36.0, 38.0, 2), Beside("A", applies=False), ["37.0 [36.0, 38.0] (2)", "-", "-"]),
        (Value(reason="failed: x"), Beside("A", number(36.5)), ["failed", "36.5", "failed"]),
        (Value(reason="not run at demo scale"), Beside("A", number(36.5), OTHER_TASK), ["not run", "36.5", "not run"]),
        (Value(reason="no record yet"), Beside("A"), ["no record", "n/a", "n/a"]),
        (Value(), Beside("A", number(36.5)), ["-", "36.5", "-"]),
        (setting(0.5, 3), Beside("A", number(0.5)), ["0.5", "0.5", "0.0"]),
    ],
)
def test_whatever_a_cell_lacks_a_word_says_why(value, beside, shown):
    assert texts(value, beside) == shown


def test_a_published_dash_is_printed_and_a_number_that_cannot_be_read_is_not_available():
    assert texts(Value(), Beside("A", number(None, "-")))[1] == "-"
    unreadable = PublishedNumber("A", "a", "r", "c", "m", None, None, "percent", "slides", "the exponent is unreadable")
    legend = Legend()
    cell = cells_of(Entry(BLEU, Value(1.0, 0.5, 1.5, 2), (Beside("A", number(0.7), error=unreadable),)), legend)[1]
    assert cell == Cell("0.7 ± n/a", ("a",))
    assert [note.text for note in legend.notes()] == [NOT_AVAILABLE, "published: the exponent is unreadable"]


def test_what_is_declared_has_no_column_of_differences():
    skew = Quantity(("skew",), Cell("skew"), "number", ".4g", declared=True)
    assert texts(setting(0.5, 1), Beside("A", number(0.7, "0.70")), quantity=skew) == ["0.5", "0.70"]


def test_headers_name_the_source_of_a_difference_where_there_are_two():
    both = (Beside("B", number(36.5)), Beside("ReScience", number(37.0)))
    lines = [((Cell("hard"),), [Entry(BLEU, Value(38.0, 37.0, 39.0, 2), both)])]
    section = block("T", "", ["row"], lines, Legend())
    assert section.groups == (("", 1), ("BLEU", 5))
    names = ["row", "reproduced", "paper", "minus paper", "replication", "minus replication"]
    assert [cell.text for cell in section.headers] == names
    assert [cell.text for cell in section.rows[0]][3::2] == ["+1.5", "+1.0"]


def test_a_value_of_some_seeds_says_which_are_missing():
    found = summary({1: 2.0, 2: 3.0}, ["failed: x"], 3)
    legend = Legend()
    cell = cells_of(Entry(BLEU, found), legend)[0]
    assert cell.text.endswith("(2)") and cell.marks == ("a",)
    assert legend.notes()[0].text == "1 of 3 seeds missing: failed: x"


def test_another_unit_scales_the_mean_with_its_interval():
    found = Value(0.9, 0.8, 1.0, 5, deviation=0.1, minimum=0.7, maximum=1.1).scaled(100)
    shown = (found.mean, found.low, found.high, found.deviation, found.minimum, found.maximum)
    assert shown == pytest.approx((90, 80, 100, 10, 70, 110)) and found.n == 5


def test_numbers_as_text():
    assert [number_text(x, "+.1f") for x in (0.04, -0.04, 0.06, -0.06)] == ["0.0", "0.0", "+0.1", "-0.1"]
    assert [p_text(p) for p in (0.012, 0.0002)] == ["p = 0.012", "p < 0.001"]
