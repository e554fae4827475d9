"""Calibration of tokens under the gold prefix, at decoded temperatures: B2, B3, B4, C4 of translation; C2, C3."""

import numpy as np

from entropyreg.comparing.claims.evaluators import Case, Evaluator, Plan
from entropyreg.comparing.claims.evidence import Evidence
from entropyreg.comparing.claims.quantities.shared import contrast, seed_contrast
from entropyreg.comparing.claims.quantities.temperature import (
    TEMPERATURE,
    arms_of,
    at_fitted,
    bins_at,
    counts_of,
    fitted,
    grid_of,
    one_index,
)
from entropyreg.comparing.claims.records import NotTested
from entropyreg.measures.calibration import debiased_ece_of_sums, ece_of_sums

FAMILY = ("b_table_family_calibration",)
SMOOTHED_MINUS_HARD = {"smoothed": 1.0, "hard": -1.0}


def of_text(case: Case) -> bool:
    """Whether the case is one of translation; calibration is also measured on images."""
    return case.filler.role == "translation"


def calibration_error(case: Case) -> Plan:
    """B2 of tokens: debiased ECE at temperature 1."""
    arms = arms_of(case, ("hard", "smoothed"))
    one = one_index(grid_of(arms["hard"], case.split))

    def evidence() -> dict[None, Evidence]:
        terms = [(weight, bins_at(case, arms[name], one)) for name, weight in SMOOTHED_MINUS_HARD.items()]
        return {None: contrast(case, terms, debiased_ece_of_sums)}

    return Plan(counts_of(case, arms), evidence)


def against_temperature_scaling(case: Case) -> Plan:
    """B3 of tokens."""
    arms = arms_of(case, ("hard", "smoothed"))
    one = one_index(grid_of(arms["smoothed"], case.split))

    def evidence() -> dict[None, Evidence]:
        scaled = at_fitted(case, arms["hard"], "reliability")
        return {None: contrast(case, [(1.0, bins_at(case, arms["smoothed"], one)), (-1.0, scaled)], ece_of_sums)}

    return Plan(counts_of(case, arms), evidence)


def best_temperature(case: Case) -> Plan:
    """B4 of tokens: fitted on the fine grid."""
    arms = arms_of(case, ("hard",), "valid")
    value = {id(row): temperature for row, temperature in zip(arms["hard"], fitted(arms["hard"]), strict=True)}
    return Plan(
        counts_of(case, arms, "valid"),
        lambda: {None: seed_contrast(case, arms, {"hard": 1.0}, lambda row: value[id(row)])},
    )


def own_output(case: Case) -> Plan:
    """C2: ECE on the model's own output minus that under the gold prefix, on the same sentences.

    Both without the ends of sentences. Sentences that only one of them has, the later ones, are left out.
    """
    arms = arms_of(case, ("hard", "smoothed"))

    def evidence() -> dict[str | None, Evidence]:
        found = {}
        for name, rows in arms.items():
            gold, own = (case.records.text(rows, f"{case.split}.{prefix}_reliability") for prefix in ("gold", "own"))
            pair = np.concatenate([own[:, : gold.shape[1]], gold[:, : own.shape[1]]], axis=-1)
            found[name] = contrast(case, [(1.0, pair)], difference_of_errors, name)
        return found

    return Plan(counts_of(case, arms), evidence)


def difference_of_errors(sums: np.ndarray) -> np.ndarray:
    """ECE of the first half of the columns minus that of the second."""
    first, second = np.split(sums, 2, axis=-1)
    return ece_of_sums(first) - ece_of_sums(second)


def family_at_equal_entropy(case: Case) -> Plan:
    """C3, descriptive: ECE of each member at temperature 1."""
    names = list(dict.fromkeys(row["row"] for row in case.records.rows(FAMILY, case.filler, case.model)))
    if not names:
        raise NotTested(case.records.missing_reason(FAMILY, case.filler))
    arms = arms_of(case, names, artefacts=FAMILY)

    def evidence() -> dict[None, list[Evidence]]:
        found = []
        for name, rows in arms.items():
            bins = bins_at(case, rows, one_index(grid_of(rows, case.split)))
            entropies = [row["measures"]["valid"]["entropy_normalized"] for row in rows]
            remarks = {"row": name, "entropy_normalized": float(np.mean(entropies))}
            found.append(contrast(case, [(1.0, bins)], ece_of_sums, name).with_remarks(**remarks))
        return {None: found}

    return Plan(counts_of(case, arms), evidence)


def over_confidence(case: Case) -> tuple[float, float]:
    """C4 of tokens: over-confidence of the hard model on validation; debiased ECE, hard minus smoothed."""
    arms = arms_of(case, ("hard", "smoothed"))
    least = case.claim["minimum"]["tokens"]
    if counts_of(case, arms)["tokens"] < least:
        raise NotTested(f"fewer than {least} tokens")
    one = one_index(grid_of(arms["hard"], case.split))
    measures = [row["measures"]["valid"] for row in arms["hard"]]
    errors = {
        name: float(debiased_ece_of_sums(bins_at(case, rows, one).sum(axis=1)).mean()) for name, rows in arms.items()
    }
    excess = float(np.mean([one["confidence"] - one["accuracy"] for one in measures]))
    return excess, errors["hard"] - errors["smoothed"]


EVALUATORS = {
    "ECE on own output minus under the gold prefix": Evaluator(TEMPERATURE, own_output),
    "ECE at matched entropy, by skew": Evaluator(FAMILY, family_at_equal_entropy),
}
