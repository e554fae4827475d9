"""From runs to the value of a cell: mean and standard deviation over seeds, and the reason where runs are missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from entropyreg.errors import UserError

Run = Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """What is known of one quantity in one cell; `reason` says why nothing, or not all, is known.

    Neither mean nor reason: the quantity does not apply to the cell.
    """

    mean: float | None = None
    deviation: float | None = None  # sample standard deviation over seeds, from two seeds on
    n: int = 0
    reason: str = ""
    minimum: float | None = None  # over seeds
    maximum: float | None = None

    @property
    def status(self) -> str:
        if self.mean is None:
            return "missing" if self.reason else "not applicable"
        return "partial" if self.reason else "done"


def group(runs: Sequence[Run]) -> dict[tuple[str, str], list[Run]]:
    """The runs of each (row, column); finished runs of one cell must differ in their seed, and only there."""
    cells: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        cells.setdefault((run["row"], run["column"]), []).append(run)
    for (row, column), members in cells.items():
        done = [run for run in members if run["status"] == "done"]
        seeds = [run["seed"] for run in done]
        if len(seeds) > len(set(seeds)):
            raise UserError(f"row '{row}', column '{column}' has two runs of one seed ({seeds}); allowed: one a seed.")
        for key in ("model", "skew", "strength", "baseline", "generator"):
            values = sorted({str(run.get(key)) for run in done})
            if len(values) > 1:
                raise UserError(f"row '{row}', column '{column}' mixes {key} {' and '.join(values)}; allowed: one.")
    return cells


def decoded(run: Run, split: str) -> bool:
    """Whether the run is finished and has measures of the split."""
    return run["status"] == "done" and bool(run["measures"].get(split))


def measured(run: Run, split: str, key: str) -> tuple[float | None, str]:
    """A measure of a run, or None with the reason."""
    if run["status"] != "done":
        return None, run["reason"]
    if not decoded(run, split):
        return None, f"the {split} set of this run was not decoded"
    value = run["measures"][split].get(key)
    return value, "" if value is not None else "not measured"


def mean_over_seeds(runs: Sequence[Run], split: str, key: str) -> Value:
    """Mean of a measure over the finished seeds."""
    values, reasons = by_seed(runs, split, key)
    return summary(values, reasons, len(runs))


def mean_gain(runs: Sequence[Run], base: Sequence[Run], split: str, key: str) -> Value:
    """Mean over seeds of a measure minus the same measure of `base` at the same seed."""
    values, reasons = by_seed(runs, split, key)
    without = by_seed(base, split, key)[0]
    paired = {seed: value - without[seed] for seed, value in values.items() if seed in without}
    reasons += ["no unregularized run of the same seed"] * (len(values) - len(paired))
    return summary(paired, reasons, len(runs))


def by_seed(runs: Sequence[Run], split: str, key: str) -> tuple[dict[int, float], list[str]]:
    """seed -> measure, and one reason for each run that has none."""
    values, reasons = {}, []
    for run in runs:
        value, reason = measured(run, split, key)
        if value is None:
            reasons.append(reason)
        else:
            values[run["seed"]] = value
    return values, reasons


def summary(values: Mapping[int, float], reasons: Sequence[str], n_runs: int) -> Value:
    """Mean, standard deviation and number; the reason counts the missing runs where some are there."""
    distinct = "; ".join(dict.fromkeys(reasons))
    if not values:
        return Value(reason=distinct or "not collected")
    numbers = [values[seed] for seed in sorted(values)]
    reason = f"{len(reasons)} of {n_runs} seeds missing: {distinct}" if reasons else ""
    deviation = stdev(numbers) if len(numbers) > 1 else None
    return Value(fmean(numbers), deviation, len(numbers), reason, min(numbers), max(numbers))


def declared(runs: Sequence[Run], key: str) -> Value:
    """Skew or strength: known before training, so also where the run is missing."""
    done = [run for run in runs if run["status"] == "done"]
    values = [run[key] for run in done or runs if run[key] is not None]
    if values:
        return Value(float(values[0]), n=len(done))
    return Value() if done else Value(reason="; ".join(dict.fromkeys(run["reason"] for run in runs)) or "not collected")
