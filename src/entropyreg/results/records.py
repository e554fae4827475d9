"""Measure one run: predictions in, `record.json` and the statistics of its sentences out. No torch, no fairseq."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.data.subwords import FOLDER
from entropyreg.errors import UserError
from entropyreg.experiments.regularizer import smoothing_of
from entropyreg.files import read_json, read_npz
from entropyreg.measures.entropy import entropy_spread, normalized_entropy
from entropyreg.measures.reference_rank import mean_reference_rank
from entropyreg.measures.sparsity import shares_below, threshold_names
from entropyreg.results.text_quality import Texts, read_lines, score_texts

CONFIDENCE_BINS = 20
KEPT = ("run", "task", "model", "seed", "metric", "lowercase", "selection", "training", "decoding")


def measure_run(
    settings: Mapping[str, Any], run_dir: Path, text_dir: Path, claims_sha256: str
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The record of a run (deterministic content only) and, by '<split>.<name>', arrays with one row a sentence.

    `settings` is `entropyreg.settings.measuring_settings`; `text_dir` holds the prepared text with its references.
    """
    training = read_json(run_dir / "training.json")
    regularizer = training["regularizer"]
    measures, sentences = {}, {}
    for split in settings["splits"]:
        measures[split], statistics = measure_split(settings, run_dir, text_dir, split)
        sentences |= {f"{split}.{name}": values for name, values in statistics.items()}
    if settings["beam_sizes"]:
        measures["valid"]["beam_sizes"] = measure_beams(settings, run_dir, text_dir)
    for split in settings["temperature_splits"]:
        further, arrays = measure_temperatures(settings, run_dir, text_dir, split)
        measures[split] |= further
        sentences |= {f"{split}.{name}": values for name, values in arrays.items()}
    record = {
        **{key: settings[key] for key in KEPT},
        "regularizer": {**regularizer, "smoothing": smoothing_of(regularizer["skew"], regularizer["strength"])},
        "updates": training["updates"],
        "weights_sha256": training["weights_sha256"],
        "data": read_json(text_dir / "summary.json"),
        "claims_sha256": claims_sha256,
        "measures": measures,
    }
    return record, sentences


def measure_split(
    settings: Mapping[str, Any], run_dir: Path, text_dir: Path, split: str
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """All measures of one split: teacher-forced statistics and the quality of the hypotheses."""
    tokens = read_npz(run_dir / "predictions" / f"{split}.tokens.npz")
    own = read_npz(run_dir / "predictions" / f"{split}.own.npz")
    hypotheses = [line[-1] for line in read_hypotheses(run_dir / "predictions" / f"{split}.hypotheses.tsv", 3)]
    quality, statistics = score_texts(
        settings, hypotheses, read_texts(settings, text_dir, split), f"{run_dir}: {split}"
    )
    vocabulary, filler = int(tokens["vocabulary_size"]), int(tokens["filler_entries"])
    names = threshold_names(tokens["log_thresholds"], tokens["floor_factors"])
    histogram, _ = np.histogram(tokens["confidence"], bins=CONFIDENCE_BINS, range=(0, 1))
    measures = {
        "n_sentences": len(hypotheses),
        "n_tokens": int(tokens["nll"].size),
        "vocabulary_size": vocabulary,
        "filler_entries": filler,
        "nll": float(np.mean(tokens["nll"], dtype=np.float64)),
        "accuracy": float(np.mean(tokens["correct"], dtype=np.float64)),
        "confidence": float(np.mean(tokens["confidence"], dtype=np.float64)),
        "confidence_histogram": histogram.tolist(),
        "entropy_normalized": normalized_entropy(tokens["entropy"], vocabulary),
        "entropy_normalized_without_filler": normalized_entropy(tokens["entropy_without_filler"], vocabulary - filler),
        "entropy_normalized_own_prefix": normalized_entropy(own["entropy"], vocabulary),
        "entropy_normalized_beam": normalized_entropy(own["beam_entropy"], vocabulary),
        "entropy_spread": entropy_spread(tokens["entropy"], vocabulary),
        "own_confidence": float(np.mean(own["confidence"], dtype=np.float64)),
        "log_floor": log_floor(tokens),
        "log_rest": log_rest(tokens["nll"], vocabulary),
        **shares_below(tokens["share"], tokens["sentence"], names),
        "reference_rank": mean_reference_rank(tokens["rank"], tokens["sentence"]),
        **quality,
    }
    return measures, statistics | sentence_sums(tokens)


def log_floor(tokens: Mapping[str, np.ndarray]) -> float | None:
    """Natural logarithm of the equilibrium's floor, from the thresholds that are multiples of it."""
    factors = tokens["floor_factors"]
    if not len(factors):
        return None
    return float(tokens["log_thresholds"][-len(factors)] - np.log(factors[0]))


def log_rest(nll: np.ndarray, vocabulary_size: int) -> float:
    """log of the mean probability of a word that is not the target, (1 - p_y) / (V - 1): the floor as measured."""
    rest = -np.expm1(-nll.astype(np.float64))
    return float(np.log(rest.mean() / (vocabulary_size - 1)))


def sentence_sums(tokens: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Sums over the tokens of each sentence, and their number: what intervals of token measures resample."""
    numbers, index = np.unique(tokens["sentence"], return_inverse=True)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(index, weights=values.astype(np.float64), minlength=numbers.size)

    sums = {f"{name}_sum": total(tokens[name]) for name in ("nll", "entropy", "confidence", "correct", "rank")}
    return sums | {"n_tokens": np.bincount(index, minlength=numbers.size)}


def measure_beams(settings: Mapping[str, Any], run_dir: Path, text_dir: Path) -> dict[str, Any]:
    """Quality of the validation hypotheses for each beam size, on the sentences that were decoded."""
    lines = read_hypotheses(run_dir / "predictions" / "valid.beams.tsv", 4)
    texts, measures = read_texts(settings, text_dir, "valid"), {}
    for beam in settings["beam_sizes"]:
        found = [line[-1] for line in lines if line[0] == str(beam)]
        quality, _ = score_texts(settings, found, texts.first(len(found)), f"{run_dir}: beam {beam}")
        measures[str(beam)] = {"n_sentences": len(found), **quality}
    return measures


def measure_temperatures(
    settings: Mapping[str, Any], run_dir: Path, text_dir: Path, split: str
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Measures of a split at several temperatures, and arrays with a row a sentence; of validation the projection too.

    What is chosen, is chosen on validation.
    """
    from entropyreg.results.projection_measures import projection_measures
    from entropyreg.results.temperature_measures import temperature_measures

    folder, texts = run_dir / "predictions", read_texts(settings, text_dir, split)
    target = settings["training"]["languages"]["target"]
    references = read_lines(text_dir / FOLDER / f"{split}.{target}")
    found: dict[str, list[str]] = {}
    for line in read_hypotheses(folder / f"{split}.temperatures.tsv", 4):
        found.setdefault(line[0], []).append(line[-1])
    columns = read_npz(folder / f"{split}.temperatures.npz")
    chosen_on = None if split == "valid" else read_npz(folder / "valid.temperatures.npz")
    place = f"{run_dir}: {split}, temperatures"
    measures, arrays = temperature_measures(settings, columns, found, texts, references, place, chosen_on)
    further = projection_measures(settings, read_npz(folder / "features.npz")) if split == "valid" else {}
    return {"temperatures": measures, **further}, arrays


def read_texts(settings: Mapping[str, Any], text_dir: Path, split: str) -> Texts:
    """The references of a split, untouched and tokenised."""
    target = settings["training"]["languages"]["target"]
    references, tokenized = (read_lines(text_dir / f"{split}.{part}") for part in ("reference", target))
    return Texts(references, tokenized, text_dir)


def read_hypotheses(path: Path, columns: int) -> list[list[str]]:
    """The columns of every line of a table of hypotheses; the sentence's number is the third from the end."""
    rows = [line.split("\t") for line in read_lines(path)]
    number = -1
    for row in rows:
        if len(row) != columns or row[-3] not in (str(number + 1), "0"):
            raise UserError(f"{path} is damaged: delete it and run again.")
        number = int(row[-3])
    return rows
