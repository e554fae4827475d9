"""A weighted sum of the arms' scores, seeds and items resampled: `difference`; and `slope` of a score on a setting.

difference = sum_a w_a mean_s score_a                slope = sum_a w_a score_a,   w = (x - mean x) / sum (x - mean x)^2
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from entropyreg.comparing.claims.arms import all_arms, arms_of, counts_of, evidence_of, n_seeds, rows_of_arms
from entropyreg.comparing.claims.declaration import Part
from entropyreg.comparing.claims.evidence import Evidence
from entropyreg.comparing.claims.plans import Case, Plan, Statistic
from entropyreg.comparing.claims.records import Row
from entropyreg.comparing.scores import MEASURES


def difference(case: Case) -> Plan:
    """Of a measure on the declared split; arms may have measures of their own, and seeds that are paired."""
    arms, remarks = rows_of_arms(case, all_arms(case))
    remarks = (*remarks, *amounts_chosen(case, arms))
    return Plan(counts_of(case, arms), lambda: {part.name: of_part(case, part, arms) for part in case.parts}, remarks)


def of_part(case: Case, part: Part, arms: Mapping[str, Sequence[Row]]) -> Evidence:
    terms = [(arm.weight, case.records.scored(arms[arm.name], case.split, arm.measure)) for arm in arms_of(part.test)]
    paired = part.test.get("paired_seeds", False)
    found = evidence_of(case, part, terms, part.test["measure"], paired_seeds=paired)
    beside = {name: BESIDE[name](case, arms, rows) for name, rows in part.test.get("beside", {}).items()}
    return found.with_remarks(**beside)


def amounts_chosen(case: Case, arms: Mapping[str, Sequence[Row]]) -> list[str]:
    """Of networks whose amount of smoothing their table chose: which."""
    chosen = [arm.name for arm in all_arms(case) if arm.chosen and not case.of_text]
    return [f"smoothing {arms[name][0]['smoothing']:g}: least ECE on validation" for name in chosen]


def errors(case: Case, arms: Mapping[str, Sequence[Row]], names: Sequence[str]) -> dict[str, float]:
    """Mean test error of arms in points: the paper's pair, which confounds dropout and smoothing."""
    return {
        name: 100 * sum(row["measures"]["scores"]["test"]["error"] for row in arms[name]) / len(arms[name])
        for name in names
    }


def scaling(case: Case, arms: Mapping[str, Sequence[Row]], names: Sequence[str]) -> list[Mapping[str, Any]]:
    """The table's sentence on the gap that temperature scaling closes."""
    entries = (case.records.table(case.test["read"][0]) or {}).get("scaling", [])
    return [entry for entry in entries if entry["column"] == case.filler.task and entry["row"] in names]


BESIDE: dict[str, Callable] = {"papers_pair": errors, "scaling": scaling}


def slope(case: Case) -> Plan:
    """Least-squares slope of accuracy on smoothing: a linear contrast of runs, with its points."""
    ((_, rows),) = rows_of_arms(case, all_arms(case))[0].items()
    runs = by_run(rows)
    x = np.array([members[0]["smoothing"] for members in runs.values()])

    def evidence() -> dict[None, Evidence]:
        weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
        return {None: of_runs(case, case.parts[0], list(zip(weights, runs.values(), strict=True)))}

    return Plan({"seeds": n_seeds(runs), "smoothings": len(runs)}, evidence)


def by_run(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by run: a point each."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["run"], []).append(row)
    return found


def of_runs(case: Case, part: Part, terms: Sequence[tuple[float, Sequence[Row]]], *names: object) -> Evidence:
    """Weighted mean accuracies of runs."""
    case.records.use(*(rows[0]["run"] for _, rows in terms))
    arms = [(weight, case.records.scored(rows, case.split, "accuracy")) for weight, rows in terms if weight != 0]
    return evidence_of(case, part, arms, *names)


STATISTICS = {
    "difference": Statistic(difference, ("measure", "arms", "searched", "paired_seeds", "beside"), MEASURES),
    "slope": Statistic(slope, ("arms",), ()),
}
