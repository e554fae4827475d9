"""Relates what teachers keep to what their students reach: `spearman_over_teachers`, and `each_teacher` in a table."""

from collections.abc import Callable, Mapping
from statistics import fmean

import numpy as np

from entropyreg.comparing.claims.arms import n_seeds
from entropyreg.comparing.claims.evidence import Evidence
from entropyreg.comparing.claims.plans import Case, Plan, Statistic
from entropyreg.comparing.claims.records import NotTested, Row
from entropyreg.comparing.claims.statistics.differences import by_run
from entropyreg.comparing.claims.statistics.seed_values import VALUES, Value, seed_contrast
from entropyreg.comparing.claims.statistics.students import best_on_validation
from entropyreg.comparing.claims.statistics.sweep import exact_p
from entropyreg.comparing.scores import MEASURES
from entropyreg.measures.rank_correlation import spearman_interval


def spearman_over_teachers(case: Case) -> Plan:
    """Over teachers (runs, their seeds averaged), x of the teacher and y of its best student, by an exact test too."""
    rows, x_of, y_of = case.rows(), VALUES[case.test["x"]].of, case.test["y"]
    known = [row for row in rows if row["teacher"] is None and row["measures"].get("mutual_information")]
    teachers = by_run(list({(row["run"], row["seed"]): row for row in known}.values()))
    taught = [row for row in rows if row["teacher"]]
    pairs = []
    for run, seeds in teachers.items():
        own = {(row["run"], row["seed"]): row for row in taught if row["teacher"]["run"] == run}
        students = by_run(list(own.values()))
        if students:
            pairs.append((fmean(x_of(row, case.split) for row in seeds), best_on_validation(students, run), run))
    case.records.use(*(run for _, _, run in pairs), *(best[0]["run"] for _, best, _ in pairs))

    def mean_of(students: list[Row]) -> float:
        scored = case.records.scored(students, case.split, y_of)
        return float(scored.score(scored.sums.sum(axis=1)).mean())

    def evidence() -> dict[None, Evidence]:
        x = np.array([value for value, _, _ in pairs])
        y = np.array([mean_of(best) for _, best, _ in pairs])
        found = spearman_interval(x, y, case.generator(), case.records.n_replicates)
        return {None: Evidence(found, exact=exact_p(x, y), beside={"n_teachers": len(pairs)})}

    return Plan({"teachers": len(pairs)}, evidence)


def each_teacher(case: Case) -> Plan:
    """Descriptive: measures of every row, of students their accuracy, of teachers what they keep."""
    rows, arms = case.rows(), {}
    for row in rows:
        arms.setdefault(row["row"], []).append(row)
    if not arms:
        raise NotTested(case.records.missing_reason(case.test["read"], case.filler))
    case.records.use(*(row["run"] for row in rows))

    def values_of(row: Row) -> Mapping[str, float | None]:
        known = SHOWN_OF_STUDENTS if row["teacher"] else SHOWN_OF_TEACHERS
        return {name: known[of](row, case.split) for name, of in case.test["measures"].items() if of in known}

    def evidence() -> dict[None, list[Evidence]]:
        found = []
        for name, members in arms.items():
            for quantity in values_of(members[0]):
                known = [row for row in members if values_of(row)[quantity] is not None]
                if known:
                    value = Value(lambda row, split, key=quantity: values_of(row)[key])
                    one = seed_contrast(case, {name: known}, {name: 1.0}, value, case.split)
                    found.append(one.with_remarks(row=name, quantity=quantity))
        return {None: found}

    return Plan({"seeds": n_seeds(arms)}, evidence)


def accuracy_in_points(row: Row, split: str) -> float | None:
    scores = row["measures"]["scores"].get(split)
    return scores and 100 * scores["accuracy"]


def measured(group: str, name: str) -> Callable[[Row, str], float | None]:
    """A value of a group of measures; None where the record has no such group."""
    if group == "mutual_information":
        return lambda row, split: VALUES[name].of(row, split) if row["measures"].get(group) else None
    if group == "calibration":
        return lambda row, split: (row["measures"][group] or {}).get(split, {}).get(name)
    return lambda row, split: VALUES[name].of(row, split) if row["measures"][group] else None


SHOWN_OF_STUDENTS = {"accuracy": accuracy_in_points}
SHOWN_OF_TEACHERS = {
    "information_at_end": measured("mutual_information", "information_at_end"),
    "confidence_variance": measured("information_loss", "confidence_variance"),
    "similarity_correlation": measured("information_loss", "similarity_correlation"),
    "ece": measured("calibration", "ece"),
}
STATISTICS = {
    "spearman_over_teachers": Statistic(spearman_over_teachers, ("x", "y"), (*VALUES, *MEASURES)),
    "each_teacher": Statistic(each_teacher, ("measures",), (*SHOWN_OF_STUDENTS, *SHOWN_OF_TEACHERS)),
}
