"""Computes 95 % intervals of one run's measures over the sentences on which they were taken.

    interval of f(sums over B blocks of sentences),    B blocks drawn with replacement from the B that there are

One seed says nothing about training, but its test set is a sample: these intervals are about this model on other
sentences. Each has its measure's name, so a table finds it where it finds the value.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import log
from typing import Any

import numpy as np

from entropyreg.comparing.contrasts import contrast
from entropyreg.comparing.scores import FITS, Scored
from entropyreg.measures.bleu_statistics import bleu_of_sums
from entropyreg.measures.calibration import ece_of_sums
from entropyreg.measures.rouge import TYPES
from entropyreg.measures.significance import Resampled, Score, mean_of_sums
from entropyreg.measuring.blocks import of_split

OVER_TOKENS = {"nll": "nll_sum", "accuracy": "correct_sum", "confidence": "confidence_sum"}
Arrays = Mapping[str, np.ndarray]
Path = tuple[str, ...]
Named = tuple[Path, np.ndarray, Score]  # of which measure, sums (blocks, k), score of their totals


def sentence_intervals(run: str, measures: Mapping[str, Any], arrays: Arrays) -> dict[str, Any]:
    """{split: {measure: [low, high]}} of one run, nested as its `measures` are; `arrays` are its sums over blocks."""
    found: dict[str, Any] = {}
    for split in measures:
        own = of_split(arrays, split)
        by_size: dict[int, list[Named]] = {}
        for one in scored(measures[split], own):
            by_size.setdefault(len(one[1]), []).append(one)
        for size, members in by_size.items():
            result = resampled(members, "sentences", run, split, size)
            for (path, _, _), low, high in zip(members, result.low, result.high, strict=True):
                place = found.setdefault(split, {})
                for name in path[:-1]:
                    place = place.setdefault(name, {})
                place[path[-1]] = [float(low), float(high)]
    return found


def resampled(members: Sequence[Named], *names: object) -> Resampled:
    """All measures on the same draws of the same blocks: a draw costs more than a score."""
    tables = [sums.astype(np.float64) for _, sums, _ in members]
    ends = np.cumsum([table.shape[1] for table in tables])[:-1]

    def score(sums: np.ndarray) -> np.ndarray:
        parts = np.split(sums, ends, axis=-1)
        return np.stack([one(part) for (_, _, one), part in zip(members, parts, strict=True)], axis=-1)

    together = Scored(np.concatenate(tables, axis=1)[None], score, 0)
    return contrast([(1.0, together)], *names).resampled


def scored(measures: Mapping[str, Any], arrays: Arrays) -> Iterator[Scored]:
    """Every measure of one split that the kept arrays can score on any sentences."""
    tokens, sentences = arrays["n_tokens"], arrays["n_sentences"]
    for name, column in OVER_TOKENS.items():
        yield (name,), np.stack([arrays[column], tokens], axis=-1), mean_of_sums
    entropies = arrays["entropy_sum"] / log(measures["vocabulary_size"])
    yield ("entropy_normalized",), np.stack([entropies, tokens], axis=-1), mean_of_sums
    yield ("reference_rank",), np.stack([arrays["rank_mean"], sentences], axis=-1), mean_of_sums
    for name in ("bleu", "bleu_as_published"):
        if name in arrays:
            yield (name,), arrays[name], bleu_of_sums
    for name in TYPES:
        if name in arrays:
            yield (name,), np.stack([arrays[name], sentences], axis=-1), mean_of_sums
    if measures.get("temperatures"):
        for path, sums, score in scored_temperatures(arrays):
            yield ("temperatures", *path), sums, score


def scored_temperatures(arrays: Arrays) -> Iterator[Scored]:
    """Measures at the fitted temperatures, and of the model's own output."""
    for place, fit in enumerate(FITS):
        yield ("fits", fit, "ece"), arrays["temperature_fitted_reliability"][:, place], ece_of_sums
        yield ("fits", fit, "bleu"), arrays["temperature_fitted_bleu"][:, place], bleu_of_sums
    own = arrays["own_reliability"]
    if own.any():  # a model that writes nothing has no tokens
        yield ("own", "ece"), own, ece_of_sums
        yield ("own", "confidence"), over_count(own, 1), mean_of_sums
        yield ("own", "accuracy"), over_count(own, 2), mean_of_sums


def over_count(reliability: np.ndarray, part: int) -> np.ndarray:
    """Sums (n, 2) of one of the three parts of a reliability diagram (count, confidence, correct) and of its count."""
    bins = reliability.reshape(len(reliability), 3, -1).sum(axis=-1)
    return bins[:, [part, 0]]
