"""Translation over the grid of temperatures: `simultaneous` bounds of a curve, and `distance_to_best_temperature`.

Sentences have sums at every decoded temperature (`comparing.scores.curve`). The claims are tested on the split that
they declare, and records without it leave them untested.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from entropyreg.comparing.claims.arms import all_arms, arms_of, counts_of, evidence_of, runs_of_arm
from entropyreg.comparing.claims.declaration import Part
from entropyreg.comparing.claims.evidence import Evidence, of_contrast, weakest_of_curve
from entropyreg.comparing.claims.plans import Case, Plan, Statistic
from entropyreg.comparing.claims.records import NotTested, Row
from entropyreg.comparing.claims.rules import limits_of
from entropyreg.comparing.contrasts import contrast
from entropyreg.comparing.scores import CURVES
from entropyreg.measures.significance import Score

Arms = Mapping[str, Sequence[Row]]


def measured_arms(case: Case) -> dict[str, list[Row]]:
    """Rows by arm, with measures of temperatures on the declared split."""
    return {arm.name: runs_of_arm(case, arm, temperatures=case.split)[arm.rows[0]] for arm in all_arms(case)}


def grid_of(rows: Sequence[Row], split: str) -> np.ndarray:
    """The decoded temperatures, which all seeds share."""
    return np.array(rows[0]["measures"][split]["temperatures"]["temperatures"], np.float64)


def one_index(grid: np.ndarray) -> int:
    """Where temperature 1 stands; raises `NotTested` without it."""
    if not np.isclose(grid, 1).any():
        raise NotTested("temperature 1 was not decoded")
    return int(np.abs(np.log(grid)).argmin())


def simultaneous(case: Case) -> Plan:
    """The temperature at which the claim is supported least, with bounds that hold at all temperatures.

    `temperatures` weighs the curve at `each` temperature and its value at `one`.
    """
    arms = measured_arms(case)
    grids = [grid_of(rows, case.split) for rows in arms.values()]
    if not all(np.array_equal(grids[0], grid) for grid in grids):
        raise NotTested("the arms were measured at different temperatures")
    return Plan(counts_of(case, arms), lambda: {part.name: weakest(case, part, arms, grids[0]) for part in case.parts})


def weakest(case: Case, part: Part, arms: Arms, grid: np.ndarray) -> Evidence:
    weights, terms = part.test["temperatures"], []
    for arm in arms_of(part.test):
        scored = case.records.curve(arms[arm.name], case.split, part.test["measure"])
        terms.append((arm.weight, scored._replace(score=against_one(scored.score, grid, weights))))
    names = case.named(part.test["measure"])
    found = contrast(terms, *names, n_replicates=case.records.n_replicates)
    low, high = limits_of(part.direction, part.margin_of(case.filler.role), part.threshold)
    null, sign = (low, 1) if np.isfinite(low) else (high, -1)
    index, resampled = weakest_of_curve(found.resampled, null, sign, case.records.alpha)
    at_point = found._replace(resampled=resampled, seed_variance=found.seed_variance[index])
    return of_contrast(at_point, terms[0][1].sums.shape[1]).with_remarks(temperature=float(grid[index]))


def against_one(score: Score, grid: np.ndarray, weights: Mapping[str, float]) -> Score:
    """The curve, weighed against its own value at temperature 1."""
    if "one" not in weights:
        return score
    one = one_index(grid)

    def curve(sums: np.ndarray) -> np.ndarray:
        values = score(sums)
        return weights["one"] * values[..., one : one + 1] + weights["each"] * values

    return curve


def distance_to_best_temperature(case: Case) -> Plan:
    """How far fitted temperatures are from the one of best BLEU, weighed: `fits` names the criteria.

    The temperatures are fitted on validation, the best one is found on the declared split, so they share no noise.
    """
    arms = measured_arms(case)
    ((rows,), (part,)), weights = (arms.values(), case.parts), case.test["fits"]
    grid = grid_of(rows, case.split)
    fitted = {name: np.array([fit_of(row, name) for row in rows]) for name in weights}
    scored = case.records.curve(rows, case.split, case.test["measure"])

    def distance(sums: np.ndarray) -> np.ndarray:
        best = grid[scored.score(sums).argmax(axis=-1)]  # (..., S)
        return sum(weight * np.abs(fitted[name] - best) for name, weight in weights.items())

    return Plan(
        counts_of(case, arms), lambda: {None: evidence_of(case, part, [(1.0, scored._replace(score=distance))])}
    )


def fit_of(row: Row, criterion: str) -> Any:
    """A seed's temperature of least validation ECE or NLL."""
    return row["measures"]["valid"]["temperatures"]["fits"][f"{criterion}_all"]["temperature"]


STATISTICS = {
    "simultaneous": Statistic(simultaneous, ("measure", "arms", "temperatures"), CURVES),
    "distance_to_best_temperature": Statistic(distance_to_best_temperature, ("measure", "arms", "fits"), CURVES),
}
