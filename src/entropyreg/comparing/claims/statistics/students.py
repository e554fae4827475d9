"""Students of distillation, by their accuracy: `students`, `curves` and `students_by_temperature`.

Temperatures, and the amount of smoothing where a claim names none, are chosen on validation. A point of a curve is
one run; the curves are compared at equal equivalent smoothing, where each is interpolated linearly, so that a
difference of curves is a weighted sum of mean accuracies.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from entropyreg.comparing.claims.arms import Arm, allows, arms_of, n_seeds, runs_of_arm
from entropyreg.comparing.claims.evidence import Evidence
from entropyreg.comparing.claims.plans import Case, Plan, Statistic
from entropyreg.comparing.claims.records import NotTested, Row
from entropyreg.comparing.claims.statistics.differences import by_run, of_runs

POINTS_OF_CURVE = 201
Runs = dict[str, list[Row]]


def taught_by(case: Case, wanted: Mapping[str, Any]) -> Runs:
    """Students that learn from softened answers alone, of the teachers with these settings."""
    rows = [row for row in case.rows() if row["teacher"] and row["teacher"]["loss"] == "soft"]
    kept = [row for row in rows if row["teacher"]["matched_to"] is None and allows(row["teacher"], wanted)]
    return by_run(list({(row["run"], row["seed"]): row for row in kept}.values()))


def best_on_validation(runs: Runs, what: str) -> list[Row]:
    """The run of greatest mean validation accuracy; raises `NotTested` without any."""
    if not runs:
        raise NotTested(f"no student of {what}")
    return max(
        runs.values(),
        key=lambda rows: (fmean(row["measures"]["scores"]["valid"]["accuracy"] for row in rows), rows[0]["run"]),
    )


def students(case: Case) -> Plan:
    """The best student of each group of teachers, weighed."""
    groups = {name: taught_by(case, wanted) for name, wanted in case.test["taught_by"].items()}
    arms = {name: best_on_validation(runs, teachers_text(case, name)) for name, runs in groups.items()}
    # of a group at one temperature, which others include, there is nothing to choose
    free = [name for name, wanted in case.test["taught_by"].items() if "temperature" not in wanted]
    temperatures = min(len({rows[0]["teacher"]["temperature"] for rows in groups[name].values()}) for name in free)
    chosen = [f"{name}: {described(rows[0]['teacher'])}" for name, rows in arms.items()]

    def evidence() -> dict[str | None, Evidence]:
        return {
            part.name: of_runs(case, part, [(arm.weight, arms[arm.name]) for arm in arms_of(part.test)], part.name)
            for part in case.parts
        }

    remark = f"chosen on validation, the smoothed teacher's amount too: {'; '.join(chosen)}"
    return Plan({"seeds": n_seeds(arms), "temperatures": temperatures}, evidence, (remark,))


def teachers_text(case: Case, name: str) -> str:
    wanted = case.test["taught_by"][name]
    kind = "a hard teacher" if wanted.get("smoothing") == 0 else "a smoothed teacher"
    return kind + (f" at temperature {wanted['temperature']}" if "temperature" in wanted else "")


def described(teacher: Row) -> str:
    return f"smoothing {teacher['smoothing']:g}, temperature {teacher['temperature']:g}"


def curve_weights(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Weights of the points of a piecewise linear curve in its mean over [low, high]."""
    grid = np.linspace(low, high, POINTS_OF_CURVE)
    order = np.argsort(x)
    weights = np.zeros(len(x))
    for position, index in enumerate(order):
        weights[index] = np.interp(grid, x[order], np.eye(len(x))[position]).mean()
    return weights


def curves(case: Case) -> Plan:
    """Students of teachers minus students trained with smoothing, mean over their common equivalent smoothing.

    Arms of one weight are one curve: of a run with a teacher, its point is where the teacher's answers are as soft as
    smoothing by that amount.
    """
    arms, (part,) = arms_of(case.test), case.parts
    sides = {weight: side_of(case, [arm for arm in arms if arm.weight == weight]) for weight in (1.0, -1.0)}
    x = {weight: np.array([place_of(rows) for rows in runs.values()]) for weight, runs in sides.items()}
    if min(map(len, x.values())) < 2:
        raise NotTested(f"a curve of {case.filler.task} has fewer than two points")
    low, high = max(one.min() for one in x.values()), min(one.max() for one in x.values())

    def evidence() -> dict[None, Evidence]:
        if low >= high:
            raise NotTested("the curves share no equivalent smoothing")
        terms = [
            (weight * of_point, rows)
            for weight, runs in sides.items()
            for of_point, rows in zip(curve_weights(x[weight], low, high), runs.values(), strict=True)
        ]
        return {None: of_runs(case, part, terms).with_remarks(equivalent_smoothing=[float(low), float(high)])}

    taught, plain = sides.values()
    many = {"smoothings": min(len(plain), len(taught)), "temperatures": len(taught)}
    return Plan({"seeds": min(map(n_seeds, sides.values()))} | many, evidence)


def side_of(case: Case, arms: Sequence[Arm]) -> Runs:
    rows = [row for arm in arms for row in runs_of_arm(case, arm)[arm.rows[0]]]
    known = [row for row in rows if row["teacher"] or row["smoothing"] is not None]
    return by_run(list({(row["run"], row["seed"]): row for row in known}.values()))


def place_of(rows: Sequence[Row]) -> float:
    """Its amount of smoothing, or that which its teacher's answers are equivalent to."""
    return fmean(row["teacher"]["equivalent_smoothing"] if row["teacher"] else row["smoothing"] for row in rows)


def students_by_temperature(case: Case) -> Plan:
    """Groups of teachers at their common temperatures: the weighed groups at `one`, and their mean `above_one`."""
    groups = {name: taught_by(case, wanted) for name, wanted in case.test["taught_by"].items()}
    for name, wanted in case.test["taught_by"].items():
        if not groups[name] and wanted["smoothing"] > 0:
            others = taught_by(case, wanted | {"smoothing": {"above": 0}})
            amounts = sorted({rows[0]["teacher"]["smoothing"] for rows in others.values()})
            shown = ", ".join(f"{one:g}" for one in amounts) or "none"
            raise NotTested(f"no student of a teacher of smoothing {wanted['smoothing']} (there are: {shown})")
    by_temperature = {
        name: {rows[0]["teacher"]["temperature"]: rows for rows in runs.values()} for name, runs in groups.items()
    }
    common = sorted(set.intersection(*map(set, by_temperature.values())))
    if 1.0 not in common:
        raise NotTested("the students have no common temperature 1")
    places = {"one": [1.0], "above_one": [one for one in common if one > 1]}

    def terms_of(test: Mapping[str, Any]) -> list[tuple[float, list[Row]]]:
        return [
            (weight / len(places[place]) * arm.weight, by_temperature[arm.name][temperature])
            for place, weight in test["temperatures"].items()
            for temperature in places[place]
            for arm in arms_of(test)
        ]

    def evidence() -> dict[str | None, Evidence]:
        return {part.name: of_runs(case, part, terms_of(part.test), part.name) for part in case.parts}

    used = {(name, one): by_temperature[name][one] for name in groups for one in common}
    return Plan({"seeds": n_seeds(used), "temperatures": len(common)}, evidence)


STATISTICS = {
    "students": Statistic(students, ("taught_by", "arms"), ()),
    "curves": Statistic(curves, ("arms",), ()),
    "students_by_temperature": Statistic(students_by_temperature, ("taught_by", "arms", "temperatures"), ()),
}
