"""The regularizer that a run trains with, once its vocabulary and its proposal are known."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.experiments.kinds import CHOICES
from entropyreg.io.errors import MALFORMED, UserError
from entropyreg.io.files import one_line, read_json
from entropyreg.regularizers.equilibrium import strength_for_entropy

LARGEST = {"skew": 1.0, "strength": sys.float_info.max, "unigram_temperature": sys.float_info.max}


def resolve(regularizer: Mapping[str, Any], vocabulary_size: int, proposal_path: Path | None = None) -> dict[str, Any]:
    """`regularizer` with skew and strength as numbers; `entropy` and `proposal` stay, to tell where they came from.

    A wanted entropy becomes the strength whose equilibrium has it (THEORY: `strength_for_entropy`); a proposal is
    read from its file. Raises `UserError` for a proposal that is missing or damaged.
    """
    resolved = dict(regularizer)
    if resolved["proposal"] is not None:
        resolved |= read_proposal(proposal_path, resolved["proposal"])
    elif resolved["entropy"] is not None:
        resolved["strength"] = strength_for_entropy(resolved["skew"], resolved["entropy"], vocabulary_size)
    return resolved


def read_proposal(path: Path | None, name: str) -> dict[str, float]:
    """Skew and strength that a proposal's file gives."""
    if path is None:
        raise UserError(f"the run waits for the proposal '{name}', and no --proposal was given.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {key: number_within(content[key], key) for key in ("skew", "strength")}
    except (OSError, RecursionError, *MALFORMED) as error:
        raise UserError(f"{path} is missing or damaged ({one_line(error)[:200]}): delete it and run again.") from None


def read_resolved(path: Path) -> dict[str, Any]:
    """The regularizer in a run's `training.json`, checked; a `UserError` names what it is and what it should be."""
    found = read_json(path)
    try:
        regularizer = found["regularizer"]
        for key in LARGEST:
            if regularizer[key] is not None or key == "strength":
                number_within(regularizer[key], key)
        for key, allowed in CHOICES.items():
            if regularizer[key] not in allowed:
                raise ValueError(f"{key} is {regularizer[key]!r}; allowed: {', '.join(allowed)}")
    except MALFORMED as error:
        raise UserError(
            f"{path} does not hold the regularizer of its run ({one_line(error)[:200]}): delete it and run again."
        ) from None
    return regularizer


def number_within(value: Any, key: str) -> float:
    """`value` as a float; a `ValueError` if it is none, or none that the key allows (NaN is none)."""
    if type(value) not in (int, float) or not 0.0 <= float(value) <= LARGEST[key]:
        raise ValueError(f"{key} is {value!r}; allowed: a number from 0 to {LARGEST[key]:g}")
    return float(value)
