"""Compares retrained records with the reference: bit for bit on one type of processor, else within the spread of seeds.

Every leaf of the two records is compared, lists included. On another type of processor a measured number may lie as far
off as `spread` allows; what is left out there (`spread.LEFT_OUT`) must still be there, as a number or as null. Texts,
counts, settings and all else that never differs between seeds must be the same. What a run takes over from others'
results may differ: the temperature that brings a teacher to another's entropy, and what a search proposes from the
scores of earlier trials; with another proposal the run trains something else, and its numbers are not compared.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from entropyreg.io.errors import UserError
from entropyreg.measuring.record_files import ABOUT, read_record
from entropyreg.reference.spread import (
    ROUNDING,
    Leaf,
    Spread,
    is_logarithmic,
    is_number,
    leaves,
    name_of,
    on_scale,
    pools_of,
    reason_left_out,
)

SAME, WITHIN, OTHER, FAIL = "the same", "within the spread of seeds", "other settings found by a search", "FAIL"
ABSENT = object()  # stands for a leaf that only the other record has
IGNORED = {"claims_sha256": "the claims may be amended after a run; the ledger looks at this digest itself"}
IGNORED_ELSEWHERE = {"weights_sha256": "weights differ in their last bits on another type of processor"}
PROPOSED = [("regularizer", key) for key in ("skew", "strength", "smoothing")]
MATCHED = "-entropy.of-"  # in the id of a run whose teacher's temperature is found, see experiments.images
TEMPERATURES = [("training", "distillation", "temperature"), ("teacher", "temperature")]


class Compared(NamedTuple):
    """One of the four outcomes, the number of measured numbers compared, and the differences, the largest first.

    `farthest` is the largest difference as a share of what is allowed, among those within it.
    """

    outcome: str
    n_measures: int
    remarks: list[str]
    farthest: float = 0.0


class Rules(NamedTuple):
    """The allowed differences: none (`spread` None: one type of processor), or as large as those between seeds.

    `n_compared`: the numbers compared with a bound in the whole comparison, see `count`.
    """

    spread: Spread | None
    n_compared: int = 1


def count(records: list[Mapping[str, Any]], spread: Spread) -> int:
    """Count the numbers of these records that are compared with a bound."""
    return sum(
        spread.differs(pools_of(record), name_of(path))
        for record in records
        for path, value in leaves({"measures": record["measures"]})
        if is_number(value)
    )


def read_records(run: str, *folders: Path) -> list[dict[str, Any]]:
    """The run's record in each folder of a scale; raises `UserError` where one is missing."""
    found = [folder / "runs" / run for folder in folders]
    for folder in found:
        if not (folder / ABOUT).is_file():
            raise UserError(f"{folder / ABOUT} is missing: nothing to compare.")
    return [read_record(folder) for folder in found]


def compare_records(reference: Mapping[str, Any], found: Mapping[str, Any], rules: Rules) -> Compared:
    """Compare all leaves of two records."""
    ours, theirs = dict(leaves(reference)), dict(leaves(found))
    ignored = {(key,) for key in (IGNORED if rules.spread is None else IGNORED | IGNORED_ELSEWHERE)}
    other = differently_proposed(ours, theirs) if rules.spread else []
    told, compared = [], 0
    for path in dict.fromkeys([*ours, *theirs]):
        if path in ignored or (other and (path in PROPOSED or path[0] == "measures")):
            continue
        values = (ours.get(path, ABSENT), theirs.get(path, ABSENT))
        compared += path[0] == "measures" and any(is_number(value) for value in values)
        if values[0] != values[1] or isinstance(values[0], bool) != isinstance(values[1], bool):
            told.append(judge(path, values, reference, rules))
    told.sort(key=lambda one: -one[0])
    share, remarks = max((share for share, _ in told), default=0.0), [remark for _, remark in told]
    if share > 1:
        return Compared(FAIL, compared, remarks, share)
    if other:
        return Compared(OTHER, compared, other)
    return Compared(WITHIN if told else SAME, compared, remarks, share)


def differently_proposed(ours: Mapping[Leaf, Any], theirs: Mapping[Leaf, Any]) -> list[str]:
    """The proposal of a search for the retrained run, if it differs from that for the reference."""
    if ours.get(("regularizer", "proposal")) is None:
        return []
    pairs = [(path, ours.get(path), theirs.get(path)) for path in PROPOSED]
    return [
        f"{'.'.join(path)}: {second}, not {first}"
        for path, first, second in pairs
        if is_number(first) and is_number(second) and not equal_but_for_rounding(first, second)
    ]


def judge(path: Leaf, values: tuple[Any, Any], record: Mapping[str, Any], rules: Rules) -> tuple[float, str]:
    """The distance of two different values as a share of the allowed one, and a remark on it."""
    remark = f"{'.'.join(path)}: {shown(values[1])}, not {shown(values[0])}"
    if rules.spread is None:
        return math.inf, remark
    if is_left_out(path, record) and all(value is None or is_finite(value) for value in values):
        return 0.0, f"{remark} (left out)"
    if not all(map(is_finite, values)):
        return math.inf, remark
    if equal_but_for_rounding(*values):
        return 0.0, f"{remark} (rounding)"
    name = name_of(path)
    bound = rules.spread.bound(pools_of(record), name, rules.n_compared) if path[0] == "measures" else 0.0
    if not bound:
        return math.inf, f"{remark} (may not differ)"
    difference = abs(on_scale(name, values[0]) - on_scale(name, values[1]))
    share = difference / bound if math.isfinite(difference) else math.inf
    what = "its logarithm may differ" if is_logarithmic(name) else "may differ"
    return share, f"{remark} ({what} by {bound:.3g})"


def is_left_out(path: Leaf, record: Mapping[str, Any]) -> bool:
    """Whether a number may take any value on another type of processor."""
    if MATCHED in record.get("run", "") and any(path[-len(end) :] == end for end in TEMPERATURES):
        return True
    return path[0] == "measures" and reason_left_out(name_of(path)) is not None


def equal_but_for_rounding(first: float, second: float) -> bool:
    if isinstance(first, int) and isinstance(second, int):
        return first == second
    return math.isclose(first, second, rel_tol=ROUNDING)


def is_finite(value: Any) -> bool:
    return is_number(value) and math.isfinite(value)


def shown(value: Any) -> str:
    return "absent" if value is ABSENT else json.dumps(value)
