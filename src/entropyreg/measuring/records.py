"""Measures one run: reads its predictions, makes its rows and sums over blocks of sentences. No torch, no fairseq.

Memory: some ten thousand tokens at a time; only the sweeps over beam sizes and temperatures are held as a whole.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.data.subwords import FOLDER
from entropyreg.experiments.regularizer import smoothing_of
from entropyreg.io.columns import Column, Rows, StoredColumns
from entropyreg.io.errors import UserError, blaming
from entropyreg.io.files import read_json, read_npz
from entropyreg.io.predicted_files import verify_sums
from entropyreg.io.trained_weights import read_training
from entropyreg.measures import in_blocks
from entropyreg.measures.entropy import normalized_entropy
from entropyreg.measures.sparsity import threshold_names
from entropyreg.measuring.blocks import block_sizes, block_sums
from entropyreg.measuring.hypotheses import read_hypotheses, read_sweep, read_texts
from entropyreg.measuring.text_quality import read_lines, score_texts

CONFIDENCE_BINS = 20
BY_TOKEN = ("sentence", "nll", "entropy", "entropy_without_filler", "confidence", "correct", "rank", "share")
SUMMED = ("nll", "entropy", "confidence", "correct", "rank")
KEPT = ("run", "task", "model", "seed", "metric", "lowercase", "selection", "training", "decoding")


def measure_run(
    settings: Mapping[str, Any], run_dir: Path, text_dir: Path, claims_sha256: str
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The record of a run (deterministic content only) and, by '<split>.<name>', sums over blocks of sentences.

    `settings`: `entropyreg.config.settings.measuring_settings`. `text_dir` holds the prepared text and its references.
    """
    training = read_training(run_dir, settings["run"])
    with blaming(run_dir / "training.json"):
        trained = {key: training[key] for key in ("regularizer", "updates", "weights_sha256")}
        regularizer = trained["regularizer"]
        smoothing = smoothing_of(regularizer["skew"], regularizer["strength"])
        trained["regularizer"] = {**regularizer, "smoothing": smoothing}
        if "left_out" in training:  # pairs that were too long for the model
            trained["left_out"] = training["left_out"]
    measures, blocks = {}, {}
    for what in predicted(settings):
        verify_sums(run_dir, settings["run"], what)
    for split in settings["splits"]:
        measures[split], statistics = measure_split(settings, run_dir, text_dir, split)
        blocks |= {f"{split}.{name}": block_sums(values) for name, values in statistics.items()}
        blocks[f"{split}.n_sentences"] = block_sizes(measures[split]["n_sentences"])
    if settings["beam_sizes"]:
        measures["valid"]["beam_sizes"] = measure_beams(settings, run_dir, text_dir)
    for split in settings["temperature_splits"]:
        further, arrays = measure_temperatures(settings, run_dir, text_dir, split)
        measures[split] |= further
        grid = arrays.pop("temperatures")
        blocks |= {f"{split}.{name}": block_sums(values) for name, values in arrays.items()}
        blocks[f"{split}.temperatures"] = grid
    record = {
        **{key: settings[key] for key in KEPT},
        **trained,
        "data": read_json(text_dir / "summary.json"),
        "claims_sha256": claims_sha256,
        "measures": measures,
    }
    return record, blocks


def predicted(settings: Mapping[str, Any]) -> list[str]:
    """The predictions that must exist for the run."""
    sweeps = ["valid.beams"] if settings["beam_sizes"] else []
    return [*settings["splits"], *sweeps, *(f"{split}.temperatures" for split in settings["temperature_splits"])]


def measure_split(
    settings: Mapping[str, Any], run_dir: Path, text_dir: Path, split: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """All measures of one split: teacher-forced statistics and the quality of the hypotheses."""
    path, tokens, own = (
        run_dir / "predictions" / f"{split}.{part}" for part in ("hypotheses.tsv", "tokens.npz", "own.npz")
    )
    hypotheses = read_hypotheses(path)
    quality, statistics = score_texts(settings, hypotheses, read_texts(settings, text_dir, split), str(path))
    with blaming(own):
        of_own = measure_own(StoredColumns(own))
    with blaming(tokens):
        of_tokens, sums = measure_tokens(StoredColumns(tokens), of_own, len(hypotheses))
    return {"n_sentences": len(hypotheses), **of_tokens, **quality}, statistics | sums


def measure_own(own: StoredColumns) -> dict[str, Any]:
    """Means under the model's own prefix, and the entropy (nats) within the beam."""
    means = {name: np.float64(in_blocks.mean(own[name])) for name in ("entropy", "confidence")}
    return {**means, "beam": np.asarray(own["beam_entropy"])}


def measure_tokens(
    tokens: StoredColumns, own: Mapping[str, Any], n_sentences: int
) -> tuple[dict[str, Any], dict[str, Column]]:
    """Teacher-forced measures, those of `measure_own` beside them, and sums over each of `n_sentences` sentences."""
    by_token = {name: tokens[name] for name in BY_TOKEN}
    if len({column.shape[:1] for column in by_token.values()}) > 1:
        raise UserError(
            f"{tokens} does not hold what is read from it (its columns differ in length): delete it and run again."
        )
    vocabulary, filler = int(np.asarray(tokens["vocabulary_size"])), int(np.asarray(tokens["filler_entries"]))
    thresholds = {name: np.asarray(tokens[name]) for name in ("log_thresholds", "floor_factors")}
    means = {name: in_blocks.mean(by_token[name]) for name in BY_TOKEN[1:6]}
    entropies = {name: np.float64(means[name]) for name in ("entropy", "entropy_without_filler")}
    shares = in_blocks.mean_rows(by_token["share"])
    sums, errors = sentence_sums(by_token, shares, str(tokens))
    if len(sums["n_tokens"]) != n_sentences:
        raise UserError(f"{tokens} has {len(sums['n_tokens'])} sentences, not {n_sentences}: delete it and run again.")
    measures = {
        "n_tokens": by_token["nll"].shape[0],
        "vocabulary_size": vocabulary,
        "filler_entries": filler,
        "nll": means["nll"],
        "accuracy": means["correct"],
        "confidence": means["confidence"],
        "confidence_histogram": in_blocks.histogram(by_token["confidence"], CONFIDENCE_BINS, (0, 1)).tolist(),
        "entropy_normalized": normalized_entropy(entropies["entropy"], vocabulary),
        "entropy_normalized_without_filler": normalized_entropy(
            entropies["entropy_without_filler"], vocabulary - filler
        ),
        "entropy_normalized_own_prefix": normalized_entropy(own["entropy"], vocabulary),
        "entropy_normalized_beam": normalized_entropy(own["beam"], vocabulary),
        "entropy_spread": in_blocks.standard_deviation(by_token["entropy"]) / math.log(vocabulary),
        "own_confidence": float(own["confidence"]),
        "log_floor": log_floor(thresholds),
        "log_rest": log_rest(by_token["nll"], vocabulary),
        **named_shares(threshold_names(**thresholds), shares, errors),
        "reference_rank": in_blocks.mean_of(lambda ranks: ranks, sums["rank_mean"]),
    }
    return measures, sums


def log_floor(thresholds: Mapping[str, np.ndarray]) -> float | None:
    """Natural logarithm of the equilibrium's floor, from the thresholds that are multiples of it."""
    factors = thresholds["floor_factors"]
    if not len(factors):
        return None
    return float(thresholds["log_thresholds"][-len(factors)] - np.log(factors[0]))


def log_rest(nll: Rows, vocabulary_size: int) -> float:
    """log of the mean probability of a word that is not the target, (1 - p_y) / (V - 1): the measured floor."""
    rest = in_blocks.mean_of(lambda values: -np.expm1(-values.astype(np.float64)), nll)
    return float(np.log(rest / (vocabulary_size - 1)))


def named_shares(names: list[str], shares: np.ndarray, errors: np.ndarray) -> dict[str, float]:
    """Mean shares of the vocabulary by threshold, each with its standard error."""
    values = dict(zip(names, map(float, shares), strict=True))
    return values | {f"{name}_standard_error": float(one) for name, one in zip(names, errors, strict=True)}


def sentence_sums(tokens: Mapping[str, Rows], shares: np.ndarray, place: str) -> tuple[dict[str, Column], np.ndarray]:
    """Sums over the tokens of each sentence, and their number, which intervals of token measures resample.

    Also returns the standard errors of the mean `shares`, with sentences as the sampling unit:

        mean = sum_i s_i / sum_i n_i,    SE^2 = m / (m - 1) * sum_i (s_i - mean * n_i)^2 / (sum_i n_i)^2

    with s_i the sum and n_i the number of tokens of sentence i of m (the linearised ratio estimator: Cochran, Sampling
    Techniques, 1977, ch. 6). Limits: with one token a sentence it is the usual standard error of a mean.
    """
    sums = {f"{name}_sum": Column(np.float64) for name in SUMMED} | {"n_tokens": Column(np.int64)}
    ranks = Column(np.float64)  # the mean rank of each sentence
    squares = np.zeros_like(shares)
    wanted = {name: tokens[name] for name in ("sentence", "share", *SUMMED)}
    for block in in_blocks.whole_sentences(wanted, place):
        residuals = (block["share"].astype(np.float64) - shares).T
        found = in_blocks.per_sentence(block["sentence"], [*(block[name] for name in SUMMED), *residuals])
        for column, values in zip(sums.values(), [*found[: len(SUMMED)], found[-1]], strict=True):
            column.append(values)
        ranks.append(found[SUMMED.index("rank")] / found[-1])
        squares = in_blocks.added(squares, np.stack(found[len(SUMMED) : -1], axis=1) ** 2)
    n_sentences, n_tokens = len(sums["n_tokens"]), tokens["sentence"].shape[0]
    if n_sentences < 2:
        raise ValueError(f"a standard error over sentences needs at least 2 of them; got {n_sentences}.")
    return sums | {"rank_mean": ranks}, np.sqrt(n_sentences / (n_sentences - 1) * squares) / n_tokens


def measure_beams(settings: Mapping[str, Any], run_dir: Path, text_dir: Path) -> dict[str, Any]:
    """Quality of the validation hypotheses for each beam size, on the sentences that were decoded."""
    path, measures = run_dir / "predictions" / "valid.beams.tsv", {}
    hypotheses = read_sweep(path)
    texts = read_texts(settings, text_dir, "valid").first(settings["sweep_sentences"]["beam_sizes"])
    for beam in settings["beam_sizes"]:
        found = hypotheses.get(str(beam), [])
        quality, _ = score_texts(settings, found, texts, f"{path}, beam size {beam}")
        measures[str(beam)] = {"n_sentences": len(found), **quality}
    return measures


def measure_temperatures(
    settings: Mapping[str, Any], run_dir: Path, text_dir: Path, split: str
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Measures of a split at several temperatures, and arrays with a row a sentence; of validation the projection too.

    Every choice is made on validation.
    """
    from entropyreg.measuring.projection_measures import projection_measures
    from entropyreg.measuring.temperature_measures import temperature_measures

    folder, first = run_dir / "predictions", settings["sweep_sentences"]["temperatures"]
    texts = read_texts(settings, text_dir, split).first(first)
    target = settings["training"]["languages"]["target"]
    references = read_lines(text_dir / FOLDER / f"{split}.{target}")[:first]
    path = folder / f"{split}.temperatures.tsv"
    statistics, further = path.with_suffix(".npz"), {}
    columns = read_npz(statistics)
    chosen_on = None if split == "valid" else read_npz(folder / "valid.temperatures.npz")
    with blaming(statistics):
        measures, arrays = temperature_measures(
            settings, columns, read_sweep(path), texts, references, str(path), chosen_on
        )
    if split == "valid":
        with blaming(folder / "features.npz"):
            further = projection_measures(settings, read_npz(folder / "features.npz"))
    return {"temperatures": measures, **further}, arrays
