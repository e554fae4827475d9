"""Sums of sentences at several temperatures, as measuring kept them, and the scores of a corpus that has these sums.

A score is a function of sums over sentences (`measures.significance`), so any resampled corpus is scored without its
text or tokens: BLEU of ten counts, ECE of the 45 sums of a reliability diagram, NLL of the sum and number of tokens.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from entropyreg.io.errors import UserError
from entropyreg.io.files import read_npz
from entropyreg.measures.bleu_statistics import bleu_of_sums
from entropyreg.measures.calibration import ece_of_sums

SPLIT = "valid"  # the only one that is predicted at several temperatures
QUANTITIES = ("bleu", "ece", "nll")
FITS = ("ece_all", "nll_all")  # in the order of the arrays of fitted temperatures
TEMPERATURE_METRICS = ("nll", "ece", "debiased_ece", "held_out_ece", "scaled_ece", "scaled_bleu", "bleu_at_one")
SCALED = {"scaled_ece": "ece", "scaled_bleu": "bleu_at_one"}  # the metric at temperature 1
Arrays = Mapping[str, np.ndarray]
Score = Callable[[np.ndarray], np.ndarray]


class Sweep(NamedTuple):
    """The seeds of one row: their arrays, stacked as (seeds, ...), and the G temperatures that were decoded."""

    seeds: tuple[int, ...]
    temperatures: np.ndarray
    arrays: Arrays

    @property
    def one(self) -> int:
        """Where temperature 1 stands."""
        return place_of_one(self.temperatures)

    def of(self, seeds: Sequence[int]) -> "Sweep":
        """Some of the seeds."""
        rows = [self.seeds.index(seed) for seed in seeds]
        return Sweep(tuple(seeds), self.temperatures, {name: values[rows] for name, values in self.arrays.items()})


def load_sweep(runs: Mapping[int, str], runs_dir: Path) -> Sweep:
    """The sweep of the runs {seed: run}. Raises `UserError` naming a run whose temperatures are not the others'."""
    first, parts = None, []
    for run in runs.values():
        sentences = read_npz(runs_dir / run / "sentences.npz")
        part = {name.partition(".")[2]: values for name, values in sentences.items() if name.startswith(f"{SPLIT}.")}
        first = part["temperatures"] if first is None else first
        if not np.array_equal(part["temperatures"], first):
            raise UserError(f"{runs_dir / run} was measured at other temperatures: delete its record and run again.")
        parts.append(part)
    names = set.intersection(*map(set, parts)) - {"temperatures"}
    return Sweep(tuple(runs), first, {name: np.stack([part[name] for part in parts]) for name in sorted(names)})


def place_of_one(temperatures: np.ndarray) -> int:
    return int(np.flatnonzero(temperatures == 1)[0])


def curve_statistics(sweep: Sweep, quantity: str) -> tuple[np.ndarray, Score]:
    """Sums (seeds, sentences, k) and the score that maps them to a curve (..., G) of bleu, ece or nll."""
    arrays, points = sweep.arrays, len(sweep.temperatures)
    if quantity == "nll":
        tokens = arrays["temperature_tokens"][..., None].astype(np.float64)
        statistics = np.concatenate([arrays["temperature_nll"], tokens], axis=-1)  # (S, C, G + 1)
        return statistics, lambda sums: sums[..., :-1] / sums[..., -1:]
    name = {"bleu": "temperature_bleu", "ece": "temperature_reliability"}[quantity]
    score = {"bleu": bleu_of_sums, "ece": ece_of_sums}[quantity]
    values = arrays[name]  # (S, n, G, k)
    return values.reshape(*values.shape[:2], -1), lambda sums: score(sums.reshape(*sums.shape[:-1], points, -1))


def sums_of_metric(sentences: Arrays, split: str, metric: str) -> np.ndarray | None:
    """Sums (sentences, k) of one run at one temperature; None where it was not predicted at several.

    nll: of all validation; ece, bleu_at_one: at T = 1; scaled_ece, scaled_bleu: at the temperature of least ECE;
    held_out_ece: of half of the sentences, at the temperature of least ECE of the others.
    """
    if metric == "nll":
        return np.stack([sentences[f"{split}.nll_sum"], sentences[f"{split}.n_tokens"]], axis=-1)
    if f"{split}.temperatures" not in sentences:
        return None
    one = place_of_one(sentences[f"{split}.temperatures"])
    name, place = {
        "ece": ("temperature_reliability", one),
        "debiased_ece": ("temperature_reliability", one),
        "held_out_ece": ("temperature_held_out_reliability", 1),
        "scaled_ece": ("temperature_fitted_reliability", FITS.index("ece_all")),
        "bleu_at_one": ("temperature_bleu", one),
        "scaled_bleu": ("temperature_fitted_bleu", FITS.index("ece_all")),
    }[metric]
    sums = sentences[f"{split}.{name}"][:, place]
    return sums[sums.any(axis=-1)] if metric == "held_out_ece" else sums


def generator_of(*names: str) -> np.random.Generator:
    """Seeded by what is drawn for, so that adding rows changes no other."""
    return np.random.default_rng(list("|".join(names).encode()))
