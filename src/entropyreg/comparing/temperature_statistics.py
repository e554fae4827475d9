"""The seeds of one row at several temperatures: their sums over blocks of sentences, stacked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from entropyreg.comparing.scores import Arrays, place_of_one
from entropyreg.io.errors import UserError
from entropyreg.measuring.blocks import of_split, read_blocks

SPLIT = "valid"  # the only split that is predicted at several temperatures
QUANTITIES = ("bleu", "ece", "nll")


class Sweep(NamedTuple):
    """The seeds of one row and their arrays, (seeds, ...), with the G `temperatures` that were decoded."""

    seeds: tuple[int, ...]
    arrays: Arrays

    @property
    def one(self) -> int:
        """Where temperature 1 stands."""
        return place_of_one(self.arrays["temperatures"])

    def of(self, seeds: Sequence[int]) -> "Sweep":
        """The sweep of some of the seeds."""
        rows = [self.seeds.index(seed) for seed in seeds]
        arrays = {name: one if name == "temperatures" else one[rows] for name, one in self.arrays.items()}
        return Sweep(tuple(seeds), arrays)


def load_sweep(runs: Mapping[int, str], runs_dir: Path) -> Sweep:
    """The sweep of the runs {seed: run}. Raises `UserError` naming a run whose temperatures are not the others'."""
    first, parts = None, []
    for run in runs.values():
        part = of_split(read_blocks(runs_dir, run), SPLIT)
        first = part["temperatures"] if first is None else first
        if not np.array_equal(part["temperatures"], first):
            raise UserError(f"{runs_dir / run} was measured at other temperatures: delete its record and run again.")
        parts.append(part)
    names = set.intersection(*map(set, parts)) - {"temperatures"}
    stacked = {name: np.stack([part[name] for part in parts]) for name in sorted(names)}
    return Sweep(tuple(runs), stacked | {"temperatures": first})
