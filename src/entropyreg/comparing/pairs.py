"""Pairs of runs of equal entropy: label smoothing beside another member of the family, same model, data and seed.

    |H(other) - H(label smoothing)| <= 0.005,    H: normalised entropy on validation under the gold prefix

Meister et al. 2020 compare sparsity within 1 %. A pair comes from a match (an anchor of skew 1 and the trials that
approach its entropy) or, where no trial is near enough, from all finished runs; then it is the nearest there is, and
whether it is matched is for the reader to see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

TOLERANCE = 0.005  # absolute; `equal_entropy_tolerance` of the claims
SPLIT, ENTROPY = "valid", "entropy_normalized"
SPARSE_SKEWS = 0.5  # without a match, label smoothing is set beside a member of skew below this
Run = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """Two runs, or a reason why one or both lack; `series` names the match, '' for a pair that none declared."""

    column: str
    series: str = ""
    smoothed: Run | None = None
    other: Run | None = None
    reason: str = ""

    @property
    def complete(self) -> bool:
        return self.smoothed is not None and self.other is not None

    @property
    def mismatch(self) -> float | None:
        """H(other) - H(label smoothing); None without both."""
        return entropy(self.other) - entropy(self.smoothed) if self.complete else None

    @property
    def matched(self) -> bool:
        return self.mismatch is not None and abs(self.mismatch) <= TOLERANCE


def pairs_of(rows: Sequence[Run], column: str) -> list[Pair]:
    """The pairs of one data set: one for each match, else for each model and seed; at least one, if only a reason.

    `rows` are those of a collected table. A match without a trial within the tolerance gives the nearest pair of all
    finished runs of its model and seed.
    """
    rows = [row for row in rows if row["column"] == column]
    pairs = []
    for model, seed in dict.fromkeys((row["model"], row["seed"]) for row in rows if row["run"] is not None):
        members = [row for row in rows if (row["model"], row["seed"]) == (model, seed)]
        pairs += pairs_of_seed(members, column)
    return pairs or [Pair(column, reason=reason_of(rows))]


def pairs_of_seed(members: Sequence[Run], column: str) -> list[Pair]:
    """The pairs of one model and seed."""
    runs = list({row["run"]: row for row in members if comparable(row)}.values())
    series = list(dict.fromkeys(row["trial"]["series"] for row in members if in_match(row)))
    if not series:
        found = nearest(*sides(runs))
        return [Pair(column, "", *found)] if found else []
    trials = {name: [row for row in members if in_match(row) and row["trial"]["series"] == name] for name in series}
    pairs = {name: Pair(column, name, *(best_trial(trials[name]) or (None, None))) for name in series}
    taken = [pair for pair in pairs.values() if pair.matched]
    for name in series:
        if not pairs[name].matched:
            pairs[name] = substitute(pairs[name], trials[name], runs, taken)
            taken.append(pairs[name])
    return list(pairs.values())


def substitute(best: Pair, trials: Sequence[Run], runs: Sequence[Run], taken: Sequence[Pair]) -> Pair:
    """What to show for a match without a matched trial: the nearest pair of all runs that is not shown already."""
    anchor = next((row for row in trials if row["trial"]["kind"] == "anchor" and comparable(row)), None)
    skew = next((row["skew"] for row in trials if row["trial"]["kind"] == "match" and comparable(row)), None)
    found = nearest(*sides(runs, skew))
    candidates = [Pair(best.column, best.series, *found)] if found else []
    candidates += [best] if best.complete else []
    shown = [(pair.smoothed["run"], pair.other["run"]) for pair in taken if pair.complete]
    for pair in candidates:
        if (pair.smoothed["run"], pair.other["run"]) not in shown:
            return pair
    reason = "its nearest pair is listed already" if candidates else reason_of(trials)
    return Pair(best.column, best.series, smoothed=anchor, reason=f"match '{best.series}': {reason}")


def best_trial(rows: Sequence[Run]) -> tuple[Run, Run] | None:
    """The anchor of a match with its nearest finished trial."""
    done = [row for row in rows if comparable(row)]
    return nearest(*([row for row in done if row["trial"]["kind"] == kind] for kind in ("anchor", "match")))


def nearest(smoothed: Sequence[Run], others: Sequence[Run]) -> tuple[Run, Run] | None:
    """The pair of least difference in entropy; the first one of equals."""
    return min(product(smoothed, others), key=lambda pair: abs(entropy(pair[1]) - entropy(pair[0])), default=None)


def sides(runs: Sequence[Run], skew: float | None = None) -> tuple[list[Run], list[Run]]:
    """Label smoothing and the runs to set beside it: of `skew`, else of skew 0, else of any skew below .5."""
    smoothed = [run for run in runs if run["skew"] == 1]
    if skew is not None:
        return smoothed, [run for run in runs if run["skew"] == skew]
    penalty = [run for run in runs if run["skew"] == 0]
    return smoothed, penalty or [run for run in runs if run["skew"] < SPARSE_SKEWS]


def comparable(row: Run) -> bool:
    """Finished, and a member of the family with the uniform baseline."""
    if row["status"] != "done" or row["skew"] is None or row["measures"][SPLIT].get(ENTROPY) is None:
        return False
    return row["baseline"] == "uniform" and row["generator"] == "entropy"


def in_match(row: Run) -> bool:
    trial = row.get("trial")
    return bool(trial) and trial["kind"] in ("anchor", "match")


def entropy(run: Run) -> float:
    return run["measures"][SPLIT][ENTROPY]


def reason_of(rows: Sequence[Run]) -> str:
    """Why there is no pair: the reasons of the missing runs, else what the finished ones lack."""
    missing = list(dict.fromkeys(row["reason"] for row in rows if row["status"] == "missing"))
    if missing:
        return "; ".join(missing)
    if not rows:
        return "not collected"
    return "no label smoothing with another member of the family (skew below .5) of the same model and seed"
