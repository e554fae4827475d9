"""Propose the next trial of a series from the scores of the runs before it (`results.scores`).

The proposal is a function of those scores and of the series' settings, so the files are the whole state of a search:
killed at any moment, it goes on where it was, and the same scores give the same proposal.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError, blaming
from entropyreg.io.files import read_json
from entropyreg.search.bayesian import propose_guided
from entropyreg.search.matching import propose_match

SPLIT, OBJECTIVE = "valid", "bleu"


def propose(settings: Mapping[str, Any], score_paths: Sequence[Path]) -> dict[str, Any]:
    """Skew and strength of the next trial, with the observations that they follow from.

    `settings` is `entropyreg.config.settings.proposal_settings`; `score_paths` are the scores of `settings["runs"]`.
    Raises `UserError` for those of another run.
    """
    measure = OBJECTIVE if settings["kind"] in ("search", "winner") else "entropy_normalized"
    found = [observed(path, run, measure) for path, run in zip(score_paths, settings["runs"], strict=True)]
    observations = [observation for observation, _ in found]
    if settings["kind"] == "search":
        return propose_guided(settings, observations)
    if settings["kind"] == "winner":
        return winner(observations)
    if settings["kind"] != "match":
        raise UserError(f"the proposal '{settings['name']}' is of the unknown kind '{settings['kind']}'.")
    anchor, *others = observations
    _, size = found[0]
    return propose_match(settings, anchor["value"], others, size)


def winner(observations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The trial of best validation BLEU (of equals, the first): to be trained anew with fresh seeds."""
    best = max(observations, key=lambda one: one["value"])
    kept = {key: best[key] for key in ("skew", "strength", "run")}
    return {**kept, "method": "best validation BLEU", "observations": list(observations)}


def observed(path: Path, run: str, measure: str) -> tuple[dict[str, Any], int]:
    """What the scores of `run` tell: its regularizer with one validation measure, and the size of its vocabulary."""
    record = read_json(path)
    with blaming(path):
        if record["run"] != run:
            raise UserError(f"{path} belongs to the run {record['run']!r}, not to {run!r}: delete it and run again.")
        regularizer, measures = record["regularizer"], record["measures"][SPLIT]
        observation = {
            **{"run": run, "skew": regularizer["skew"], "strength": regularizer["strength"]},
            "value": measures[measure],
        }
        for key in ("skew", "strength", "value"):  # a run without a regularizer has no skew
            if not isinstance(observation[key], int | float) and (key == "value" or observation[key] is not None):
                raise ValueError(f"{key} is {observation[key]!r}, which is no number")
        return observation, int(measures["vocabulary_size"])
