"""Mutual information and what it explains, and the speed of learning: B16, B17, B18, B22, B24, C5.

The curve is the paper's: five draws, one variance for all inputs, and a fresh sample (the first of the record's with
the last two; with fewer draws, of as many as there are).
"""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

import numpy as np

from entropyreg.comparing.claims.evaluators import Case, Evaluator, Plan
from entropyreg.comparing.claims.evidence import Evidence
from entropyreg.comparing.claims.quantities.images import TEACHERS, hard_and_smoothed
from entropyreg.comparing.claims.quantities.shared import POINTS, n_seeds, seed_contrast
from entropyreg.comparing.claims.quantities.sweep import exact_p
from entropyreg.comparing.claims.quantities.teaching import BOTH, best_on_validation, runs_of
from entropyreg.comparing.claims.quantities.teaching import CURVES as DISTILLATION
from entropyreg.comparing.claims.quantities.text import PERPLEXITY
from entropyreg.comparing.claims.records import NotTested, Row
from entropyreg.measures.rank_correlation import spearman_interval

CURVES = ("b_figure_mutual_information",)
SMOOTHED_MINUS_HARD = {"smoothed": 1.0, "hard": -1.0}


def curve_of(row: Row) -> Mapping[str, Any]:
    """The paper's curve; raises `NotTested` where the network was not followed."""
    information = row["measures"].get("mutual_information")
    if information is None:
        raise NotTested(f"{row['run']} was not followed during training")
    return next(one for one in information["curves"] if (one["variance"], one["sample"]) == ("shared", "fresh"))


def final_difference(case: Case) -> Plan:
    """B16."""
    arms = hard_and_smoothed(case, CURVES)
    return Plan(
        {"seeds": n_seeds(arms)},
        lambda: {None: seed_contrast(case, arms, SMOOTHED_MINUS_HARD, lambda row: curve_of(row)["final"])},
    )


def final_level(case: Case) -> Plan:
    """B18."""
    arms = {"smoothed": hard_and_smoothed(case, CURVES)["smoothed"]}
    return Plan(
        {"seeds": n_seeds(arms)},
        lambda: {None: seed_contrast(case, arms, {"smoothed": 1.0}, lambda row: curve_of(row)["final"])},
    )


def peak_against_end(case: Case) -> Plan:
    """B17: the peak is located on one half of the images and measured on the other, and the other way round."""
    arms = hard_and_smoothed(case, CURVES)
    halves = [curve_of(row).get("halves") for rows in arms.values() for row in rows]
    if not all(halves):
        raise NotTested("the records keep no curves of halves of the images, which locating the peak needs")
    checkpoints = min(len(curve_of(row)["values"]) for rows in arms.values() for row in rows)

    def evidence() -> dict[str | None, Evidence]:
        found = {}
        for name in ("hard", "smoothed"):
            for part, key in ((f"{name}_higher", 0), (f"{name}_earlier", 1)):
                found[part] = seed_contrast(case, arms, {name: 1.0}, lambda row, key=key: peak_of(row)[key])
        return found

    return Plan({"seeds": n_seeds(arms), "checkpoints": checkpoints}, evidence)


def peak_of(row: Row) -> tuple[float, float]:
    """Height of the peak above the end (nats), and updates from the peak to the end, averaged over both directions."""
    updates = np.array(row["measures"]["mutual_information"]["updates"])
    halves = [np.array(half["values"]) for half in curve_of(row)["halves"]]
    peaks = [int(half.argmax()) for half in halves]
    higher = np.mean([other[peak] - other[-1] for peak, other in zip(peaks, reversed(halves), strict=True)])
    return float(higher), float(np.mean([updates[-1] - updates[peak] for peak in peaks]))


def updates_to_reach(case: Case) -> Plan:
    """B24: updates until validation accuracy is first that of the hard model at its end (mean over its seeds)."""
    if case.filler.role == "translation":
        raise NotTested("no validation BLEU during training: it would take a beam search at every validation")
    arms = hard_and_smoothed(case, CURVES)
    target = fmean(row["measures"]["learning"]["valid_accuracy"][-1] for row in arms["hard"])

    def reached(row: Row) -> float:
        learning = row["measures"]["learning"]
        above = np.flatnonzero(np.array(learning["valid_accuracy"]) >= target)
        return float(learning["updates"][above[0] if above.size else -1])

    checkpoints = min(len(row["measures"]["learning"]["updates"]) for rows in arms.values() for row in rows)

    def evidence() -> dict[None, Evidence]:
        return {None: seed_contrast(case, arms, SMOOTHED_MINUS_HARD, reached, lambda row: 0.0)}

    return Plan({"seeds": n_seeds(arms), "checkpoints": checkpoints}, evidence)


def information_and_students(case: Case) -> Plan:
    """B22: over teachers (runs, their seeds averaged), information at the end and accuracy of the best student."""
    rows = case.records.rows((*CURVES, *TEACHERS, *DISTILLATION), case.filler)
    known = [row for row in rows if row["teacher"] is None and row["measures"].get("mutual_information")]
    teachers = runs_of(list({(row["run"], row["seed"]): row for row in known}.values()))
    taught = [row for row in case.records.rows((*BOTH, *TEACHERS), case.filler) if row["teacher"]]
    pairs = []
    for run, seeds in teachers.items():
        own = {(row["run"], row["seed"]): row for row in taught if row["teacher"]["run"] == run}
        students = runs_of(list(own.values()))
        if students:
            pairs.append((fmean(curve_of(row)["final"] for row in seeds), best_on_validation(students, run), run))
    case.records.use(*(run for _, _, run in pairs), *(best[0]["run"] for _, best, _ in pairs))

    def evidence() -> dict[None, Evidence]:
        x = np.array([value for value, _, _ in pairs])
        y = np.array([case.records.images(best, case.split, "accuracy")[..., 0].mean() for _, best, _ in pairs])
        found = spearman_interval(x, y, case.generator(), case.records.n_replicates)
        return {None: Evidence(found, exact=exact_p(x, y), beside={"n_teachers": len(pairs)})}

    return Plan({"teachers": len(pairs)}, evidence)


def joint_table(case: Case) -> Plan:
    """C5, descriptive: teachers of equal entropy and their students."""
    rows = case.records.rows(TEACHERS, case.filler)
    arms: dict[str, list[Row]] = {}
    for row in rows:
        arms.setdefault(row["row"], []).append(row)
    if not arms:
        raise NotTested(case.records.missing_reason(TEACHERS, case.filler))
    case.records.use(*(row["run"] for row in rows))

    def values_of(row: Row) -> dict[str, float | None]:
        measures = row["measures"]
        on_test = measures["scores"].get(case.split)
        if row["teacher"]:
            return {"student_accuracy": on_test and POINTS * on_test["accuracy"]}
        lost, calibration = measures["information_loss"] or {}, (measures["calibration"] or {}).get(case.split, {})
        return {
            "mutual_information": curve_of(row)["final"] if measures.get("mutual_information") else None,
            "confidence_variance": lost.get("confidence_variance"),
            "class_similarity": lost.get("similarity_correlation"),
            "ece": calibration.get("ece"),
        }

    def evidence() -> dict[None, list[Evidence]]:
        found = []
        for name, members in arms.items():
            for quantity in values_of(members[0]):
                known = [row for row in members if values_of(row)[quantity] is not None]
                if known:
                    one = seed_contrast(case, {name: known}, {name: 1.0}, lambda row, key=quantity: values_of(row)[key])
                    found.append(one.with_remarks(row=name, quantity=quantity))
        return {None: found}

    return Plan({"seeds": n_seeds(arms)}, evidence)


EVALUATORS = {
    "mutual information of input and logits at the end of training, smoothed minus hard": Evaluator(
        CURVES, final_difference
    ),
    "mutual information at the end of training": Evaluator(CURVES, final_level),
    "peak of the curve against its end": Evaluator(CURVES, peak_against_end),
    "updates to reach the hard model's final validation accuracy or BLEU, smoothed minus hard": Evaluator(
        (*CURVES, *PERPLEXITY), updates_to_reach
    ),
    "Spearman correlation over all teachers of final mutual information and accuracy of the student": Evaluator(
        (*CURVES, *TEACHERS, *BOTH), information_and_students, unit="task"
    ),
    "student accuracy, mutual information, confidence variance, class similarity and ECE, for teachers at equal "
    "entropy": Evaluator(TEACHERS, joint_table, unit="task"),
}
