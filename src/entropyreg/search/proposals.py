"""Propose the next trial of a series from the scores of the runs before it (`results.scores`).

The proposal is a function of those scores and of the series' settings, so the files are the whole state of a search:
killed at any moment, it goes on where it was, and the same scores give the same proposal.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from entropyreg.errors import UserError
from entropyreg.files import read_json
from entropyreg.search.bayesian import propose_guided
from entropyreg.search.matching import propose_match

SPLIT, OBJECTIVE = "valid", "bleu"


def propose(settings: Mapping[str, Any], score_paths: Sequence[Path]) -> dict[str, Any]:
    """Skew and strength of the next trial, with the observations that they follow from.

    `settings` is `entropyreg.settings.proposal_settings`; `score_paths` are the scores of `settings["runs"]`.
    Raises `UserError` for those of another run.
    """
    records = [read_json(path) for path in score_paths]
    for record, run, path in zip(records, settings["runs"], score_paths, strict=True):
        if record.get("run") != run:
            raise UserError(
                f"{path} belongs to the run '{record.get('run')}', not to '{run}': delete it and run again."
            )
    if settings["kind"] == "search":
        return propose_guided(settings, [observation(record, OBJECTIVE) for record in records])
    if settings["kind"] == "winner":
        return winner([observation(record, OBJECTIVE) for record in records])
    if settings["kind"] != "match":
        raise UserError(f"the proposal '{settings['name']}' is of the unknown kind '{settings['kind']}'.")
    anchor, *others = [observation(record, "entropy_normalized") for record in records]
    size = records[0]["measures"][SPLIT]["vocabulary_size"]
    return propose_match(settings, anchor["value"], others, size)


def winner(observations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The trial of best validation BLEU (of equals, the first): to be trained anew with fresh seeds."""
    best = max(observations, key=lambda one: one["value"])
    kept = {key: best[key] for key in ("skew", "strength", "run")}
    return {**kept, "method": "best validation BLEU", "observations": list(observations)}


def observation(record: Mapping[str, Any], measure: str) -> dict[str, Any]:
    """What a finished run tells: its regularizer and one validation measure."""
    regularizer = record["regularizer"]
    return {
        "run": record["run"],
        "skew": regularizer["skew"],
        "strength": regularizer["strength"],
        "value": record["measures"][SPLIT][measure],
    }
