"""The 95 % intervals of one run's measures over the sentences that they were taken on.

    interval of f(sums over n sentences),    n sentences drawn with replacement from the n that there are

One seed says nothing of training, but its test set is a sample: these intervals are about this model on other
sentences. They have the names of the measures that they are of, so a table finds them where it finds the value.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import log
from typing import Any

import numpy as np

from entropyreg.comparing.comparisons import N_REPLICATES
from entropyreg.comparing.temperature_statistics import FITS, generator_of
from entropyreg.measures.bleu_statistics import bleu_of_sums
from entropyreg.measures.calibration import ece_of_sums
from entropyreg.measures.rouge import TYPES
from entropyreg.measures.significance import Resampled, Score, crossed_mean, mean_of_sums

OVER_TOKENS = {"nll": "nll_sum", "accuracy": "correct_sum", "confidence": "confidence_sum"}
Arrays = Mapping[str, np.ndarray]
Path = tuple[str, ...]
Scored = tuple[Path, np.ndarray, Score]  # of which measure, sums (sentences, k), score of their totals


def sentence_intervals(run: str, measures: Mapping[str, Any], sentences: Arrays) -> dict[str, Any]:
    """{split: {measure: [low, high]}} of one run, nested as its `measures` are; its arrays are `sentences`."""
    found: dict[str, Any] = {}
    for split in measures:
        own = {name.partition(".")[2]: one for name, one in sentences.items() if name.startswith(f"{split}.")}
        by_size: dict[int, list[Scored]] = {}
        for one in scored(measures[split], own):
            by_size.setdefault(len(one[1]), []).append(one)
        for size, members in by_size.items():
            result = resampled(members, generator_of("sentences", run, split, str(size)))
            for (path, _, _), low, high in zip(members, result.low, result.high, strict=True):
                place = found.setdefault(split, {})
                for name in path[:-1]:
                    place = place.setdefault(name, {})
                place[path[-1]] = [float(low), float(high)]
    return found


def resampled(members: Sequence[Scored], generator: np.random.Generator) -> Resampled:
    """All measures on the same draws of the same sentences: a draw costs more than a score."""
    tables = [sums.astype(np.float64) for _, sums, _ in members]
    ends = np.cumsum([table.shape[1] for table in tables])[:-1]

    def score(sums: np.ndarray) -> np.ndarray:
        parts = np.split(sums, ends, axis=-1)
        return np.stack([one(part) for (_, _, one), part in zip(members, parts, strict=True)], axis=-1)

    return crossed_mean(np.concatenate(tables, axis=1)[None], score, N_REPLICATES, generator=generator)


def scored(measures: Mapping[str, Any], arrays: Arrays) -> Iterator[Scored]:
    """Every measure of one split that the kept arrays can score on any sentences."""
    tokens = arrays["n_tokens"]
    for name, column in OVER_TOKENS.items():
        yield (name,), np.stack([arrays[column], tokens], axis=-1), mean_of_sums
    entropies = arrays["entropy_sum"] / log(measures["vocabulary_size"])
    yield ("entropy_normalized",), np.stack([entropies, tokens], axis=-1), mean_of_sums
    yield ("reference_rank",), with_ones(arrays["rank_sum"] / tokens), mean_of_sums
    for name in ("bleu", "bleu_as_published"):
        if name in arrays:
            yield (name,), arrays[name], bleu_of_sums
    for name in TYPES:
        if name in arrays:
            yield (name,), with_ones(arrays[name]), mean_of_sums
    if measures.get("temperatures"):
        for path, sums, score in scored_temperatures(arrays):
            yield ("temperatures", *path), sums, score


def scored_temperatures(arrays: Arrays) -> Iterator[Scored]:
    """At the fitted temperatures, and of the model's own output."""
    for place, fit in enumerate(FITS):
        yield ("fits", fit, "ece"), arrays["temperature_fitted_reliability"][:, place], ece_of_sums
        yield ("fits", fit, "bleu"), arrays["temperature_fitted_bleu"][:, place], bleu_of_sums
    own = arrays["own_reliability"]
    if own.any():  # a model that writes nothing has no tokens to be right or sure of
        yield ("own", "ece"), own, ece_of_sums
        yield ("own", "confidence"), over_count(own, 1), mean_of_sums
        yield ("own", "accuracy"), over_count(own, 2), mean_of_sums


def over_count(reliability: np.ndarray, part: int) -> np.ndarray:
    """Sums (n, 2) of one of the three parts of a reliability diagram (count, confidence, correct) and of its count."""
    bins = reliability.reshape(len(reliability), 3, -1).sum(axis=-1)
    return bins[:, [part, 0]]


def with_ones(values: np.ndarray) -> np.ndarray:
    """A value a sentence as a ratio of sums."""
    return np.stack([values, np.ones_like(values, dtype=np.float64)], axis=-1)
