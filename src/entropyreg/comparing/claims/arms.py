"""The arms of a claim: how `arms` of claims.yaml names rows of tables with their weights, and the runs that it means.

    arms: {ger: 1, label_smoothing_0.1: -1}                          rows of these names
    arms: {end: {weight: -1, row: none, measure: ece, ...}}          what else an arm may say:

`where`: settings of the row (`allows`); `teacher`: settings of a student's teacher; `chosen`: not the runs of a row
that its table chose another one of; `better_of`: of several rows the one that is better on validation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from statistics import fmean
from typing import Any

from entropyreg.comparing.claims.declaration import Part
from entropyreg.comparing.claims.evidence import Evidence, of_contrast
from entropyreg.comparing.claims.plans import Case
from entropyreg.comparing.claims.records import WINNER, NotTested, Row
from entropyreg.comparing.contrasts import contrast
from entropyreg.comparing.scores import Scored, needs_temperatures
from entropyreg.io.errors import UserError

ANY_TEACHER = "any teacher"  # in place of a row: every row of the tables that is no student
Rows = dict[str, list[Row]]


@dataclass(frozen=True)
class Arm:
    """One arm as declared; `rows`: the row that fills it, or several of which the better one does."""

    name: str
    weight: float
    rows: tuple[str, ...]
    measure: str | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    teacher: Mapping[str, Any] = field(default_factory=dict)
    chosen: bool = False


def arms_of(test: Mapping[str, Any]) -> list[Arm]:
    """The declared arms, with the measure of the test where they have none of their own."""
    arms = []
    for name, declared in test["arms"].items():
        own = declared if isinstance(declared, Mapping) else {"weight": declared}
        rows = tuple(own.get("better_of", (own.get("row", name),)))
        kept = {key: own[key] for key in ("where", "teacher", "chosen") if key in own}
        weight = float(Fraction(str(own.get("weight", 1))))
        arms.append(Arm(name, weight, rows, own.get("measure", test.get("measure")), **kept))
    return arms


def all_arms(case: Case) -> list[Arm]:
    """Those of all parts, each name once; raises `UserError` for a name that means different runs in two parts."""
    arms: dict[str, Arm] = {}
    for arm in (one for part in case.parts for one in arms_of(part.test)):
        known = arms.setdefault(arm.name, arm)
        if (known.rows, known.where, known.teacher) != (arm.rows, arm.where, arm.teacher):
            raise UserError(
                f"claim {case.claim['id']}: arm '{arm.name}' is of different runs in two parts: rename one."
            )
    return list(arms.values())


def allows(settings: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether settings have the wanted values: a text, a number, `{at_most: number}` or `{above: number}`."""
    return all(is_allowed(settings[key], value) for key, value in wanted.items())


def is_allowed(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, str) or value is None:
        return value == wanted
    if isinstance(wanted, Mapping):
        return value <= wanted.get("at_most", float("inf")) + 1e-9 and value > wanted.get("above", -float("inf"))
    return abs(value - wanted) < 1e-6


def runs_of_arm(case: Case, arm: Arm, *, decoded: str | None = None, temperatures: str | None = None) -> Rows:
    """Its finished rows, one a seed, by the name of the row that fills it.

    `decoded`, `temperatures`: the split on which they must be decoded, or measured at several temperatures. Raises
    `NotTested` where one of the rows lacks.
    """
    return {name: rows_of(case, arm, name, decoded, temperatures) for name in arm.rows}


def rows_of(case: Case, arm: Arm, name: str, decoded: str | None, temperatures: str | None) -> list[Row]:
    known, read = case.rows(), case.test["read"]
    if name == ANY_TEACHER:
        found = [row for row in known if row["teacher"] is None]
    else:
        found = [row for row in known if row["row"] == name]
        if not found:
            raise NotTested(case.records.missing_reason(read, case.filler, name))
    kept = [row for row in found if allows(row, arm.where)]
    if not kept:
        raise NotTested(none_such(case, arm, found, name == ANY_TEACHER))
    if arm.teacher:
        kept = [row for row in kept if allows(row["teacher"], arm.teacher)]
    if arm.chosen:
        kept = [row for row in kept if row.get("selected") is not False]
    if temperatures is not None:
        kept = [row for row in kept if (row["measures"].get(temperatures) or {}).get("temperatures")]
        if not kept:
            raise NotTested(f"'{name}' of {case.filler.task} has no measures by temperature on {temperatures}")
    elif decoded is not None:
        kept = [row for row in kept if decoded in row["measures"]]
        if not kept:
            raise NotTested(f"'{name}' of {case.filler.task} is not decoded on {decoded}")
    case.records.use(*(row["run"] for row in kept))
    return kept


def none_such(case: Case, arm: Arm, found: Sequence[Row], teachers: bool) -> str:
    """Why no row is of the wanted settings."""
    wanted = ", ".join(f"{key} {value}" for key, value in arm.where.items())
    if not teachers:
        return f"no run of {wanted} of {case.filler.task} in {case.test['read'][0]}"
    shown = ", ".join(f"{one:g}" for one in sorted({row["smoothing"] for row in found if row["smoothing"]}))
    return f"no teacher of {wanted} (there are: {shown})"


def rows_of_arms(case: Case, arms: Sequence[Arm]) -> tuple[Rows, tuple[str, ...]]:
    """The rows of each arm that are compared, and what to remark.

    Of arms that are `searched`, the seeds that the search was trained with are left out: verdict runs use fresh ones.
    """
    found: Rows = {}
    for arm in arms:
        by_temperature = case.of_text and needs_temperatures(arm.measure)
        split = {"temperatures" if by_temperature else "decoded": case.split} if case.of_text else {}
        found |= {
            arm.name if len(arm.rows) == 1 else name: rows for name, rows in runs_of_arm(case, arm, **split).items()
        }
    found, remarks = fresh(case, found) if case.test.get("searched") else (found, ())
    for arm in (one for one in arms if len(one.rows) > 1):
        better = max(arm.rows, key=lambda name: fmean(row["measures"]["valid"][arm.measure] for row in found[name]))
        found = {arm.name: found[better], **{name: rows for name, rows in found.items() if name not in arm.rows}}
        remarks = (*remarks, f"the better {arm.name} on validation: {better}")
    return found, remarks


def fresh(case: Case, arms: Mapping[str, list[Row]]) -> tuple[Rows, tuple[str, ...]]:
    """The arms without the seeds that a search of the same task and model was trained with, and what to remark.

    Arms that are declared as searched, but are no winners of a search, are remarked.
    """
    if not any(WINNER in row["run"] for rows in arms.values() for row in rows):
        return dict(arms), ("strengths and skews as published, not tuned on this data set",)
    remarks, kept = [], {}
    for name, rows in arms.items():
        spent = set().union(*(case.records.tuning_seeds(row["task"], row["model"]) for row in rows))
        kept[name] = [row for row in rows if row["seed"] not in spent]
        if not kept[name]:
            raise NotTested(f"'{name}' has no seed that the search did not use")
        if spent & {row["seed"] for row in rows}:
            remarks.append(f"seed {', '.join(map(str, sorted(spent)))} left out: the search trained with it")
    return kept, tuple(dict.fromkeys(remarks))


def n_seeds(arms: Mapping[Any, Sequence[Row]]) -> int:
    """The least number of seeds of any arm."""
    return min(len({row["seed"] for row in rows}) for rows in arms.values())


def counts_of(case: Case, arms: Mapping[str, Sequence[Row]]) -> dict[str, int]:
    """Of what the claim needs at least: seeds of each arm, predictions and temperatures that they are measured at."""
    rows, wanted = [row for members in arms.values() for row in members], case.claim["minimum"] or {}
    counts = {"seeds": n_seeds(arms)}
    if case.of_text and {"tokens", "temperatures"} & set(wanted):
        measured = [row["measures"][case.split]["temperatures"] for row in rows]
        counts["tokens"] = min(one["n_tokens"] for one in measured)
        counts["temperatures"] = min(len(one["temperatures"]) for one in measured)
    elif "tokens" in wanted:
        predicted = [row["measures"]["scores"] for row in rows if case.split in row["measures"]["scores"]]
        if not predicted:
            raise NotTested(f"no run of {case.filler.task} is predicted on {case.split}")
        counts["tokens"] = min(one[case.split]["n_images"] for one in predicted)
    return counts


def evidence_of(
    case: Case, part: Part, arms: Sequence[tuple[float, Scored]], *names: object, paired_seeds: bool = False
) -> Evidence:
    """The contrast of scored arms in the unit of the part, seeds and items resampled."""
    factor = UNITS.get(part.unit, 1.0)
    scaled = [(weight, arm._replace(score=lambda sums, one=arm.score: factor * one(sums))) for weight, arm in arms]
    replicates = case.records.n_replicates
    found = contrast(scaled, *case.named(*names), n_replicates=replicates, paired_seeds=paired_seeds)
    return of_contrast(found, arms[0][1].sums.shape[1], paired_seeds)


UNITS = {"accuracy_points": 100.0}  # of the scores of `comparing.scores`, which are shares
