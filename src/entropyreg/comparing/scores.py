"""The measures that can be compared: of each, the sums over blocks of items and the score of a corpus that has these.

A score is a function of sums over items (`measures.significance`), so any resampled corpus is scored without its text,
tokens or images: BLEU of ten counts, ECE of the 45 sums of a reliability diagram, NLL of the sum and number of tokens.
Whether a split's arrays are of sentences or of images is seen from them; a measure has the same name in both.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from entropyreg.measures.bleu_statistics import bleu_of_sums
from entropyreg.measures.calibration import debiased_ece_of_sums, ece_of_sums
from entropyreg.measures.rouge import TYPES
from entropyreg.measures.significance import Score, mean_of_sums
from entropyreg.measuring.blocks import COUNTS, of_split

Arrays = Mapping[str, np.ndarray]
Take = Callable[[Arrays], np.ndarray]
FITS = ("ece_all", "nll_all")  # in the order of the arrays of fitted temperatures
AT_ONE = {"scaled_ece": "ece", "scaled_bleu": "bleu_at_one"}  # what is set beside a measure at a fitted temperature


class Scored(NamedTuple):
    """Sums (..., B, k), the score of their totals, and how many items they are of."""

    sums: np.ndarray
    score: Score
    n_items: int


class Measure(NamedTuple):
    """How the arrays of a split give a measure; `array` is the one whose items are counted."""

    take: Take
    score: Score
    array: str = "n_sentences"


def over(name: str, count: str) -> Take:
    """A sum, and what it is divided by for a mean."""
    return lambda arrays: np.stack([arrays[name], arrays[count]], axis=-1)


def table(name: str) -> Measure:
    """An array of a split as it is."""
    score = bleu_of_sums if "bleu" in name else ece_of_sums
    return Measure(lambda arrays: arrays[name], score, name)


def at_one(name: str, score: Score) -> Measure:
    """Of an array over the temperatures, that at 1."""
    return Measure(lambda arrays: arrays[name][..., place_of_one(arrays["temperatures"]), :], score, name)


def fitted(name: str, fit: str, score: Score) -> Measure:
    """Of an array over the fitted temperatures, that of least validation ECE or NLL."""
    return Measure(lambda arrays: arrays[name][..., FITS.index(fit), :], score, name)


def nll_at_one(arrays: Arrays) -> np.ndarray:
    place = place_of_one(arrays["temperatures"])
    return np.stack([arrays["temperature_nll"][..., place], arrays["temperature_tokens"]], axis=-1)


def hits_of_bins(arrays: Arrays) -> np.ndarray:
    count, _, hits = (part.sum(axis=-1) for part in np.split(arrays["reliability"], 3, axis=-1))
    return np.stack([hits, count], axis=-1)


def nll_of_images(arrays: Arrays) -> np.ndarray:
    return np.stack([arrays["nll"], hits_of_bins(arrays)[..., 1]], axis=-1)


SENTENCES = {
    "bleu": table("bleu"),
    "bleu_as_published": table("bleu_as_published"),
    **{name: Measure(over(name, "n_sentences"), mean_of_sums) for name in TYPES},
    "nll": Measure(over("nll_sum", "n_tokens"), mean_of_sums),
    "accuracy": Measure(over("correct_sum", "n_tokens"), mean_of_sums),
    "confidence": Measure(over("confidence_sum", "n_tokens"), mean_of_sums),
    "entropy": Measure(over("entropy_sum", "n_tokens"), mean_of_sums),
    "rank": Measure(over("rank_sum", "n_tokens"), mean_of_sums),
    "nll_at_one": Measure(nll_at_one, mean_of_sums, "temperature_nll"),
    "bleu_at_one": at_one("temperature_bleu", bleu_of_sums),
    "scaled_bleu": fitted("temperature_fitted_bleu", "ece_all", bleu_of_sums),
    "ece": at_one("temperature_reliability", ece_of_sums),
    "debiased_ece": at_one("temperature_reliability", debiased_ece_of_sums),
    "scaled_ece": fitted("temperature_fitted_reliability", "ece_all", ece_of_sums),
    "held_out_ece": table("held_out_reliability"),  # half of the sentences at the temperature fitted on the others
    "ece_own": table("own_reliability"),  # on the model's own output, without the ends of sentences
    "ece_gold": table("gold_reliability"),  # the same sentences under the gold prefix
}
IMAGES = {
    "accuracy": Measure(hits_of_bins, mean_of_sums),
    "nll": Measure(nll_of_images, mean_of_sums),
    "ece": Measure(lambda arrays: arrays["reliability"], ece_of_sums),
    "debiased_ece": Measure(lambda arrays: arrays["reliability"], debiased_ece_of_sums),
    "scaled_ece": Measure(lambda arrays: arrays["scaled_reliability"], ece_of_sums),
}


MEASURES = tuple(dict.fromkeys([*SENTENCES, *IMAGES]))
CURVES = ("bleu", "ece", "nll")


def place_of_one(temperatures: np.ndarray) -> int:
    """Where temperature 1 stands; raises KeyError without it."""
    places = np.flatnonzero(temperatures == 1)
    if not places.size:
        raise KeyError("temperature 1")
    return int(places[0])


def needs_temperatures(measure: str | None) -> bool:
    """Whether a measure of sentences is known only where they were predicted at several temperatures."""
    return measure in SENTENCES and SENTENCES[measure].array in COUNTS


def scored(arrays: Arrays, split: str, measure: str) -> Scored | None:
    """A measure of one run, of images (S, B, k); None where what it is computed from was not kept."""
    return scored_of_split(of_split(arrays, split), measure)


def scored_of_split(own: Arrays, measure: str) -> Scored | None:
    """As `scored`, of the arrays of one split by their names; of several seeds too, (S, B, ...)."""
    images = "reliability" in own
    known = (IMAGES if images else SENTENCES).get(measure)
    if known is None:
        return None
    try:
        sums = known.take(own).astype(np.float64)
        counted = hits_of_bins(own)[..., 1] if images else own[COUNTS.get(known.array, "n_sentences")]
    except KeyError:
        return None
    return Scored(sums, known.score, int(counted.reshape(-1, counted.shape[-1])[0].sum()))


def curve(own: Arrays, quantity: str) -> Scored:
    """One of `CURVES` at every temperature: sums (..., B, k), and the score that maps their totals to (..., G)."""
    if quantity == "nll":
        tokens = own["temperature_tokens"][..., None].astype(np.float64)
        sums, score = np.concatenate([own["temperature_nll"], tokens], axis=-1), of_points
    else:
        values = own[{"bleu": "temperature_bleu", "ece": "temperature_reliability"}[quantity]]
        sums, one = values.reshape(*values.shape[:-2], -1), {"bleu": bleu_of_sums, "ece": ece_of_sums}[quantity]

        def score(totals: np.ndarray) -> np.ndarray:
            return one(totals.reshape(*totals.shape[:-1], *values.shape[-2:]))

    counted = own["n_decoded" if quantity == "bleu" else "n_calibrated"]
    return Scored(sums, score, int(counted.reshape(-1, counted.shape[-1])[0].sum()))


def of_points(sums: np.ndarray) -> np.ndarray:
    """NLL a token at each temperature; the last column counts tokens."""
    return sums[..., :-1] / sums[..., -1:]
