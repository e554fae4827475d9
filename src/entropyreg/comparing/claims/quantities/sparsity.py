"""A8: the share of the vocabulary under small probabilities, confidence penalty minus label smoothing at equal entropy.

Pairs of runs are the units: one is a confidence penalty within .005 of the entropy of a label smoothing on validation
(`results.pairs`). The records keep a share and its standard error over sentences; the sentences are the same for all
pairs, so their part of the variance is not averaged out.
"""

from collections.abc import Sequence

import numpy as np

from entropyreg.comparing.claims.declaration import Part
from entropyreg.comparing.claims.evaluators import Case, Evaluator, Plan
from entropyreg.comparing.claims.evidence import Evidence, normal
from entropyreg.comparing.claims.records import NotTested
from entropyreg.comparing.pairs import Pair, pairs_of

ARTEFACTS = ("a_table_sparsity",)
SHARES = {
    "e-10": "share_below_e-10",
    "e-15": "share_below_e-15",
    "floor": "share_below_floor_x1",
    "floor_tenth": "share_below_floor_x0.1",
    "floor_hundredth": "share_below_floor_x0.01",
}


def shares_at_equal_entropy(case: Case) -> Plan:
    """The matched pairs of a task and model."""
    rows = case.records.rows(ARTEFACTS, case.filler, case.model)
    pairs = [pair for pair in pairs_of(rows, case.filler.task) if pair.matched and pair.other["skew"] == 0]
    on_split = [pair for pair in pairs if all(case.split in run["measures"] for run in (pair.smoothed, pair.other))]
    if pairs and not on_split:
        raise NotTested(f"the matched pairs of {case.filler.task} are not decoded on {case.split}")
    case.records.use(*(run["run"] for pair in on_split for run in (pair.smoothed, pair.other)))
    counts = {"matched_pairs": len(on_split)}
    return Plan(counts, lambda: {part.name: of_pairs(case, on_split, part) for part in case.parts})


def of_pairs(case: Case, pairs: Sequence[Pair], part: Part) -> Evidence:
    """The mean difference of a share over the pairs, with Student's interval."""
    name = SHARES[part.name]
    measures = [(pair.other["measures"][case.split], pair.smoothed["measures"][case.split]) for pair in pairs]
    values = np.array([other[name] - smoothed[name] for other, smoothed in measures])
    errors = [np.hypot(*(side[f"{name}_standard_error"] for side in sides)) for sides in measures]
    by_pairs, by_sentences = values.var(ddof=1) / len(values), float(np.mean(np.square(errors)))
    variance = by_pairs + by_sentences
    freedom = (len(values) - 1) * variance**2 / by_pairs**2 if by_pairs > 0 else np.inf
    resampled = normal(float(values.mean()), np.sqrt(variance), freedom, case.records.n_replicates)
    return Evidence(resampled, beside={"n_pairs": len(values)})


EVALUATORS = {
    "share of the vocabulary below a probability, confidence penalty minus label smoothing at equal entropy": Evaluator(
        ARTEFACTS, shares_at_equal_entropy
    )
}
