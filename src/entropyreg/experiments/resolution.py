"""The regularizer that a run trains with, once its vocabulary and its proposal are known."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.errors import UserError
from entropyreg.regularizers.equilibrium import strength_for_entropy


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
        return {key: float(content[key]) for key in ("skew", "strength")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is missing or damaged ({error}): delete it and run again.") from None
