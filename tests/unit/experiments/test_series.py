"""Searches and matches: which runs they declare, and what each waits for."""

import pytest

from entropyreg.config.loading import SCALES, load_config
from entropyreg.experiments import expand, load_experiments
from entropyreg.experiments.series import random_trials
from entropyreg.io.errors import UserError

CONFIG = {"scale": "demo", "tasks": {"de_en": {}}, "models": {"m": {}}}
SEARCH = {
    "name": "ger",
    "scale": "demo",
    "task": "de_en",
    "model": "m",
    "seed": 1,
    "row": "ger",
    "artefacts": ["a_figure_y"],
}
SEARCH |= {"skew": [0.001, 0.999], "strength": [0.001, 1.5], "random_trials": 3, "guided_trials": 2, "random_state": 1}
MATCH = {
    "name": "pair",
    "scale": "demo",
    "task": "de_en",
    "model": "m",
    "seed": 1,
    "row": "cp",
    "artefacts": ["a_figure_y"],
}
MATCH |= {"anchor": {"regularizer": "label_smoothing", "strength": 0.5}, "skew": 0, "tolerance": 0.005, "trials": 2}


def expanded(search=None, match=None, arms=({"regularizer": "none"},)):
    block = {"name": "b", "scale": "demo", "tasks": ["de_en"], "models": ["m"], "seeds": [1, 2], "arms": list(arms)}
    paper = {"paper": "A", "artefacts": {"a_figure_y": {"title": "F", "tasks": {"demo": ["de_en"]}}}}
    paper["blocks"] = [block | {"artefacts": ["a_figure_y"]}]
    return expand([paper | {"searches": search or [], "matches": match or []}], CONFIG)


def test_the_random_trials_are_those_of_the_authors_library():
    """bayes_opt 1.1.0, TargetSpace({'alpha': (.001, .999), 'beta': (.001, 1.5)}, random_state=1), run once by hand."""
    drawn = [(one.skew, one.strength) for one in random_trials(SEARCH)]
    expected = [(0.41718796, 1.08076642), (0.00111415, 0.45419653), (0.14746238, 0.13941555)]
    assert drawn == pytest.approx([pytest.approx(one, abs=1e-8) for one in expected])


def test_a_fixed_skew_draws_the_strength_alone():
    fixed = random_trials(SEARCH | {"skew": 1})
    assert {one.skew for one in fixed} == {1.0}
    assert fixed[0].strength == pytest.approx(0.001 + 1.499 * 0.417022, abs=1e-6)


def test_random_trials_wait_for_nothing_and_guided_ones_for_all_before():
    found = expanded([SEARCH])
    trials = [cell for cell in found.artefacts["a_figure_y"].cells if cell.trial]
    assert [(cell.trial.number, cell.trial.kind) for cell in trials] == [
        *[(number, "random") for number in (1, 2, 3)],
        *[(number, "guided") for number in (4, 5)],
    ]
    ids = [cell.run for cell in trials]
    assert ids[0] == "de_en/m/jensen-skew0.4172-strength1.081/seed1"
    assert found.runs[ids[0]].regularizer.proposal is None
    assert ids[3] == "de_en/m/ger-trial4/seed1"
    assert found.proposals["ger/trial4"].run_ids == tuple(ids[:3])
    assert found.proposals["ger/trial5"].run_ids == tuple(ids[:4])
    assert found.proposals["ger/winner"].run_ids == tuple(ids)


def test_the_winner_is_trained_anew_with_every_seed_of_its_block():
    found = expanded([SEARCH], arms=[{"row": "ger", "regularizer": "winner", "search": "ger"}])
    assert {"de_en/m/ger-winner/seed1", "de_en/m/ger-winner/seed2"} <= set(found.runs)
    with pytest.raises(UserError, match=r"the search 'gre/winner', which .* .did you mean 'ger/winner'"):
        expanded([SEARCH], arms=[{"row": "ger", "regularizer": "winner", "search": "gre"}])


def test_a_match_starts_from_the_runs_of_its_skew_and_chains_its_trials():
    arms = [{"regularizer": "confidence_penalty", "strength": value} for value in (0.4, 0.76)]
    found = expanded(match=[MATCH], arms=[*arms, {"regularizer": "none"}])
    anchor = "de_en/m/jensen-skew1.00-strength0.50/seed1"
    known = [f"de_en/m/jensen-skew0.00-strength{value}/seed1" for value in ("0.40", "0.76")]
    assert found.proposals["pair/trial1"].run_ids == (anchor, *known)
    assert found.proposals["pair/trial2"].run_ids == (anchor, *known, "de_en/m/pair-trial1/seed1")
    cells = [cell for cell in found.artefacts["a_figure_y"].cells if cell.trial]
    assert [(cell.run, cell.trial.kind) for cell in cells][:2] == [
        (anchor, "anchor"),
        ("de_en/m/pair-trial1/seed1", "match"),
    ]


def test_a_design_crosses_skews_with_predicted_entropies():
    paper = {"paper": "A", "artefacts": {"a_figure_y": {"title": "F", "tasks": {"demo": ["de_en"]}}}}
    block = {
        "name": "b",
        "scale": "demo",
        "tasks": ["de_en"],
        "models": ["m"],
        "seeds": [1],
        "artefacts": ["a_figure_y"],
    }
    found = expand([paper | {"blocks": [block | {"design": {"skews": [0, 0.5], "entropies": [0.15, 0.3]}}]}], CONFIG)
    assert list(found.runs) == [
        f"de_en/m/jensen-skew{skew}-entropy{entropy}/seed1" for skew in ("0.00", "0.50") for entropy in ("0.15", "0.30")
    ]


def test_empty_bounds_are_refused():
    with pytest.raises(UserError, match=r"search 'ger': bounds \[2, 1\] are empty"):
        expanded([SEARCH | {"strength": [2, 1]}])


def test_a_match_may_decode_test_and_a_search_does_not():
    found = expanded([SEARCH], [MATCH | {"test": True}])
    decoded = {name for name, run in found.runs.items() if run.test}
    assert decoded == {"de_en/m/jensen-skew1.00-strength0.50/seed1", *(f"de_en/m/pair-trial{n}/seed1" for n in (1, 2))}
    assert not any(run.test for run in expanded([SEARCH], [MATCH]).runs.values())


@pytest.mark.parametrize("scale", SCALES)
def test_searches_at_fixed_skews_give_every_skew_of_a_task_as_many_trials(workflow_dir, scale):
    trials = {}
    for cell in (
        load_experiments(workflow_dir, load_config(workflow_dir, {"scale": scale})).artefacts["a_figure_search"].cells
    ):
        trials.setdefault(cell.task, {}).setdefault(cell.trial.series, set()).add(cell.trial.number)
    for task, series in trials.items():
        assert len({len(numbers) for numbers in series.values()}) == 1, task
