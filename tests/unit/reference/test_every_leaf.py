"""No number of a record escapes the comparison: each leaf of committed records, text and images, is changed in turn."""

from functools import cache
from pathlib import Path

import pytest

from entropyreg.measuring.record_files import read_record
from entropyreg.reference.comparison import FAIL, OTHER, SAME, WITHIN, Rules, compare_records, is_left_out
from entropyreg.reference.spread import ROUNDING, Spread, is_number, leaves, name_of, on_scale, pools_of

ROOT = Path(__file__).parents[3]
RUNS = ROOT / "results" / "reference" / "demo" / "runs"
RECORDS = [
    "demo_de_en/transformer/none/seed1",
    "demo_de_en/transformer/jensen-skew1.00-strength0.1111/seed1",
    "demo_docstrings/transformer_summarization/jensen-skew0.50-strength1.00/seed1",
    "digits/teacher/none",
    "digits/student/from-teacher-smoothing0.10-temperature4.00",
    "fashion_mnist_6k/mlp/none",
]
SEARCHED = "demo_de_en/transformer/demo_ger-trial5/seed1"
MATCHED = "digits/student/from-teacher-none-entropy.of-teacher-smoothing0.10"


@cache
def rules(same_type):
    return Rules(None) if same_type else Rules(Spread.of(ROOT), 5000)


@cache
def committed(run):
    return read_record(RUNS / run)


def numbers(run):
    """(path, value) of a number of each name: what holds for a name holds for all its seeds, splits and places."""
    return {name_of(path): (path, value) for path, value in leaves(committed(run)) if is_number(value)}.values()


def changed(value, path, new):
    """A copy of a record, with another value at a path of `leaves`."""
    if not path:
        return new
    if isinstance(value, list):
        return [changed(one, path[1:], new) if str(at) == path[0] else one for at, one in enumerate(value)]
    return {key: changed(one, path[1:], new) if key == path[0] else one for key, one in value.items()}


def outcome(run, path, new, same_type):
    return compare_records(committed(run), changed(committed(run), path, new), rules(same_type))


def beyond(run, path, value, share):
    """`value` moved towards 0 by a share of what another processor may differ by, and at least by twice rounding."""
    bound = 0.0
    if path[0] == "measures":
        bound = rules(False).spread.bound(pools_of(committed(run)), name_of(path), rules(False).n_compared)
    if on_scale(name_of(path), 2.0) != 2.0:
        return value * 2.718281828459045 ** (share * bound)
    step = share * max(bound, 2 * ROUNDING * abs(value), 1e-300)
    if isinstance(value, int) and not bound:
        step = 1
    return value - step if value > 0 else value + step


@pytest.mark.parametrize("run", RECORDS)
def test_a_record_equals_itself_and_one_number_beyond_its_bound_fails_it(run):
    for same_type in (True, False):
        assert compare_records(committed(run), committed(run), rules(same_type)).outcome == SAME
    assert len(numbers(run)) > 30
    for path, value in numbers(run):
        far = outcome(run, path, beyond(run, path, value, 1.01), False)
        wanted = WITHIN if is_left_out(path, committed(run)) else FAIL
        assert (far.outcome, len(far.remarks)) == (wanted, 1), path
        assert far.remarks[0].startswith(".".join(path))


@pytest.mark.parametrize("run", RECORDS)
def test_less_than_the_bound_passes(run):
    spread, n_within = rules(False).spread, 0
    for path, value in numbers(run):
        if path[0] == "measures" and spread.differs(pools_of(committed(run)), name_of(path)):
            found = outcome(run, path, beyond(run, path, value, 0.99), False)
            assert found.outcome == WITHIN and found.farthest == pytest.approx(0.99, abs=0.02), path
            n_within += 1
    assert n_within > 5


@pytest.mark.parametrize("run", RECORDS)
def test_on_the_same_processor_the_last_bit_of_any_number_fails_the_record(run):
    for path, value in numbers(run):
        assert outcome(run, path, value * (1 + 2**-52) or 5e-324, True).outcome == FAIL, path


def test_names_leave_out_seeds_splits_and_places():
    assert name_of(("measures", "3", "calibration", "valid", "bins", "count", "14")) == "calibration.bins.count"
    assert name_of(("data", "splits", "train", "read")) == "data.splits.read"


def test_an_empty_bin_is_accepted_elsewhere_only_and_a_text_nowhere():
    bin_ = ("measures", "1", "calibration", "valid", "bins", "accuracy", "14")
    run = "fashion_mnist_6k/mlp/none"
    assert outcome(run, bin_, None, False).outcome == WITHIN
    assert outcome(run, bin_, None, True).outcome == outcome(run, bin_, "0.5", False).outcome == FAIL
    at_bound = ("measures", "1", "temperature", "ece_all", "at_bound")
    assert outcome(run, at_bound, True, False).outcome == FAIL


@pytest.mark.parametrize(("same_type", "wanted"), [(True, FAIL), (False, SAME)])
def test_the_weights_must_be_the_same_bits_on_the_same_processor_only(same_type, wanted):
    amended = changed(committed(RECORDS[0]), ("claims_sha256",), "amended")
    found = compare_records(committed(RECORDS[0]), changed(amended, ("weights_sha256",), "other"), rules(same_type))
    assert found.outcome == wanted and len(found.remarks) == (wanted == FAIL)


def test_a_different_proposal_is_reported_and_not_compared():
    other = changed(committed(SEARCHED), ("regularizer", "skew"), 0.25)
    other = changed(other, ("measures", "valid", "bleu"), 1.0)  # of another training
    found = compare_records(committed(SEARCHED), other, rules(False))
    assert found.outcome == OTHER and found.remarks == ["regularizer.skew: 0.25, not 0.6680885476"]
    settings = changed(other, ("training", "model", "lr"), 0.005)
    assert compare_records(committed(SEARCHED), settings, rules(False)).outcome == FAIL
    assert compare_records(committed(SEARCHED), other, rules(True)).outcome == FAIL
    declared = outcome(
        "demo_de_en/transformer/jensen-skew1.00-strength0.1111/seed1", ("regularizer", "skew"), 0.9, False
    )
    assert declared.outcome == FAIL


def test_a_temperature_that_was_matched_may_differ_and_one_that_was_declared_may_not():
    path = ("training", "distillation", "temperature")
    assert outcome(MATCHED, path, 2.5, False).outcome == WITHIN
    assert outcome(MATCHED, path, 2.5, True).outcome == FAIL
    assert outcome("digits/student/from-teacher-smoothing0.10-temperature4.00", path, 4.1, False).outcome == FAIL
