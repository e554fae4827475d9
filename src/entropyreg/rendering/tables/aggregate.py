"""From runs to the value of a cell: mean, 95 % interval and number of seeds, or the reason why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

from entropyreg.rendering.tables.intervals import mean_interval

NOT_COLLECTED = "not run: no run is declared for it"
OVER_SEEDS, BOOTSTRAP, SENTENCES, SETTING = "seeds", "bootstrap", "sentences", "setting"  # what an interval is over
Run = Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """What is known of one quantity in one cell; `reason` says why nothing, or not all, is known.

    Neither mean nor reason: the quantity does not apply to the cell. A setting is declared, so it has no interval.
    """

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    reason: str = ""
    interval: str = OVER_SEEDS
    deviation: float | None = None  # sample standard deviation over seeds, from two seeds on
    minimum: float | None = None  # over seeds
    maximum: float | None = None

    def scaled(self, factor: float) -> "Value":
        """The value in another unit: shares as percentages with factor 100."""
        names = ("mean", "low", "high", "deviation", "minimum", "maximum")
        numbers = {name: getattr(self, name) for name in names}
        return replace(self, **{name: None if one is None else factor * one for name, one in numbers.items()})

    def between(self, interval: Sequence[float] | None, over: str = BOOTSTRAP) -> "Value":
        """The value with a collected bootstrap interval in place of that over seeds, where there is one."""
        if interval is None or self.mean is None:
            return self
        low, high = interval
        return replace(self, low=low, high=high, interval=over)

    def of_one_seed(self, interval: Sequence[float] | None) -> "Value":
        """The value of a single seed with its collected interval over sentences; of more seeds, as it is."""
        return self.between(interval, SENTENCES) if self.n == 1 else self


def summary(values: Mapping[int, float], reasons: Sequence[str], n_runs: int) -> Value:
    """Of a number a seed; the reason counts the missing runs where some are there."""
    distinct = "; ".join(dict.fromkeys(reasons))
    if not values:
        return Value(reason=distinct or NOT_COLLECTED)
    numbers = [values[seed] for seed in sorted(values)]
    mean, deviation = fmean(numbers), stdev(numbers) if len(numbers) > 1 else None
    low, high = (None, None) if deviation is None else mean_interval(mean, deviation, len(numbers))
    return Value(
        mean,
        low,
        high,
        len(numbers),
        reason=f"{len(reasons)} of {n_runs} seeds missing: {distinct}" if reasons else "",
        deviation=deviation,
        minimum=min(numbers),
        maximum=max(numbers),
    )


def setting(number: float | None, n: int = 0) -> Value:
    """A declared number of n finished runs; None: there is none to declare."""
    return Value() if number is None else Value(float(number), n=n, interval=SETTING)
