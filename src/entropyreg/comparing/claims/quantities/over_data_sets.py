"""C4: over data sets, the hard model's over-confidence and what smoothing does to the ECE."""

from dataclasses import replace

import numpy as np

from entropyreg.comparing.claims.evaluators import Case, Evaluator, Plan
from entropyreg.comparing.claims.evidence import Evidence
from entropyreg.comparing.claims.quantities import tokens
from entropyreg.comparing.claims.quantities.images import CALIBRATED, CALIBRATION, hard_and_smoothed
from entropyreg.comparing.claims.quantities.sweep import exact_p
from entropyreg.comparing.claims.records import NotTested
from entropyreg.measures.calibration import debiased_ece_of_sums
from entropyreg.measures.rank_correlation import spearman_interval


def over_confidence_and_effect(case: Case) -> Plan:
    """Each corpus is a pair, the mean over its tasks and networks; ranks are compared by an exact permutation test.

    Tasks of one corpus share their sentences, so they are one data set (roles.yaml). A task with fewer predictions than
    the claim's minimum is left out, and remarked.
    """
    found, reasons = {}, []
    for filler in case.fillers:
        own = replace(case, fillers=(filler,), model=None)
        try:
            pair = tokens.over_confidence(own) if tokens.of_text(own) else of_images(own)
            found.setdefault(filler.corpus, []).append(pair)
        except NotTested as reason:
            reasons.append(str(reason))
    pairs = {corpus: np.mean(several, axis=0) for corpus, several in found.items()}

    def evidence() -> dict[None, Evidence]:
        excess, effect = np.array(list(pairs.values())).T
        result = spearman_interval(excess, effect, case.generator(), case.records.n_replicates)
        shown = [
            {"data_set": corpus, "over_confidence": float(pair[0]), "ece_hard_minus_smoothed": float(pair[1])}
            for corpus, pair in pairs.items()
        ]
        return {None: Evidence(result, exact=exact_p(excess, effect), beside={"data_sets": shown})}

    counts = {"data_sets": len(pairs), "tokens": case.claim["minimum"]["tokens"]}
    return Plan(counts, evidence, tuple(dict.fromkeys(reasons)))


def of_images(case: Case) -> tuple[float, float]:
    """Mean confidence minus accuracy of the hard networks on validation, and debiased ECE of hard minus smoothed."""
    models = dict.fromkeys(row["model"] for row in case.records.rows(CALIBRATION, case.filler))
    values = []
    for model in models:
        arms = hard_and_smoothed(replace(case, model=model), CALIBRATION)
        scores = [row["measures"]["scores"]["valid"] for row in arms["hard"]]
        errors = {
            name: debiased_ece_of_sums(case.records.images(rows, case.split, "ece").sum(axis=1)).mean()
            for name, rows in arms.items()
        }
        if case.records.images(arms["hard"], case.split, "ece").shape[1] < case.claim["minimum"]["tokens"]:
            raise NotTested(f"{case.filler.task} has fewer than {case.claim['minimum']['tokens']} images")
        excess = np.mean([one["confidence"] - one["accuracy"] for one in scores])
        values.append((excess, errors["hard"] - errors["smoothed"]))
    if not values:
        raise NotTested(case.records.missing_reason(CALIBRATION, case.filler))
    return tuple(map(float, np.mean(values, axis=0)))


EVALUATORS = {
    "Spearman correlation over data sets of the hard model's mean confidence minus accuracy, and debiased ECE of hard "
    "minus smoothed": Evaluator(CALIBRATED, over_confidence_and_effect, unit="pooled"),
}
