"""Series of trials in which a run may wait for others: the published search, and matching a run's entropy.

A search (Meister et al. 2020, as in the authors' code) has random trials, which are ordinary parallel runs drawn here
from its `random_state`, and guided ones, a chain in which each is proposed from the records of all before. A match
looks for the strength that gives another member of the family the measured entropy of an anchor run.
"""

from collections.abc import Mapping
from typing import Any

from entropyreg.experiments.regularizer import Regularizer, regularizer_of
from entropyreg.experiments.runs import Proposal, Run, Trial
from entropyreg.io.errors import UserError

Member = tuple[Run, str | None, Trial]


def random_trials(search: Mapping[str, Any]) -> list[Regularizer]:
    """The drawn trials: for each, skew then strength, uniform in their bounds (a fixed skew draws nothing).

    The order of draws is that of bayes_opt 1.x, the library that the authors used: with their bounds and random_state
    these are their random trials (the sampler of later releases draws otherwise).
    """
    from numpy.random import RandomState

    state, drawn = RandomState(search["random_state"]), []
    for _ in range(search["random_trials"]):
        skew = search["skew"]
        if isinstance(skew, list):
            skew = state.uniform(*skew)
        drawn.append(Regularizer(float(skew), float(state.uniform(*search["strength"]))))
    return drawn


def search_members(search: Mapping[str, Any], place: str) -> tuple[list[Member], list[Proposal]]:
    """Runs of a search with their trials, and the proposals of the guided ones."""
    bounds = [search["skew"], search["strength"]] if isinstance(search["skew"], list) else [search["strength"]]
    for low, high in bounds:
        if not low < high:
            raise UserError(f"{place}: bounds [{low}, {high}] are empty; allowed: lower < upper.")
    members: list[Member] = []
    for number, regularizer in enumerate(random_trials(search), start=1):
        members.append((run_of(search, regularizer), search["row"], Trial(search["name"], number, "random")))
    proposals = []
    for number in range(search["random_trials"] + 1, search["random_trials"] + search["guided_trials"] + 1):
        name = f"{search['name']}/trial{number}"
        settings = {
            "kind": "search",
            "number": number,
            **{key: search[key] for key in ("skew", "strength", "random_state")},
        }
        proposals.append(Proposal(name, tuple(run.id for run, _, _ in members), settings))
        members.append(
            (
                run_of(search, Regularizer(None, None, proposal=name)),
                search["row"],
                Trial(search["name"], number, "guided"),
            )
        )
    trials = tuple(dict.fromkeys(run.id for run, _, _ in members))
    proposals.append(Proposal(f"{search['name']}/winner", trials, {"kind": "winner"}))
    return members, proposals


def match_members(match: Mapping[str, Any], place: str, runs: Mapping[str, Run]) -> tuple[list[Member], list[Proposal]]:
    """The anchor, the trials that approach its entropy, and their proposals.

    Every run of `runs` with the anchor's task, model and seed and the wanted skew is an observation to start from.
    """
    anchor = run_of(match, regularizer_of(match["anchor"], f"{place}, anchor"))
    known = [
        run.id
        for run in runs.values()
        if (run.task, run.model, run.seed) == (anchor.task, anchor.model, anchor.seed)
        and run.regularizer.skew == match["skew"]
        and run.regularizer.baseline == "uniform"
    ]
    members: list[Member] = [(anchor, match["row"], Trial(match["name"], 0, "anchor"))]
    proposals, trials = [], []
    for number in range(1, match["trials"] + 1):
        name = f"{match['name']}/trial{number}"
        settings = {"kind": "match", "anchor": anchor.id, "skew": match["skew"], "tolerance": match["tolerance"]}
        proposals.append(Proposal(name, tuple(dict.fromkeys([anchor.id, *known, *trials])), settings))
        run = run_of(match, Regularizer(None, None, proposal=name))
        trials.append(run.id)
        members.append((run, match["row"], Trial(match["name"], number, "match")))
    return members, proposals


def run_of(series: Mapping[str, Any], regularizer: Regularizer) -> Run:
    """A run of a series; that of a match may have `test`, since nothing is chosen among its pairs."""
    return Run(series["task"], series["model"], regularizer, series["seed"], test=series.get("test", False))
