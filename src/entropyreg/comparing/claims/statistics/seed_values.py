"""A weighted sum of the arms' means of one value a seed: `seed_values`, of measures that no sums over items give.

    Var = sum_a w_a^2 (Var(seeds) / S + mean(spread^2))        spread: standard error of a seed's value over the images

The images are the same for all seeds, so their part is not averaged out; it is added as if the arms shared nothing,
which is on the safe side. Of measures whose records keep no spread the interval is over seeds alone, and says so.
Information is the paper's curve: five draws, one variance for all inputs, and a fresh sample (the first of the record's
with the last two; with fewer draws, of as many as there are).
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm

from entropyreg.comparing.claims.arms import all_arms, arms_of, counts_of, rows_of_arms, runs_of_arm
from entropyreg.comparing.claims.declaration import SPLITS, Part
from entropyreg.comparing.claims.evidence import Evidence, of_seed_values
from entropyreg.comparing.claims.plans import Case, Plan, Statistic
from entropyreg.comparing.claims.records import NotTested, Row

TWO_SIDED = 2 * norm.isf(0.025)  # width of a 95 % interval in standard errors
TO_REACH = "updates_to_reach_hard"
Arms = Mapping[str, Sequence[Row]]


class Value(NamedTuple):
    """One value a seed, `of(row, split)`.

    `spread`: its standard error over the images, where the record keeps its interval. `points`: how many measured
    points of the training it is found among.
    """

    of: Callable[[Row, str], float | None]
    spread: Callable[[Row, str], float] | None = None
    points: Callable[[Row], int] | None = None


def curve_of(row: Row) -> Mapping[str, Any]:
    """The paper's curve; raises `NotTested` where the network was not followed."""
    information = row["measures"].get("mutual_information")
    if information is None:
        raise NotTested(f"{row['run']} was not followed during training")
    return next(one for one in information["curves"] if (one["variance"], one["sample"]) == ("shared", "fresh"))


def peak_of(row: Row) -> tuple[float, float]:
    """Height of the peak above the end (nats), and updates from the peak to the end.

    The peak is located on one half of the images and measured on the other; averaged over both directions.
    """
    updates = np.array(row["measures"]["mutual_information"]["updates"])
    if not curve_of(row).get("halves"):
        raise NotTested("the records keep no curves of halves of the images, which locating the peak needs")
    halves = [np.array(half["values"]) for half in curve_of(row)["halves"]]
    peaks = [int(half.argmax()) for half in halves]
    higher = np.mean([other[peak] - other[-1] for peak, other in zip(peaks, reversed(halves), strict=True)])
    return float(higher), float(np.mean([updates[-1] - updates[peak] for peak in peaks]))


def best_temperature(row: Row, split: str) -> float:
    """The temperature of least validation ECE."""
    if "temperature" in row["measures"]:
        return row["measures"]["temperature"]["ece_all"]["temperature"]
    return row["measures"]["valid"]["temperatures"]["fits"]["ece_all"]["temperature"]


def of_clusters(name: str) -> Value:
    """A measure of the clusters of the penultimate layer."""

    def found(row: Row, split: str) -> Mapping[str, float]:
        clusters = row["measures"]["clusters"].get(split)
        if clusters is None or clusters.get(name) is None:
            raise NotTested(f"{row['run']} has no {name} on {split}")
        return clusters

    return Value(
        lambda row, split: found(row, split)[name],
        lambda row, split: (found(row, split)[f"{name}_high"] - found(row, split)[f"{name}_low"]) / TWO_SIDED,
    )


def lost(row: Row) -> Mapping[str, float]:
    """The loss of what distillation needs, on training images."""
    return row["measures"]["information_loss"]


def n_points(row: Row) -> int:
    return len(curve_of(row)["values"])


VALUES = {
    "best_temperature": Value(best_temperature),
    **{name: of_clusters(name) for name in ("scatter_ratio", "distance_variation", "logit_distance_correlation")},
    "information_at_end": Value(lambda row, split: curve_of(row)["final"]),
    "peak_above_end": Value(lambda row, split: peak_of(row)[0], points=n_points),
    "updates_after_peak": Value(lambda row, split: peak_of(row)[1], points=n_points),
    "confidence_variance": Value(lambda row, split: lost(row)["confidence_variance"]),
    "similarity_correlation": Value(
        lambda row, split: lost(row)["similarity_correlation"],
        lambda row, split: (
            (lost(row)["similarity_correlation_high"] - lost(row)["similarity_correlation_low"]) / TWO_SIDED
        ),
    ),
}


def value_of(case: Case, measure: str, arms: Arms) -> Value:
    """The measure; that of `TO_REACH` is relative to the hard arm."""
    return to_reach(arms["hard"]) if measure == TO_REACH else VALUES[measure]


def to_reach(hard: Sequence[Row]) -> Value:
    """Updates until validation accuracy is first that of the hard networks at their end; never: the last update."""
    target = fmean(row["measures"]["learning"]["valid_accuracy"][-1] for row in hard)

    def reached(row: Row, split: str) -> float:
        learning = row["measures"]["learning"]
        above = np.flatnonzero(np.array(learning["valid_accuracy"]) >= target)
        return float(learning["updates"][above[0] if above.size else -1])

    return Value(reached, points=lambda row: len(row["measures"]["learning"]["updates"]))


def seed_values(case: Case) -> Plan:
    """The declared measure of the arms of each part."""
    if case.of_text and case.test.get("measure") == TO_REACH:
        raise NotTested("no validation BLEU during training: it would take a beam search at every validation")
    if case.of_text:
        arms = {arm.name: runs_of_arm(case, arm, temperatures=case.split)[arm.name] for arm in all_arms(case)}
    else:
        arms, _ = rows_of_arms(case, all_arms(case))
    rows = [row for members in arms.values() for row in members]
    points = [value_of(case, part.test["measure"], arms).points for part in case.parts]
    known = {"checkpoints": min(one(row) for row in rows for one in points if one)} if any(points) else {}
    return Plan(counts_of(case, arms) | known, lambda: {part.name: of_part(case, part, arms) for part in case.parts})


def of_part(case: Case, part: Part, arms: Arms) -> Evidence:
    split = SPLITS[part.test["split"]] if "split" in part.test else case.split
    over_seeds = part.test.get("resampled") == ["seeds"]
    weights = {arm.name: arm.weight for arm in arms_of(part.test)}
    return seed_contrast(case, arms, weights, value_of(case, part.test["measure"], arms), split, over_seeds)


def seed_contrast(
    case: Case, arms: Arms, weights: Mapping[str, float], value: Value, split: str, over_seeds: bool = False
) -> Evidence:
    """A contrast of one value a seed; `over_seeds`: of seeds alone, as it is declared."""
    terms, of_items = [], 0.0
    for name, weight in weights.items():
        values = [value.of(row, split) for row in arms[name]]
        if any(one is None for one in values):
            raise NotTested(f"'{name}' of {case.filler.task} has no value for some seed")
        terms.append((weight, np.array(values, np.float64)))
        if value.spread is not None and not over_seeds:
            of_items += weight**2 * float(np.mean([value.spread(row, split) ** 2 for row in arms[name]]))
    lacking = value.spread is None and not over_seeds
    remark = ("interval over seeds alone: the records keep no value of single images",) * lacking
    return of_seed_values(terms, case.records.n_replicates, of_items, caveats=remark)


STATISTICS = {"seed_values": Statistic(seed_values, ("measure", "arms", "split", "resampled"), (*VALUES, TO_REACH))}
