"""What a run's predictions at several temperatures say: BLEU, calibration and NLL, and the temperatures that fit best.

    temperatures of least ECE and of least NLL, chosen on all tokens (as Müller et al. 2019 seem to) or on a random half
    of the sentences and reported on the other; calibration of the model's own output (Wang et al. 2020)

Shares lie in [0, 1], NLL is in nats. Arrays have one row a sentence: of the calibration sentences (C), or of those that
were decoded (S); G temperatures are decoded, sums of a reliability diagram are 3 * 15 numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from entropyreg.io.errors import UserError
from entropyreg.measures import calibration as calibrations
from entropyreg.measures.edit_alignment import right_words
from entropyreg.measures.temperature import CRITERIA, best_on_grid, half_of_groups, temperature_label
from entropyreg.measuring.text_quality import Texts, score_texts

N_SIMULATIONS = 1000
N_BINS = 15
Columns = Mapping[str, np.ndarray]


def temperature_measures(
    settings: Mapping[str, Any],
    columns: Columns,
    hypotheses: Mapping[str, Sequence[str]],
    texts: Texts,
    references: Sequence[str],
    place: str,
    chosen_on: Columns | None = None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Measures and arrays of a run; `columns` are those of `<split>.temperatures.npz`.

    `chosen_on` are those of validation for the test split, on which no temperature is chosen. `hypotheses` are the
    decoded sentences in subwords by temperature (`temperature_label`), `texts` and `references` (in subwords) their
    targets. Raises `UserError` naming `place`, their file, for a temperature that was not predicted or of which not
    every sentence was decoded.
    """
    wanted = list(settings["temperatures"])
    rows = rows_of(columns["temperatures"], wanted, place)
    fits, chosen = fit_all(columns) if chosen_on is None else refit(columns, chosen_on)
    labels = [temperature_label(one) for one in (*wanted, *(fits[f"{name}_all"]["temperature"] for name in CRITERIA))]
    scored = {label: scores(settings, hypotheses, label, texts, place) for label in dict.fromkeys(labels)}
    for name, label in zip(CRITERIA, labels[len(wanted) :], strict=True):
        fits[f"{name}_all"]["bleu"] = scored[label][0]["bleu"]
    shown = [scored[label][0] for label in labels[: len(wanted)]]
    statistics = np.stack([scored[label][1] for label in labels], axis=1)  # (S, G + 2, 10)
    one = rows[wanted.index(1)]
    own, own_sums = own_output(columns, hypotheses[temperature_label(1)], references)
    measures = {
        "n_sentences": len(texts.references),
        "beam": settings["decoding"]["valid" if chosen_on is None else "test"]["beam"],
        "temperatures": [float(temperature) for temperature in wanted],
        **{key: [part[key] for part in shown] for key in ("bleu", "bleu_as_published")},
        **{f"{key}_signature": shown[0][f"{key}_signature"] for key in ("bleu", "bleu_as_published")},
        "n_tokens": int(columns["correct"].size),
        "n_calibration_sentences": int(columns["sentence"].max()) + 1,
        **{name: [error(columns, row)[name] for row in rows] for name in ("ece", "nll")},
        "reliability": diagram(columns, one),
        "reliability_scaled": diagram(columns, row_at(columns, fits["ece_all"]["temperature"])),
        **further_errors(columns, one),
        "fits": fits,
        "own": own,
    }
    arrays = {
        "temperature_bleu": statistics[:, : len(wanted)],  # (S, G, 10)
        "temperature_fitted_bleu": statistics[:, len(wanted) :],  # (S, 2, 10)
        **sentence_sums(columns, rows, fits, chosen),
        "temperatures": np.array(wanted, np.float64),  # (G,): not of sentences, but what the G of the others are
        "own_reliability": own_sums,
    }
    return measures, arrays


def rows_of(grid: np.ndarray, wanted: Sequence[float], place: str) -> list[int]:
    """Where in the rising `grid` each of the `wanted` temperatures stands."""
    if not np.isin(wanted, grid).all():
        raise UserError(f"{place}: other temperatures were predicted: delete it and run again.")
    return np.searchsorted(grid, wanted).tolist()


def row_at(columns: Columns, temperature: float) -> int:
    return int(np.searchsorted(columns["temperatures"], temperature))


def error(columns: Columns, row: int, kept: np.ndarray | None = None) -> dict[str, float]:
    """ECE and mean NLL of the tokens at one temperature, or of those `kept` (N,)."""
    kept = slice(None) if kept is None else kept
    records = columns["confidence"][row][kept], columns["correct"][kept]
    nll = np.mean(columns["nll"][row][kept], dtype=np.float64)
    return {"ece": calibrations.expected_calibration_error(*records, N_BINS), "nll": float(nll)}


def further_errors(columns: Columns, row: int) -> dict[str, float]:
    """Other calibration errors, and the ECE that a calibrated model of this size and confidence would show."""
    confidence, correct = columns["confidence"][row], columns["correct"]
    generator = np.random.default_rng(list(b"calibrated_ece|translation"))
    chance = calibrations.calibrated_ece(confidence, generator, N_BINS, N_SIMULATIONS)
    return {
        "debiased_ece": calibrations.debiased_ece(confidence, correct, N_BINS),
        "smooth_ece": calibrations.smooth_ece(confidence, correct),
        "calibrated_ece": chance.mean,
        "calibrated_ece_upper": chance.upper,
    }


def fit_all(columns: Columns) -> tuple[dict[str, dict[str, Any]], np.ndarray]:
    """The four fits, and the mask (N,) of the half of the tokens, by sentence, that two of them were chosen on."""
    chosen = half_of_groups(columns["sentence"], np.random.default_rng(list(b"temperature|half")))
    fits: dict[str, dict[str, Any]] = {}
    for criterion in CRITERIA:
        for name, kept in (("all", np.ones_like(chosen)), ("half", chosen)):
            records = columns["nll"][:, kept], columns["confidence"][:, kept], columns["correct"][kept]
            fit = best_on_grid(columns["temperatures"], *records, criterion, N_BINS)
            row = row_at(columns, fit.temperature)
            entry = {"temperature": fit.temperature, "at_bound": fit.at_bound, **error(columns, row, kept)}
            if name == "half":
                entry |= {f"held_out_{key}": value for key, value in error(columns, row, ~chosen).items()}
            fits[f"{criterion}_{name}"] = entry
    return fits, chosen


def refit(columns: Columns, chosen_on: Columns) -> tuple[dict[str, dict[str, Any]], np.ndarray]:
    """The temperatures that validation chose, with the errors of these tokens, none of which chose anything."""
    fits, _ = fit_all(chosen_on)
    for name, entry in fits.items():
        found = error(columns, row_at(columns, entry["temperature"]))
        held_out = {f"held_out_{key}": value for key, value in found.items()} if name.endswith("half") else {}
        fits[name] = {key: entry[key] for key in ("temperature", "at_bound")} | found | held_out
    return fits, np.zeros_like(columns["correct"])


def scores(
    settings: Mapping[str, Any], hypotheses: Mapping[str, Sequence[str]], label: str, texts: Texts, place: str
) -> tuple[dict[str, Any], np.ndarray]:
    """BLEU of what was decoded at one temperature, and its statistics of sentences (S, 10)."""
    if label not in hypotheses:
        raise UserError(f"{place}: nothing was decoded at temperature {label}: delete it and run again.")
    found = hypotheses[label]
    quality, statistics = score_texts(settings, found, texts, f"{place}, temperature {label}")
    return quality, statistics["bleu"]


def diagram(columns: Columns, row: int) -> dict[str, list]:
    return bars(calibrations.reliability_sums(columns["confidence"][row], columns["correct"], None, N_BINS)[0])


def bars(sums: np.ndarray) -> dict[str, list]:
    """Counts, mean confidences and accuracies of the bins of one sum (45,); None where a bin is empty."""
    count, confidence, correct = (part.tolist() for part in np.split(sums, 3))
    return {
        "count": [int(n) for n in count],
        "confidence": [total / n if n else None for total, n in zip(confidence, count, strict=True)],
        "accuracy": [total / n if n else None for total, n in zip(correct, count, strict=True)],
    }


def sentence_sums(
    columns: Columns, rows: Sequence[int], fits: Mapping[str, Mapping[str, Any]], chosen: np.ndarray
) -> dict[str, np.ndarray]:
    """Sums of each calibration sentence, from which any resampled corpus is scored.

    `held_out`: of the sentences of the other half, at temperature 1 and at the one of least ECE of the first; zero for
    the sentences of the first. `gold_reliability`: at 1 without the ends of sentences, to compare with own output.
    """
    sentence, correct = columns["sentence"], columns["correct"]
    fitted = [row_at(columns, fits[f"{name}_all"]["temperature"]) for name in CRITERIA]
    one, half = row_at(columns, 1.0), row_at(columns, fits["ece_half"]["temperature"])
    last = np.append(np.diff(sentence) != 0, True)

    def reliability(places: Sequence[int], kept: np.ndarray) -> np.ndarray:
        parts = [grouped(columns["confidence"][row], correct, sentence, kept) for row in places]
        return np.stack(parts, axis=1)  # (C, temperatures, 45)

    everything = np.ones_like(chosen)
    nll = [np.bincount(sentence, columns["nll"][row].astype(np.float64)) for row in rows]
    return {
        "temperature_reliability": reliability(rows, everything),
        "temperature_fitted_reliability": reliability(fitted, everything),
        "temperature_held_out_reliability": reliability([one, half], ~chosen),
        "temperature_nll": np.stack(nll, axis=1),  # (C, G)
        "temperature_tokens": np.bincount(sentence),
        "gold_reliability": reliability([one], ~last)[:, 0],
    }


def grouped(confidence: np.ndarray, correct: np.ndarray, sentence: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Sums (sentences, 45) of the records that are `kept`; zeros for a sentence without any."""
    sums = np.zeros((int(sentence.max()) + 1, 3 * N_BINS))
    if kept.any():
        found = calibrations.reliability_sums(confidence[kept], correct[kept], sentence[kept], N_BINS)
        sums[: len(found)] = found
    return sums


def own_output(
    columns: Columns, hypotheses: Sequence[str], references: Sequence[str]
) -> tuple[dict[str, Any], np.ndarray]:
    """Calibration of the model's own tokens at T = 1, without the ends of sentences, and its sums (S, 45).

    The confidence is the probability of the token that was written, which a beam search may have taken although it was
    not the most probable one; it is right where TER aligns it with an equal token of the reference.
    """
    row = int(np.searchsorted(columns["own_temperatures"], 1.0))
    sentence = columns["own_sentence"]
    kept = ~np.append(np.diff(sentence) != 0, True)
    confidence = np.clip(np.exp(-columns["own_nll"][row].astype(np.float64)), 0, 1)
    right = [right_words(one.split(), other.split()) for one, other in zip(hypotheses, references, strict=True)]
    correct = np.zeros_like(kept)
    correct[kept] = np.concatenate(right)
    sums = grouped(confidence, correct, sentence, kept)
    total = sums.sum(axis=0)
    n_tokens = int(kept.sum())
    return {
        "n_tokens": n_tokens,
        "accuracy": float(correct[kept].mean()) if n_tokens else None,
        "confidence": float(confidence[kept].mean()) if n_tokens else None,
        "ece": float(calibrations.ece_of_sums(total)) if n_tokens else None,
        "reliability": bars(total),
    }, sums
