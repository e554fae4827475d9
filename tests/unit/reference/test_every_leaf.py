"""No number of a record escapes the comparison: each leaf of committed records, text and images, is changed in turn."""

from functools import cache
from pathlib import Path

import pytest

from entropyreg.files import read_json
from entropyreg.reference.comparison import compare_leaves, is_number, leaves
from entropyreg.reference.tolerances import Rule, Tolerances, name_of, tolerances

RUNS = Path(__file__).parents[3] / "results" / "reference" / "demo" / "runs"
RECORDS = [
    "demo_de_en/transformer/none/seed1",
    "demo_de_en/transformer/jensen-skew1.00-strength0.1111/seed1",
    "demo_docstrings/transformer_summarization/jensen-skew0.50-strength1.00/seed1",
    "digits/teacher/none",
    "digits/student/from-teacher-smoothing0.10-temperature4.00",
    "fashion_mnist_6k/mlp/none",
]


@cache
def committed(run):
    return dict(leaves(read_json(RUNS / run / "record.json")))


def beyond(path, value):
    """`value` moved by a little more than another processor may differ by: towards 0, as shares are of the larger."""
    rule = tolerances().rule(name_of(path))
    step = 1.001 * max(rule.allowed, rule.relative * abs(value)) + 1e-9 * max(1.0, abs(value))
    return value - step if value > 0 else value + step


def judged(run, changes, same_type):
    return compare_leaves(committed(run), committed(run) | changes, tolerances(), same_type)


@pytest.mark.parametrize("run", RECORDS)
def test_a_record_equals_itself_and_every_changed_number_is_told(run):
    assert judged(run, {}, True) == judged(run, {}, False)
    assert judged(run, {}, True).outcome == "OK" and judged(run, {}, True).n_measures > 40
    changes = {path: beyond(path, value) for path, value in committed(run).items() if is_number(value)}
    for same_type in (True, False):
        told = [remark.partition(":")[0] for remark in judged(run, changes, same_type).remarks]
        assert sorted(told) == sorted(".".join(path) for path in changes)


@pytest.mark.parametrize("run", RECORDS)
def test_one_number_beyond_its_tolerance_fails_the_record(run):
    # one of each name suffices: what a rule says of a name it says of all its seeds, splits and places
    names = {name_of(path): path for path, value in committed(run).items() if is_number(value)}
    assert len(names) > 30
    own = {path: committed(run)[path] for path in names.values()}
    for path, value in own.items():
        changed = own | {path: beyond(path, value)}
        assert compare_leaves(own, changed, tolerances(), False).outcome == "FAIL", path


@pytest.mark.parametrize("run", RECORDS)
def test_on_the_same_processor_the_last_bit_of_any_number_fails_the_record(run):
    for path in {name_of(path): path for path, value in committed(run).items() if is_number(value)}.values():
        value = committed(run)[path]
        own = {path: value}
        assert compare_leaves(own, {path: value * (1 + 2**-52) or 5e-324}, tolerances(), True).outcome == "FAIL", path


def test_a_rule_goes_by_the_end_of_a_name_at_a_dot_and_the_first_one_decides():
    rules = Tolerances.of(
        {
            "rules": [{"names": ["own.nll"], "allowed": 1.0}, {"names": ["nll", "x.*"], "allowed": 2.0}],
            "ignored": {},
            "ignored_on_another_processor": {},
        }
    )
    names = ("own.nll", "scores.nll", "nll", "x.y", "annll", "nll.more", "own")
    assert [rules.rule(name).allowed for name in names] == [1.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0]
    assert Rule(0.1, 0.5).bound(-4.0, 1.0) == 2.0 and Rule(3.0, 0.5).bound(-4.0, 1.0) == 3.0


def test_names_leave_out_seeds_splits_and_places():
    assert name_of(("measures", "3", "calibration", "valid", "bins", "count", "14")) == "calibration.bins.count"
    assert name_of(("data", "splits", "train", "read")) == "data.splits.read"


def test_every_rule_fits_some_number_of_the_references():
    paths = [path for record in RUNS.glob("**/record.json") for path, _ in leaves(read_json(record))]
    names = {name_of(path) for path in paths}
    used = {id(tolerances().rule(name)) for name in names}
    assert [end for end, rule in tolerances().rules.items() if id(rule) not in used] == []
    assert tolerances().ignored | tolerances().ignored_elsewhere <= names


def test_texts_are_compared_and_an_empty_bin_is_accepted_elsewhere_only():
    def outcome(name, first, second, same_type=False):
        path = ("measures", "1", *name.split("."))
        return compare_leaves({path: first}, {path: second}, tolerances(), same_type).outcome

    assert outcome("bleu_signature", "nrefs:1", "nrefs:2") == "FAIL"
    assert outcome("temperature.ece_all.at_bound", False, True) == outcome("at_bound", True, 1) == "FAIL"
    assert outcome("calibration.valid.bins.accuracy.0", None, 0.5) == "within tolerance"
    assert outcome("calibration.valid.bins.accuracy.0", None, 0.5, same_type=True) == "FAIL"
    assert outcome("calibration.valid.bins.accuracy.0", None, "0.5") == "FAIL"
    assert outcome("scores.valid.nll", 1.0, float("nan")) == outcome("scores.valid.nll", 1.0, None) == "FAIL"


@pytest.mark.parametrize(("same_type", "outcome"), [(True, "FAIL"), (False, "OK")])
def test_the_weights_must_be_the_same_bits_on_the_same_processor_only(same_type, outcome):
    changes = {("weights_sha256",): "other", ("claims_sha256",): "amended"}
    found = judged(RECORDS[0], changes, same_type)
    assert found.outcome == outcome and len(found.remarks) == (outcome == "FAIL")
