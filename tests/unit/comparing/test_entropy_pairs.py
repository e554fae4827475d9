"""Pairs of equal entropy: which runs are set beside one another, and what is said where none can be."""

from pathlib import Path

import pytest
import yaml

from entropyreg.comparing.pairs import TOLERANCE, pairs_of

CLAIMS = Path(__file__).parents[3] / "workflow" / "experiments" / "claims.yaml"


def run(name, skew, entropy, trial=None, **changes):
    """A finished run, or with `entropy` None a missing one."""
    done = entropy is not None
    return {
        **{"run": name, "column": "c", "model": "m", "seed": 1, "skew": skew, "baseline": "uniform"},
        **{"generator": "entropy", "trial": trial, "status": "done" if done else "missing"},
        **{"reason": None if done else "failed: x"},
        **{"measures": {"valid": {"entropy_normalized": entropy}} if done else None},
        **changes,
    }


def trial(series, number):
    return {"series": series, "number": number, "kind": "match" if number else "anchor"}


def names(pairs):
    return [(pair.smoothed and pair.smoothed["run"], pair.other and pair.other["run"]) for pair in pairs]


def test_tolerance_is_the_one_of_the_claims():
    rules = yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))["rules"]
    assert rules["definitions"]["equal_entropy_tolerance"] == TOLERANCE


def test_best_trial_of_each_match():
    rows = [
        run("a", 1.0, 0.5, trial("s", 0)),
        run("far", 0.0, 0.53, trial("s", 1)),
        run("near", 0.0, 0.498, trial("s", 2)),
        run("b", 1.0, 0.3, trial("t", 0)),
        run("half", 0.5, 0.304, trial("t", 1)),
        run("nearer", 0.0, 0.5),  # of no match: a matched trial is not given up for it
    ]
    pairs = pairs_of(rows, "c")
    assert names(pairs) == [("a", "near"), ("b", "half")]
    assert [pair.series for pair in pairs] == ["s", "t"]
    assert pairs[0].mismatch == pytest.approx(-0.002)
    assert all(pair.matched for pair in pairs)


@pytest.mark.parametrize(("entropy", "matched"), [(0.504, True), (0.496, True), (0.506, False), (0.494, False)])
def test_matched_is_within_the_tolerance_on_both_sides(entropy, matched):
    (pair,) = pairs_of([run("a", 1.0, 0.5), run("b", 0.0, entropy)], "c")
    assert pair.matched is matched


def test_without_a_matched_trial_the_nearest_pair_of_all_runs_is_shown():
    rows = [
        run("a", 1.0, 0.5, trial("s", 0)),
        run("t1", 0.0, 0.53, trial("s", 1)),
        run("b", 1.0, 0.71),
        run("p", 0.0, 0.7),
    ]
    (pair,) = pairs_of(rows, "c")
    assert names([pair]) == [("b", "p")]
    assert (pair.series, pair.matched) == ("s", False)
    assert pair.mismatch == pytest.approx(-0.01)


def test_a_match_keeps_to_its_own_skew():
    rows = [
        run("a", 1.0, 0.5, trial("s", 0)),
        run("t1", 0.75, 0.53, trial("s", 1)),
        run("other", 0.75, 0.52),
        run("penalty", 0.0, 0.501),
    ]
    assert names(pairs_of(rows, "c")) == [("a", "other")]


def test_a_pair_is_listed_once():
    rows = [
        run("a", 1.0, 0.5, trial("s", 0)),
        run("t1", 0.0, 0.51, trial("s", 1)),
        run("b", 1.0, 0.2, trial("u", 0)),
        run("t2", 0.0, 0.4, trial("u", 1)),
    ]
    pairs = pairs_of(rows, "c")
    assert names(pairs) == [("a", "t1"), ("b", "t2")]  # the second keeps its own pair: the nearest one is taken
    assert not any(pair.matched for pair in pairs)
    same = [run("a", 1.0, 0.5, trial(name, 0)) for name in "su"] + [
        run("t", 0.0, 0.51, trial(name, 1)) for name in "su"
    ]
    pairs = pairs_of(same, "c")
    assert names(pairs) == [("a", "t"), ("a", None)]
    assert pairs[1].reason == "match 'u': its nearest pair is listed already"


def test_a_run_may_serve_several_rows():
    rows = [run("a", 1.0, 0.5), run("a", 1.0, 0.5, trial("s", 0)), run("t", 0.0, 0.5, trial("s", 1))]
    assert names(pairs_of(rows, "c")) == [("a", "t")]


def test_confidence_penalty_comes_before_other_skews():
    rows = [run("a", 1.0, 0.5), run("quarter", 0.25, 0.501), run("p", 0.0, 0.6), run("p2", 0.0, 0.45)]
    assert names(pairs_of(rows, "c")) == [("a", "p2")]
    assert names(pairs_of(rows[:2], "c")) == [("a", "quarter")]


def test_skews_from_one_half_on_are_not_set_beside_label_smoothing_without_a_match():
    (pair,) = pairs_of([run("a", 1.0, 0.5), run("half", 0.5, 0.5)], "c")
    assert names([pair]) == [(None, None)]
    assert "no label smoothing with another member" in pair.reason


@pytest.mark.parametrize("change", [{"seed": 2}, {"model": "n"}, {"column": "d"}])
def test_both_runs_have_one_model_seed_and_data_set(change):
    rows = [run("a", 1.0, 0.5), run("b", 0.0, 0.5, **change)]
    assert names(pairs_of(rows, "c")) == [(None, None)]


@pytest.mark.parametrize("change", [{"baseline": "unigram"}, {"generator": "euclidean"}, {"skew": None}])
def test_only_the_family_with_the_uniform_baseline(change):
    rows = [run("a", 1.0, 0.5), run("b", 0.0, 0.5) | change]
    assert names(pairs_of(rows, "c")) == [(None, None)]


def test_each_seed_has_its_own_pair():
    rows = [run(f"{name}{seed}", skew, 0.5, seed=seed) for name, skew in (("a", 1.0), ("b", 0.0)) for seed in (1, 2)]
    assert names(pairs_of(rows, "c")) == [("a1", "b1"), ("a2", "b2")]


def test_a_missing_anchor_says_why():
    (pair,) = pairs_of([run("a", 1.0, None, trial("s", 0)), run("t", None, None, trial("s", 1))], "c")
    assert (pair.mismatch, pair.matched, pair.reason) == (None, False, "match 's': failed: x")


def test_an_anchor_without_a_trial_is_kept():
    (pair,) = pairs_of([run("a", 1.0, 0.5, trial("s", 0)), run("t", None, None, trial("s", 1))], "c")
    assert names([pair]) == [("a", None)]
    assert pair.reason == "match 's': failed: x"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [([], "not collected"), ([run(None, None, None, reason="not run at demo scale")], "not run at demo scale")],
)
def test_a_data_set_without_runs_has_one_pair_with_a_reason(rows, reason):
    (pair,) = pairs_of(rows, "c")
    assert (pair.smoothed, pair.reason) == (None, reason)


def test_search_trials_are_ordinary_runs():
    rows = [run("a", 1.0, 0.5), run("p", 0.0, 0.5, {"series": "search", "number": 1, "kind": "random"})]
    assert names(pairs_of(rows, "c")) == [("a", "p")]
