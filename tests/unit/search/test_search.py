"""Proposals: deterministic, within their bounds, and reaching what they look for."""

import json
import math

import pytest

from entropyreg.experiments.series import random_trials
from entropyreg.io.errors import UserError
from entropyreg.regularizers.equilibrium import equilibrium, strength_for_entropy
from entropyreg.search.bayesian import propose_guided
from entropyreg.search.matching import propose_match
from entropyreg.search.proposals import propose

BOUNDS = {"skew": [0.001, 0.999], "strength": [0.001, 1.5], "random_state": 1}
V = 2000


def quadratic(skew, strength):
    """A made-up BLEU with its best at skew .6, strength .9."""
    return 20 - 30 * (skew - 0.6) ** 2 - 20 * (strength - 0.9) ** 2


def observations(n=20, **changed):
    drawn = random_trials(BOUNDS | {"random_trials": n} | changed)
    return [
        {"run": str(i), "skew": r.skew, "strength": r.strength, "value": quadratic(r.skew, r.strength)}
        for i, r in enumerate(drawn)
    ]


def test_the_same_records_give_the_same_proposal_and_other_trials_others():
    first, again = (propose_guided(BOUNDS | {"number": 21}, observations()) for _ in range(2))
    assert first == again
    assert propose_guided(BOUNDS | {"number": 22}, observations())["skew"] != first["skew"]


def test_guided_trials_find_a_better_point_than_the_random_ones():
    seen = observations()
    best = max(one["value"] for one in seen)
    for number in range(21, 27):
        found = propose_guided(BOUNDS | {"number": number}, seen)
        assert 0.001 <= found["skew"] <= 0.999 and 0.001 <= found["strength"] <= 1.5
        place = {key: found[key] for key in ("skew", "strength")}
        seen.append({"run": str(number), **place, "value": quadratic(**place)})
    assert max(one["value"] for one in seen) > best
    assert 20 - max(one["value"] for one in seen) < 0.5


def test_a_fixed_skew_stays():
    found = propose_guided(BOUNDS | {"skew": 1, "number": 5}, observations(4, skew=1))
    assert found["skew"] == 1.0


def measured(skew, strength):
    """A model that measures more than the equilibrium predicts, the more so at low entropy."""
    predicted = equilibrium(skew, strength, V).normalized_entropy
    return 0.1 + 0.85 * predicted


@pytest.mark.parametrize("skew", [0.0, 0.5])
@pytest.mark.parametrize("target", [0.3, 0.5, 0.75])
def test_three_trials_match_an_entropy(skew, target):
    seen = []
    for number in range(3):
        found = propose_match({"skew": skew, "tolerance": 0.005}, target, seen, V)
        value = measured(skew, found["strength"])
        seen.append({"run": str(number), "skew": skew, "strength": found["strength"], "value": value})
    assert min(abs(one["value"] - target) for one in seen) < 0.005


def test_between_two_runs_log_strength_is_interpolated():
    seen = [
        {"run": "a", "skew": 0, "strength": 0.1, "value": 0.2},
        {"run": "b", "skew": 0, "strength": 0.4, "value": 0.6},
    ]
    found = propose_match({"skew": 0, "tolerance": 0.005}, 0.4, seen, V)
    assert found["method"] == "interpolation"
    assert found["strength"] == pytest.approx(math.sqrt(0.1 * 0.4))
    assert found["matched"] is None


def test_runs_of_another_skew_are_no_observations():
    seen = [{"run": "a", "skew": 1.0, "strength": 0.1, "value": 0.4}]
    found = propose_match({"skew": 0, "tolerance": 0.005}, 0.4, seen, V)
    assert found["method"] == "equilibrium"
    assert found["strength"] == pytest.approx(strength_for_entropy(0, 0.4, V))


def test_a_run_within_the_tolerance_is_named():
    seen = [{"run": "a", "skew": 0, "strength": 0.1, "value": 0.404}]
    assert propose_match({"skew": 0, "tolerance": 0.005}, 0.4, seen, V)["matched"] == "a"


def record(tmp_path, run, skew, strength, **valid):
    path = tmp_path / f"{run}.json"
    measures = {"valid": {"bleu": 1.0, "entropy_normalized": 0.4, "vocabulary_size": V} | valid}
    path.write_text(json.dumps({"run": run, "regularizer": {"skew": skew, "strength": strength}, "measures": measures}))
    return path


def test_the_winner_has_the_best_validation_bleu(tmp_path):
    paths = [record(tmp_path, "a", 0.2, 1.0, bleu=14.0), record(tmp_path, "b", 0.7, 0.6, bleu=15.0)]
    found = propose({"kind": "winner", "runs": ["a", "b"]}, paths)
    assert (found["run"], found["skew"], found["strength"]) == ("b", 0.7, 0.6)


def test_a_match_aims_at_the_anchors_measured_entropy(tmp_path):
    paths = [record(tmp_path, "a", 1.0, 0.5, entropy_normalized=0.55)]
    found = propose({"kind": "match", "skew": 0, "tolerance": 0.005, "runs": ["a"]}, paths)
    assert found["target"] == 0.55
    assert equilibrium(0, found["strength"], V).normalized_entropy == pytest.approx(0.55)


def test_a_foreign_record_is_refused(tmp_path):
    with pytest.raises(UserError, match="belongs to the run 'a', not to 'b'"):
        propose({"kind": "winner", "runs": ["b"]}, [record(tmp_path, "a", 0.2, 1.0)])
