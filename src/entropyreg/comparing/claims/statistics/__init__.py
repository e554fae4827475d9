"""The named statistics: what `statistic` of a claim may say, and the keys of `test` that each one reads."""

from collections.abc import Mapping
from typing import Any

from entropyreg.comparing.claims.plans import Statistic
from entropyreg.comparing.claims.statistics import (
    best_skew,
    differences,
    each_row,
    matched_pairs,
    over_data_sets,
    over_teachers,
    seed_values,
    students,
    sweep,
    temperatures,
)
from entropyreg.io.errors import UserError
from entropyreg.io.schemas import suggestion

MODULES = (
    differences,
    seed_values,
    temperatures,
    sweep,
    best_skew,
    matched_pairs,
    students,
    over_teachers,
    over_data_sets,
    each_row,
)
STATISTICS: dict[str, Statistic] = {name: one for module in MODULES for name, one in module.STATISTICS.items()}
PROOF = "property_tests"
OF_ANY = ("statistic", "read", "per")


def statistic_of(claim: Mapping[str, Any]) -> Statistic:
    """The statistic of a claim; raises `UserError` for an unknown one, a key that it does not read, or a measure."""
    name = claim["test"]["statistic"]
    if name not in STATISTICS:
        raise UserError(
            f"claim {claim['id']}: no statistic is named '{name}'{suggestion(name, STATISTICS)}; "
            f"allowed: {', '.join(STATISTICS)}."
        )
    found = STATISTICS[name]
    for test in (claim["test"], *(part.get("test", {}) for part in claim.get("parts", ()))):
        for key in test:
            if key not in (*OF_ANY, *found.options):
                raise UserError(
                    f"claim {claim['id']}: the statistic '{name}' does not read '{key}'; "
                    f"allowed: {', '.join(found.options)}."
                )
        for measure in measures_of(test):
            if measure not in found.measures:
                raise UserError(
                    f"claim {claim['id']}: the statistic '{name}' knows no measure '{measure}'"
                    f"{suggestion(measure, found.measures)}; allowed: {', '.join(found.measures)}."
                )
    return found


def measures_of(test: Mapping[str, Any]) -> list[str]:
    """Every measure that a test names."""
    named = [test[key] for key in ("measure", "x", "y") if isinstance(test.get(key), str)]
    maps = [test[key] for key in ("measure", "measures") if isinstance(test.get(key), Mapping)]
    arms = [arm for arm in test.get("arms", {}).values() if isinstance(arm, Mapping)]
    return [
        *named,
        *(one for own in maps for one in own.values()),
        *(arm["measure"] for arm in arms if "measure" in arm),
    ]
