"""Over data sets, one measure of the hard model and what smoothing changes of another: `spearman_over_data_sets`."""

from dataclasses import replace
from statistics import fmean

import numpy as np

from entropyreg.comparing.claims.arms import arms_of, counts_of, rows_of_arms
from entropyreg.comparing.claims.evidence import Evidence
from entropyreg.comparing.claims.plans import Case, Plan, Statistic
from entropyreg.comparing.claims.records import NotTested, Row
from entropyreg.comparing.claims.statistics.sweep import exact_p
from entropyreg.comparing.scores import MEASURES
from entropyreg.measures.rank_correlation import spearman_interval


def spearman_over_data_sets(case: Case) -> Plan:
    """Each corpus is a pair, the mean over its tasks and networks; ranks are compared by an exact permutation test.

    Tasks of one corpus share their sentences, so they are one data set (roles.yaml). A task with fewer predictions than
    the claim's minimum is left out, and remarked.
    """
    found, reasons = {}, []
    for filler in case.fillers:
        own = replace(case, fillers=(filler,), model=None)
        try:
            pair = pair_of_task(own)
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


def pair_of_task(case: Case) -> tuple[float, float]:
    """x of the hard model, and the contrast of y, the mean over the networks; of text all rows are one network."""
    models = [None] if case.of_text else list(dict.fromkeys(row["model"] for row in case.rows()))
    if not models:
        raise NotTested(case.records.missing_reason(case.test["read"], case.filler))
    return tuple(map(float, np.mean([pair_of_network(replace(case, model=model)) for model in models], axis=0)))


def pair_of_network(case: Case) -> tuple[float, float]:
    declared = arms_of(case.test | {"measure": case.test["y"]})
    arms, _ = rows_of_arms(case, declared)
    least = case.claim["minimum"]["tokens"]
    if counts_of(case, arms)["tokens"] < least:
        where = "tokens" if case.of_text else "images"
        raise NotTested(f"{case.filler.task} has fewer than {least} {where}")
    scored = {arm.name: case.records.scored(arms[arm.name], case.split, arm.measure) for arm in declared}
    means = {name: float(one.score(one.sums.sum(axis=1)).mean()) for name, one in scored.items()}
    x = fmean(X[case.test["x"]](row) for row in arms[declared[0].name])
    return x, sum(arm.weight * means[arm.name] for arm in declared)


def over_confidence(row: Row) -> float:
    """Mean confidence minus accuracy on validation."""
    of_split = row["measures"]["scores"]["valid"] if "scores" in row["measures"] else row["measures"]["valid"]
    return of_split["confidence"] - of_split["accuracy"]


X = {"over_confidence": over_confidence}
STATISTICS = {"spearman_over_data_sets": Statistic(spearman_over_data_sets, ("x", "y", "arms"), (*X, *MEASURES))}
