"""Distillation: B12 to B15 and C1, of the students' accuracy on test.

Temperatures, and the amount of smoothing where a claim names none, are chosen on validation. A point of a curve is
one run; the curves are compared at equal equivalent smoothing, where each is interpolated linearly, so that a
difference of curves is a weighted sum of mean accuracies.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import numpy as np

from entropyreg.comparing.claims.evaluators import Case, Evaluator, Plan
from entropyreg.comparing.claims.evidence import Evidence
from entropyreg.comparing.claims.quantities.images import is_amount
from entropyreg.comparing.claims.quantities.shared import arm, contrast, n_seeds, points_of_sums
from entropyreg.comparing.claims.records import NotTested, Row

CURVES, GRID = ("b_figure_distillation",), ("b_figure_distillation_grid",)
BOTH = (*CURVES, *GRID)
LARGEST_SMOOTHING = 0.6  # of B12
EXTENSION_SMOOTHING = 0.1  # of the teachers of C1
POINTS_OF_CURVE = 201

Runs = dict[str, list[Row]]


def runs_of(rows: Sequence[Row]) -> Runs:
    """Rows by run: a point each."""
    found: Runs = {}
    for row in rows:
        found.setdefault(row["run"], []).append(row)
    return found


def students(case: Case, keep: Callable[[Row], bool]) -> Runs:
    """Students that learn from softened answers alone, of the curves and of the grid."""
    rows = [row for row in case.records.rows(BOTH, case.filler) if row["teacher"] and row["teacher"]["loss"] == "soft"]
    kept = [row for row in rows if keep(row["teacher"]) and row["teacher"]["matched_to"] is None]
    return runs_of(list({(row["run"], row["seed"]): row for row in kept}.values()))


def is_hard(teacher: Row) -> bool:
    return is_amount(teacher["smoothing"], 0.0)


def is_smoothed(teacher: Row) -> bool:
    return teacher["kind"] == "label_smoothing" and teacher["smoothing"] > 0


def at(temperature: float) -> Callable[[Row], bool]:
    return lambda teacher: is_amount(teacher["temperature"], temperature)


def best_on_validation(runs: Runs, what: str) -> list[Row]:
    """The run of greatest mean validation accuracy; raises `NotTested` without any."""
    if not runs:
        raise NotTested(f"no student of {what}")
    return max(
        runs.values(),
        key=lambda rows: (fmean(row["measures"]["scores"]["valid"]["accuracy"] for row in rows), rows[0]["run"]),
    )


def accuracy_contrast(case: Case, terms: Sequence[tuple[float, Sequence[Row]]], *names: object) -> Evidence:
    """Weighted mean accuracies of runs, in points."""
    case.records.use(*(rows[0]["run"] for _, rows in terms))
    arms = [(weight, case.records.images(rows, case.split, "accuracy")) for weight, rows in terms if weight != 0]
    return contrast(case, arms, points_of_sums, *names)


def slope_of_teachers(case: Case) -> Plan:
    """B12: least-squares slope of mean accuracy on smoothing, a linear contrast."""
    rows = [row for row in arm(case, CURVES, "teacher") if row["smoothing"] <= LARGEST_SMOOTHING + 1e-9]
    runs = runs_of(rows)
    x = np.array([members[0]["smoothing"] for members in runs.values()])

    def evidence() -> dict[None, Evidence]:
        weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
        return {None: accuracy_contrast(case, list(zip(weights, runs.values(), strict=True)))}

    return Plan({"seeds": n_seeds(runs), "smoothings": len(runs)}, evidence)


def hard_against_smoothed_teacher(case: Case) -> Plan:
    """B13: both teachers' best students, and the smoothed teacher's at temperature 1."""
    hard = students(case, is_hard)
    smoothed = students(case, is_smoothed)
    at_one = {run: rows for run, rows in smoothed.items() if at(1.0)(rows[0]["teacher"])}
    arms = {
        "from_hard": best_on_validation(hard, "a hard teacher"),
        "at_one": best_on_validation(at_one, "a smoothed teacher at temperature 1"),
        "at_best": best_on_validation(smoothed, "a smoothed teacher"),
    }
    temperatures = min(len(temperatures_of(runs)) for runs in (hard, smoothed))
    chosen = [f"{name}: {described(rows[0]['teacher'])}" for name, rows in arms.items()]

    def evidence() -> dict[str | None, Evidence]:
        return {
            part: accuracy_contrast(case, [(1.0, arms["from_hard"]), (-1.0, arms[part])], part)
            for part in ("at_one", "at_best")
        }

    remark = f"chosen on validation, the smoothed teacher's amount too: {'; '.join(chosen)}"
    return Plan({"seeds": n_seeds(arms), "temperatures": temperatures}, evidence, (remark,))


def temperatures_of(runs: Runs) -> set[float]:
    """Temperatures at which some teacher of the group is used."""
    return {rows[0]["teacher"]["temperature"] for rows in runs.values()}


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


def curve_difference(case: Case, taught: Runs, more: Mapping[str, int]) -> Plan:
    """Students of teachers minus students trained with smoothing, mean over their common equivalent smoothing."""
    plain = runs_of([row for row in arm(case, CURVES, "student") if row["smoothing"] is not None])
    x_taught = np.array([fmean(row["teacher"]["equivalent_smoothing"] for row in rows) for rows in taught.values()])
    x_plain = np.array([rows[0]["smoothing"] for rows in plain.values()])
    if len(x_taught) < 2 or len(x_plain) < 2:
        raise NotTested(f"a curve of {case.filler.task} has fewer than two points")
    low, high = max(x_taught.min(), x_plain.min()), min(x_taught.max(), x_plain.max())

    def evidence() -> dict[None, Evidence]:
        if low >= high:
            raise NotTested("the curves share no equivalent smoothing")
        terms = list(zip(curve_weights(x_taught, low, high), taught.values(), strict=True))
        terms += list(zip(-curve_weights(x_plain, low, high), plain.values(), strict=True))
        found = accuracy_contrast(case, terms)
        return {None: found.with_remarks(equivalent_smoothing=[float(low), float(high)])}

    counts = {"seeds": min(n_seeds(taught), n_seeds(plain)), "smoothings": len(plain)}
    return Plan(counts | more, evidence)


def from_hard_against_smoothing(case: Case) -> Plan:
    """B14: the curve over the hard teacher's temperatures, those found by matching included."""
    taught = runs_of([row for row in arm(case, CURVES, "from_hard") if row["teacher"]["loss"] == "soft"])
    return curve_difference(case, taught, {"temperatures": len(taught)})


def from_smoothed_against_smoothing(case: Case) -> Plan:
    """B15: the curve over smoothed teachers at temperature 1; it starts at the hard teacher, whose smoothing is 0."""
    both = (*arm(case, CURVES, "from_hard"), *arm(case, CURVES, "from_smoothed"))
    rows = [row for row in both if at(1.0)(row["teacher"])]
    taught = runs_of(list({(row["run"], row["seed"]): row for row in rows}.values()))
    return curve_difference(case, taught, {"smoothings": len(taught)})


def interaction(case: Case) -> Plan:
    """C1: what a smoothed teacher costs above temperature 1, less what it costs at 1; and what it costs at 1."""
    groups = {
        "hard": students(case, is_hard),
        "smoothed": students(case, lambda one: is_smoothed(one) and is_amount(one["smoothing"], EXTENSION_SMOOTHING)),
    }
    if not groups["smoothed"]:
        amounts = sorted({rows[0]["teacher"]["smoothing"] for rows in students(case, is_smoothed).values()})
        shown = ", ".join(f"{one:g}" for one in amounts) or "none"
        raise NotTested(f"no student of a teacher of smoothing {EXTENSION_SMOOTHING} (there are: {shown})")
    by_temperature = {
        name: {rows[0]["teacher"]["temperature"]: rows for rows in runs.values()} for name, runs in groups.items()
    }
    common = sorted(set(by_temperature["hard"]) & set(by_temperature["smoothed"]))
    if 1.0 not in common:
        raise NotTested("the students have no common temperature 1")
    above = [one for one in common if one > 1]

    def difference(temperature: float, weight: float) -> list[tuple[float, list[Row]]]:
        pair = (("smoothed", weight), ("hard", -weight))
        return [(sign, by_temperature[name][temperature]) for name, sign in pair]

    def evidence() -> dict[str | None, Evidence]:
        raised = [term for one in above for term in difference(one, 1 / len(above))]
        return {
            "interaction": accuracy_contrast(case, [*raised, *difference(1.0, -1.0)], "interaction"),
            "no_harm_at_one": accuracy_contrast(case, difference(1.0, 1.0), "no_harm_at_one"),
        }

    used = {f"{name}{one}": by_temperature[name][one] for name in groups for one in common}
    return Plan({"seeds": n_seeds(used), "temperatures": len(common)}, evidence)


EVALUATORS = {
    "slope of teacher accuracy on smoothing, from 0 to 0.6": Evaluator(CURVES, slope_of_teachers, unit="task"),
    "student accuracy, hard teacher at its best temperature minus smoothed teacher": Evaluator(
        BOTH, hard_against_smoothed_teacher, unit="task"
    ),
    "student accuracy, distilled from hard minus smoothed student, mean over equivalent smoothing": Evaluator(
        CURVES, from_hard_against_smoothing, unit="task"
    ),
    "student accuracy, distilled from smoothed at temperature 1 minus smoothed student, mean over smoothing": Evaluator(
        CURVES, from_smoothed_against_smoothing, unit="task"
    ),
    "student accuracy over teacher smoothing x temperature": Evaluator(BOTH, interaction, unit="task"),
}
