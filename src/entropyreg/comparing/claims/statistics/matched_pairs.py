"""Pairs of runs of equal entropy, on a measure that their records keep: `matched_pairs`.

A pair is a label smoothing and another member of the family within .005 of its entropy on validation
(`comparing.pairs`). The records keep a share and its standard error over sentences; the sentences are the same for all
pairs, so their part of the variance is not averaged out.
"""

from collections.abc import Sequence

import numpy as np

from entropyreg.comparing.claims.arms import arms_of
from entropyreg.comparing.claims.declaration import Part
from entropyreg.comparing.claims.evidence import Evidence, normal
from entropyreg.comparing.claims.plans import Case, Plan, Statistic
from entropyreg.comparing.claims.records import NotTested
from entropyreg.comparing.pairs import Pair, pairs_of

SHARES = tuple(f"share_below_{name}" for name in ("e-10", "e-15", "floor_x1", "floor_x0.1", "floor_x0.01"))


def matched_pairs(case: Case) -> Plan:
    """The matched pairs of a task and model; the arms say the skews of the two sides."""
    skews = sorted(arm.where["skew"] for arm in arms_of(case.test))
    pairs = [pair for pair in pairs_of(case.rows(), case.filler.task) if pair.matched]
    pairs = [pair for pair in pairs if sorted((pair.other["skew"], pair.smoothed["skew"])) == skews]
    on_split = [pair for pair in pairs if all(case.split in run["measures"] for run in (pair.smoothed, pair.other))]
    if pairs and not on_split:
        raise NotTested(f"the matched pairs of {case.filler.task} are not decoded on {case.split}")
    case.records.use(*(run["run"] for pair in on_split for run in (pair.smoothed, pair.other)))
    counts = {"matched_pairs": len(on_split)}
    return Plan(counts, lambda: {part.name: of_pairs(case, on_split, part) for part in case.parts})


def of_pairs(case: Case, pairs: Sequence[Pair], part: Part) -> Evidence:
    """The mean difference of a share over the pairs, with Student's interval."""
    name, weights = part.test["measure"], {arm.where["skew"]: arm.weight for arm in arms_of(part.test)}
    sides = [
        [(weights[run["skew"]], run["measures"][case.split]) for run in (one.other, one.smoothed)] for one in pairs
    ]
    values = np.array([sum(weight * measures[name] for weight, measures in pair) for pair in sides])
    errors = [np.hypot(*(weight * measures[f"{name}_standard_error"] for weight, measures in pair)) for pair in sides]
    by_pairs, by_sentences = values.var(ddof=1) / len(values), float(np.mean(np.square(errors)))
    variance = by_pairs + by_sentences
    freedom = (len(values) - 1) * variance**2 / by_pairs**2 if by_pairs > 0 else np.inf
    resampled = normal(float(values.mean()), np.sqrt(variance), freedom, case.records.n_replicates)
    return Evidence(resampled, beside={"n_pairs": len(values)})


STATISTICS = {"matched_pairs": Statistic(matched_pairs, ("measure", "arms"), SHARES)}
