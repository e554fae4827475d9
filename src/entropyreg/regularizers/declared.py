"""Finds the divergence that a run's regularizer declares, for text and images alike; `functional` trains with it."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from entropyreg.regularizers.divergence import Member
from entropyreg.regularizers.plain import Plain, checked
from entropyreg.regularizers.registry import kind_in


def member_of(declared: Mapping[str, Any]) -> Member:
    """The divergence of a regularizer as the settings of a run of text or of images declare it.

    Raises `UserError` for a kind that is not known, a user's file that is not what the run was planned with, and a
    divergence of one's own that is none.
    """
    kind, given = kind_in(declared), declared.get("parameters") or declared
    if kind.plugin is not None:
        from entropyreg.regularizers.plugins import load_again

        kind = load_again(kind.plugin)
    values = kind.values(given, "the run")
    if kind.mathematics is None:
        return checked(
            Plain(kind.divergence, values), f"regularizer '{kind.name}'", declared.get("baseline", "uniform")
        )
    module, _, name = kind.mathematics.partition(":")
    return getattr(import_module(f"entropyreg.regularizers.{module}"), name)(**values)
