"""Hold retrained records against the reference: bit for bit on one type of processor, within a tolerance on another.

Every leaf of the two files is compared, lists included: what `tolerances.yaml` does not name may not differ at all.
"""

import json
import math
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from entropyreg.errors import UserError
from entropyreg.files import read_json
from entropyreg.forecast.machine import this_machine
from entropyreg.reference.tolerances import Tolerances, name_of, tolerances

ABSENT = object()  # the value of a leaf that only the other record has
Leaf = tuple[str, ...]  # keys and places, as texts


class Compared(NamedTuple):
    """Outcome 'OK', 'within tolerance' or 'FAIL', the number of measured numbers compared, and what differs.

    The remarks begin with those of the largest differences, as multiples of what is allowed.
    """

    outcome: str
    n_measures: int
    remarks: list[str]


def compare_run(run: str, reference: Path, found: Path) -> Compared:
    """Compare one run's record; both folders are those of a scale. Raises `UserError` where one is missing."""
    records = []
    for folder in (reference, found):
        path = folder / "runs" / run / "record.json"
        if not path.is_file():
            raise UserError(f"{path} is missing: nothing to compare.")
        records.append(read_json(path))
    same_type = read_json(reference / "machine.json")["processor"] == this_machine()["processor"]
    return compare_records(*records, tolerances(), same_type)


def compare_records(
    reference: Mapping[str, Any], found: Mapping[str, Any], rules: Tolerances, same_type: bool
) -> Compared:
    """Compare all leaves of two records. On a processor of the same type whatever differs is a failure."""
    return compare_leaves(dict(leaves(reference)), dict(leaves(found)), rules, same_type)


def compare_leaves(
    reference: Mapping[Leaf, Any], found: Mapping[Leaf, Any], rules: Tolerances, same_type: bool
) -> Compared:
    """Compare what `leaves` gives of two records."""
    ignored = rules.ignored if same_type else rules.ignored | rules.ignored_elsewhere
    rule_of = cache(rules.rule)
    compared, told = 0, []
    for path in dict.fromkeys([*reference, *found]):
        name, values = name_of(path), (reference.get(path, ABSENT), found.get(path, ABSENT))
        if name in ignored:
            continue
        compared += path[0] == "measures" and any(is_number(value) for value in values)
        if values[0] == values[1] and isinstance(values[0], bool) == isinstance(values[1], bool):
            continue
        rule, where = rule_of(name), ".".join(path)
        if all(is_number(value) for value in values):
            difference, bound = abs(values[0] - values[1]), 0.0 if same_type else rule.bound(*values)
            within = difference <= bound  # false for what is not a number
            excess = difference / bound if bound else math.inf
            allowed = "0 on this type of processor" if same_type else f"{bound:.4g}"
            told.append((excess, within, f"{where}: differs by {difference:.3g} (allowed: {allowed})"))
        else:
            within = not same_type and rule.absent and None in values and any(is_number(value) for value in values)
            told.append((math.inf, within, f"{where}: {shown(values[1])}, not {shown(values[0])}"))
    told.sort(key=lambda one: (one[1], -one[0]))
    outcome = "OK" if not told else "within tolerance" if all(within for _, within, _ in told) else "FAIL"
    return Compared(outcome, compared, [remark for _, _, remark in told])


def leaves(value: Any, path: Leaf = ()) -> Iterator[tuple[Leaf, Any]]:
    """(path, value) of all that is no object and no list; an empty one is a leaf."""
    if isinstance(value, Mapping | list) and value:
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in parts:
            yield from leaves(part, (*path, str(key)))
    else:
        yield path, value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown(value: Any) -> str:
    return "absent" if value is ABSENT else json.dumps(value)
