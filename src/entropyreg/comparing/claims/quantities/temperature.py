"""Translation at many temperatures: B7, B8, B9, B23.

Sentences have statistics at every decoded temperature, and at the two that were fitted on validation: of BLEU
(n, G, 10), of calibration bins (n, G, 45) and NLL (n, G) under the gold prefix (`results.temperature_measures`). The
claims are tested on the split that they declare, and records without it leave them untested.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from entropyreg.comparing.claims.evaluators import Case, Evaluator, Plan
from entropyreg.comparing.claims.evidence import Evidence, of_contrast, weakest_of_curve
from entropyreg.comparing.claims.quantities.shared import contrast, n_seeds
from entropyreg.comparing.claims.records import NotTested, Row
from entropyreg.measures.bleu_statistics import bleu_of_sums
from entropyreg.measures.calibration import ece_of_sums
from entropyreg.measures.significance import Arm, Score, crossed_contrast
from entropyreg.measures.temperature import CRITERIA, Criterion

TEMPERATURE = ("b_figure_temperature", "b_figure_reliability_translation")
Arms = dict[str, list[Row]]


def arms_of(case: Case, names: Sequence[str], split: str | None = None, artefacts: Sequence[str] = TEMPERATURE) -> Arms:
    """Rows by arm, one a seed, with statistics of temperatures on the split (the declared one unless given)."""
    split, found = split or case.split, {}
    for name in names:
        rows = [row for row in case.records.rows(artefacts, case.filler, case.model) if row["row"] == name]
        if not rows:
            raise NotTested(case.records.missing_reason(artefacts, case.filler, name))
        found[name] = [row for row in rows if (row["measures"].get(split) or {}).get("temperatures")]
        if not found[name]:
            raise NotTested(f"'{name}' of {case.filler.task} has no measures by temperature on {split}")
        case.records.use(*(row["run"] for row in found[name]))
    return found


def of_split(row: Row, split: str) -> Mapping[str, Any]:
    return row["measures"][split]["temperatures"]


def grid_of(rows: Sequence[Row], split: str) -> np.ndarray:
    """The decoded temperatures, which all seeds share."""
    return np.array(of_split(rows[0], split)["temperatures"], np.float64)


def one_index(grid: np.ndarray) -> int:
    """Where temperature 1 stands; raises `NotTested` without it."""
    if not np.isclose(grid, 1).any():
        raise NotTested("temperature 1 was not decoded")
    return int(np.abs(np.log(grid)).argmin())


def fitted(rows: Sequence[Row], criterion: Criterion = "ece") -> list[float]:
    """Each seed's temperature of least validation ECE or NLL."""
    return [of_split(row, "valid")["fits"][f"{criterion}_all"]["temperature"] for row in rows]


def bleu_at(case: Case, rows: Sequence[Row], one: int) -> np.ndarray:
    """Statistics of BLEU (S, n, 10) at a decoded temperature."""
    return case.records.text(rows, f"{case.split}.temperature_bleu")[:, :, one]


def bins_at(case: Case, rows: Sequence[Row], one: int) -> np.ndarray:
    """Sums of the calibration bins (S, n, 45) at a decoded temperature."""
    return case.records.text(rows, f"{case.split}.temperature_reliability")[:, :, one]


def at_fitted(case: Case, rows: Sequence[Row], name: str, criterion: Criterion = "ece") -> np.ndarray:
    """Statistics `temperature_fitted_<name>` (S, n, k) at each seed's temperature of least validation ECE or NLL."""
    return case.records.text(rows, f"{case.split}.temperature_fitted_{name}")[:, :, CRITERIA.index(criterion)]


def counts_of(case: Case, arms: Arms, split: str | None = None) -> dict[str, int]:
    """Seeds, decoded temperatures, and the tokens that calibration is measured on."""
    rows = [row for members in arms.values() for row in members]
    measured = [of_split(row, split or case.split) for row in rows]
    return {
        "seeds": n_seeds(arms),
        "temperatures": min(len(one["temperatures"]) for one in measured),
        "tokens": min(one["n_tokens"] for one in measured),
    }


def calibrated_hard_model(case: Case) -> Plan:
    """B7: hard at its best temperature against itself at 1 (the same runs, paired) and against the smoothed model."""
    arms = arms_of(case, ("hard", "smoothed"))
    hard, one = arms["hard"], one_index(grid_of(arms["hard"], case.split))
    scaling = (case.records.table(TEMPERATURE[0]) or {}).get("scaling", [])
    beside = [entry for entry in scaling if (entry["column"], entry["row"]) == (case.filler.task, "hard")]

    def evidence() -> dict[str | None, Evidence]:
        chosen = at_fitted(case, hard, "bleu")
        pair = np.concatenate([chosen, bleu_at(case, hard, one)], axis=-1)
        terms = [(1.0, bleu_at(case, arms["smoothed"], one)), (-1.0, chosen)]
        return {
            "narrows": contrast(case, [(1.0, pair)], difference_of_halves, "narrows").with_remarks(scaling=beside),
            "not_closed": contrast(case, terms, bleu_of_sums, "not_closed"),
        }

    return Plan(counts_of(case, arms), evidence)


def difference_of_halves(sums: np.ndarray) -> np.ndarray:
    """BLEU of the first half of the columns minus that of the second."""
    first, second = np.split(sums, 2, axis=-1)
    return bleu_of_sums(first) - bleu_of_sums(second)


def one_against_all(case: Case) -> Plan:
    """B8: for the smoothed model, BLEU lost and ECE gained by leaving temperature 1, simultaneous over the grid."""
    arms = arms_of(case, ("smoothed",))
    rows, grid = arms["smoothed"], grid_of(arms["smoothed"], case.split)
    one = one_index(grid)

    def evidence() -> dict[str | None, Evidence]:
        found = {}
        for part in case.parts:
            name, score, sign = ("temperature_bleu", bleu_of_sums, 1.0) if part.name == "bleu" else (
                "temperature_reliability", ece_of_sums, -1.0)  # fmt: skip
            curve = on_grid(score, len(grid), one, sign)
            arm = Arm(1.0, flattened(case.records.text(rows, f"{case.split}.{name}")), curve)
            found[part.name] = weakest(case, [arm], grid, -part.margin_of(case.filler.role), 1, part.name)
        return found

    return Plan(counts_of(case, arms), evidence)


def worst_nll_difference(case: Case) -> Plan:
    """B9: hard minus smoothed at the same temperature, simultaneous over the grid."""
    arms = arms_of(case, ("hard", "smoothed"))
    grid = grid_of(arms["hard"], case.split)
    if not np.array_equal(grid, grid_of(arms["smoothed"], case.split)):
        raise NotTested("the arms were measured at different temperatures")

    def statistics(rows: Sequence[Row]) -> np.ndarray:
        nll = case.records.text(rows, f"{case.split}.temperature_nll")
        tokens = case.records.text(rows, f"{case.split}.temperature_tokens")[..., :1]
        return np.concatenate([nll, tokens], axis=-1)

    def evidence() -> dict[None, Evidence]:
        terms = [Arm(weight, statistics(arms[name]), per_token) for name, weight in (("hard", 1.0), ("smoothed", -1.0))]
        return {None: weakest(case, terms, grid, 0.0, -1, "nll")}

    return Plan(counts_of(case, arms), evidence)


def per_token(sums: np.ndarray) -> np.ndarray:
    """NLL a token at each temperature; the last column counts tokens."""
    return sums[..., :-1] / sums[..., -1:]


def flattened(values: np.ndarray) -> np.ndarray:
    """(S, n, G, k) as (S, n, G k)."""
    return values.reshape(*values.shape[:2], -1)


def on_grid(score: Score, n_temperatures: int, one: int, sign: float) -> Score:
    """sign (score at 1 - score at T) of each temperature of flattened sums."""

    def curve(sums: np.ndarray) -> np.ndarray:
        values = score(sums.reshape(*sums.shape[:-1], n_temperatures, -1))
        return sign * (values[..., one : one + 1] - values)

    return curve


def weakest(case: Case, terms: Sequence[Arm], grid: np.ndarray, null: float, sign: int, name: str) -> Evidence:
    """The temperature at which the claim is supported least, with bounds that hold at all temperatures."""
    found = crossed_contrast(terms, case.records.n_replicates, generator=case.generator(name))
    index, resampled = weakest_of_curve(found.resampled, null, sign, case.records.alpha)
    at_point = found._replace(resampled=resampled, seed_variance=found.seed_variance[index])
    return of_contrast(at_point, terms[0].statistics.shape[1]).with_remarks(temperature=float(grid[index]))


def which_predicts_best_bleu(case: Case) -> Plan:
    """B23: distance of the temperature of least validation ECE to that of best BLEU, minus that of least NLL."""
    arms = arms_of(case, ("hard",))
    rows, grid = arms["hard"], grid_of(arms["hard"], case.split)
    chosen = [np.array(fitted(rows, criterion)) for criterion in ("ece", "nll")]

    def distance(sums: np.ndarray) -> np.ndarray:
        best = grid[bleu_of_sums(sums.reshape(*sums.shape[:-1], len(grid), -1)).argmax(axis=-1)]  # (..., S)
        return np.abs(chosen[0] - best) - np.abs(chosen[1] - best)

    def evidence() -> dict[None, Evidence]:
        statistics = flattened(case.records.text(rows, f"{case.split}.temperature_bleu"))
        return {None: contrast(case, [(1.0, statistics)], distance)}

    return Plan(counts_of(case, arms), evidence)


EVALUATORS = {
    "BLEU of the hard model at its best temperature, against itself at 1 and against the smoothed model": Evaluator(
        TEMPERATURE, calibrated_hard_model
    ),
    "BLEU and ECE at temperature 1 against every other temperature of the grid": Evaluator(
        TEMPERATURE, one_against_all
    ),
    "maximum over temperatures of NLL a token, hard minus smoothed at the same temperature": Evaluator(
        TEMPERATURE, worst_nll_difference
    ),
    "absolute distance to the temperature of best BLEU, from least ECE minus from least NLL": Evaluator(
        TEMPERATURE, which_predicts_best_bleu
    ),
}
