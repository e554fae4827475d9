"""Correction for many tests: within a claim over its tasks and parts, and among the claims of a family.

    each, and parts    p = max p_i          intersection-union (Berger 1982): all must hold
    any                p = min Holm(p_i)    one task suffices
    primary families   Holm                 secondary families: Benjamini and Hochberg

The opposite of a claim is that some opposite holds, p = min Holm(p_i), and of "any" that all do, p = max p_i.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from entropyreg.io.errors import UserError
from entropyreg.measures.multiple_tests import benjamini_hochberg, holm

METHODS = {"holm": holm, "benjamini_hochberg": benjamini_hochberg}
QUANTIFIERS = ("each", "pooled", "any")


def joined(quantifier: str, tasks: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, float]:
    """p-values of a claim and of its opposite, from those of its tests: a list of parts for each task.

    Parts are always joined by intersection-union, tasks by the quantifier (pooled: there is one).
    """
    if quantifier not in QUANTIFIERS:
        raise UserError(f"quantifier is '{quantifier}'; allowed: {', '.join(QUANTIFIERS)}.")
    if quantifier != "any":
        return intersection([test for parts in tasks for test in parts])
    by_task = [intersection(parts) for parts in tasks]
    return float(holm(np.array([p for p, _ in by_task])).min()), max(opposite for _, opposite in by_task)


def intersection(tests: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """All must hold; one of them that does not is enough for the opposite, by Holm's correction."""
    p_values, opposites = zip(*tests, strict=True)
    return max(p_values), float(holm(np.array(opposites)).min())


def adjusted(
    p_values: Mapping[str, float], family_of: Mapping[str, str], methods: Mapping[str, str]
) -> dict[str, float]:
    """Adjusted p-values of the claims that were tested, within their families; `methods` by family.

    Raises `UserError` for a family without a method.
    """
    found = {}
    for family in dict.fromkeys(family_of[name] for name in p_values):
        if family not in methods:
            raise UserError(f"family is '{family}'; allowed: {', '.join(methods)}.")
        members = [name for name in p_values if family_of[name] == family]
        values = METHODS[methods[family]](np.array([p_values[name] for name in members]))
        found |= dict(zip(members, map(float, values), strict=True))
    return {name: found[name] for name in p_values}


def methods_of(multiplicity: Mapping) -> dict[str, str]:
    """The method of each family, from `rules.multiplicity` of the claims."""
    primary, secondary = multiplicity["primary"], multiplicity["secondary"]
    return {
        **{family: primary["method"] for family in primary if family != "method"},
        **dict.fromkeys(secondary["families"], secondary["method"]),
    }
