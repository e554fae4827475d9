"""Bounds how far apart two trainings that differ only in rounding may end, from the spread between committed seeds.

On another type of processor the sums of floating-point numbers differ in their last bits, and some hundred updates
later the model differs as that of another seed does. So the bound on a number comes from the records of runs with
several seeds:

    |first - second| <= t(1 - alpha / (2 c), d) * sqrt(2) * s,    alpha = .01

c is the count of numbers that are compared with such a bound in the whole comparison, so that a right rerun fails in at
most 1 % of cases (Bonferroni); t is the quantile of Student's distribution with d degrees of freedom; s^2 is the
variance between seeds, pooled over the numbers of one name (seeds, splits and places in lists left out) within a pool:
the runs of one task and network, which differ in regularizer or teacher. Where these have fewer than `ENOUGH` degrees
of freedom it is all runs of the kind (translation, images), and then all their names with the same last part.

A number that never differs between seeds (counts, settings) may not differ by more than rounding (`ROUNDING`).
Limits: runs of a pool are taken to have one variance, and their splits to be independent.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from entropyreg.measuring.record_files import read_record, record_folders
from entropyreg.measuring.tidy_records import SPLITS

ALPHA = 0.01  # level of a whole comparison
ENOUGH = 12  # degrees of freedom; from here on the quantile is less than twice that of a normal distribution
ROUNDING = 2**-26  # relative: half the digits of float64, more than rounding does to a sum of 60 million terms

LEFT_OUT = {  # names ('*': any text) that have no bound on another type of processor, and the reason
    "*bins.accuracy": "a bin may hold one example; what the bins add up to (ece, accuracy) is compared",
    "*bins.confidence": "as above",
    "*bins.count": "as above",
    "*reliability*.accuracy": "as above",
    "*reliability*.confidence": "as above",
    "*reliability*.count": "as above",
    "confidence_histogram": "counts of narrow bins; their mean, the confidence, is compared",
    "learning.valid_*": "points in the steep part of a learning curve; where it ends is compared (scores)",
    "mutual_information.curves.values": "the estimate explodes where a unit's variance vanishes (1e13 in one seed)",
    "mutual_information.curves.final": "as above",
    "mutual_information.curves.slope": "as above",
    "mutual_information.curves.peak": "as above",
    "mutual_information.curves.peak_update": "the highest point of a flat curve, which moves along all of it",
    "mutual_information.curves.halves.values": "as the curve's values",
    "projection.*": "coordinates of single examples, in a plane that turns with the weights; clusters are compared",
}
EXACT = {  # differs between the seeds of a run, and may not differ between trainings of one seed
    "teacher.seed": "the seed of the teacher",
}
LOGARITHMIC = {  # names that are compared by their logarithm, and the reason
    "clusters.scatter_ratio*": "a quotient whose denominator comes close to 0",
}

Leaf = tuple[str, ...]  # keys and places, as texts


class Pooled(NamedTuple):
    """Variance between seeds, and its degrees of freedom."""

    variance: float
    degrees: int


class Spread:
    """Between-seed variances of the committed records, by pool and name."""

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        sums: dict[tuple[str, ...], list[float]] = defaultdict(lambda: [0.0, 0])
        for pools, path, values in replicates(records):
            name = name_of(("measures", *path))
            if len(values) < 2 or name in EXACT or reason_left_out(name) or not all(map(is_number, values)):
                continue
            scaled = np.array([on_scale(name, value) for value in values])
            if not np.isfinite(scaled).all():
                continue
            squares = float(((scaled - scaled.mean()) ** 2).sum()) if np.ptp(scaled) else 0.0  # larger than rounding
            for pool in places(pools, name):
                sums[pool][0] += squares
                sums[pool][1] += len(values) - 1
        self.pooled = {pool: Pooled(total / degrees, int(degrees)) for pool, (total, degrees) in sums.items()}

    @classmethod
    def of(cls, root: Path) -> "Spread":
        """The spread in all records that are committed in a checkout."""
        scales = sorted((root / "results" / "reference").glob("*/runs"))
        return cls(read_record(folder) for scale in scales for folder in record_folders(scale))

    def pool(self, pools: tuple[str, str], name: str) -> Pooled | None:
        """The narrowest pool with enough degrees of freedom, or else that with most; None without several seeds."""
        found = [self.pooled[one] for one in places(pools, name) if one in self.pooled]
        enough = [one for one in found if one.degrees >= ENOUGH]
        return enough[0] if enough else max(found, key=lambda one: one.degrees, default=None)

    def differs(self, pools: tuple[str, str], name: str) -> bool:
        """Whether a number of this name is compared with a bound."""
        pooled = self.pool(pools, name)
        return reason_left_out(name) is None and pooled is not None and pooled.variance > 0

    def bound(self, pools: tuple[str, str], name: str, n_compared: int) -> float:
        """The largest difference that two numbers of this name may have, on its scale, of `n_compared` numbers."""
        pooled = self.pool(pools, name)
        if pooled is None or pooled.variance == 0:
            return 0.0
        return quantile(pooled.degrees, n_compared) * math.sqrt(2 * pooled.variance)


@cache
def quantile(degrees: int, n_compared: int) -> float:
    return float(stats.t.ppf(1 - ALPHA / (2 * n_compared), degrees))


def replicates(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, str], Leaf, list[Any]]]:
    """(pools, path, values by seed) of every measured number, by run; records of one run's seeds are joined."""
    runs: dict[str, list[dict[Leaf, Any]]] = defaultdict(list)
    pools = {}
    for record in records:
        settings = {key: value for key, value in record.get("training", {}).items() if key not in ("run", "seed")}
        key = json.dumps([record["run"].rpartition("/seed")[0] or record["run"], settings], sort_keys=True)
        pools[key] = pools_of(record)
        by_seed = record["measures"].values() if "seeds" in record else [record["measures"]]
        runs[key] += [dict(leaves(measures)) for measures in by_seed]
    for key, seeds in runs.items():
        for path in dict.fromkeys(path for seed in seeds for path in seed):
            yield pools[key], path, [seed[path] for seed in seeds if path in seed]


def pools_of(record: Mapping[str, Any]) -> tuple[str, str]:
    """The narrow pool of a record, its task and network, and the wide one, its kind."""
    kind = "images" if "seeds" in record else "translation"
    return f"{kind}/{record['task']}/{record['model']}", kind


def places(pools: tuple[str, str], name: str) -> list[tuple[str, ...]]:
    """The keys under which a name is looked up, narrow pools first."""
    return [(pools[0], name), (pools[1], name), (pools[1], "*", name.rpartition(".")[2])]


def name_of(path: Leaf) -> str:
    """A number's name: its path in the record without 'measures', seeds, splits and places in lists."""
    kept = [key for key in path[path[0] == "measures" :] if not key.isdigit() and key not in SPLITS]
    return ".".join(kept)


@cache
def reason_left_out(name: str) -> str | None:
    return next((reason for pattern, reason in LEFT_OUT.items() if fnmatchcase(name, pattern)), None)


@cache
def is_logarithmic(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in LOGARITHMIC)


def on_scale(name: str, value: float) -> float:
    """The number that is compared: the value or its logarithm."""
    if not is_logarithmic(name):
        return value
    return math.log(value) if value > 0 else -math.inf


def leaves(value: Any, path: Leaf = ()) -> Iterator[tuple[Leaf, Any]]:
    """(path, value) of everything but objects and lists; an empty one is a leaf."""
    if isinstance(value, Mapping | list) and value:
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in parts:
            yield from leaves(part, (*path, str(key)))
    else:
        yield path, value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
