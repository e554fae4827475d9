"""`entropyreg compare RUN RUN`: two runs' measures side by side, with paired bootstrap intervals where they can be had.

Pairs are sentences (or images) of one split, of one training each: an interval is about these two models, not about
what another seed would give.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.comparing.image_comparisons import BINNED, MEANS, arm_statistics
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json, read_npz
from entropyreg.io.text_table import aligned
from entropyreg.measures.bleu_statistics import bleu_of_sums
from entropyreg.measures.significance import Score, mean_of_sums, paired_bootstrap
from entropyreg.measuring.tidy_records import DECLARED, lines_of, record_paths, short_number

N_REPLICATES = 2000
SENTENCE_SUMS = {"nll": "nll_sum", "accuracy": "correct_sum", "confidence": "confidence_sum"}  # over n_tokens
IMAGE_MEASURES = {  # column of the records: metric of `image_comparisons`
    **{"accuracy": "accuracy", "nll": "nll", "calibration.nll": "nll"},
    **{"calibration.ece": "ece", "calibration.debiased_ece": "debiased_ece"},
}
SCORES = ("bleu", "bleu_as_published", "rouge1", "rouge2", "rouge_l")


def compare_runs(results: Path, first: str, second: str) -> str:
    """A table: measure, first, second, difference (second minus first) and its 95 % interval.

    `results` is the scale's folder; a run is its id, as under `<results>/runs/`. Raises `UserError` for a run without
    a record, and for two of different tasks.
    """
    found = [lines_of(record_path(results, run)) for run in (first, second)]
    tasks = [own[0]["task"] if own else None for own in found]
    if tasks[0] != tasks[1]:
        raise UserError(f"the runs are of different tasks, '{tasks[0]}' and '{tasks[1]}': nothing can be paired.")
    lines = [{(line["seed"], line["split"]): line for line in own} for own in found]
    text = [f"first:  {first}", f"second: {second}"]
    for own, other in pairs(*lines):
        text += ["", heading(own, other), *table(results, (first, second), own, other)]
    if len(text) == 2:
        raise UserError("the two runs have no seed or split in common that could be compared.")
    return "\n".join(text) + "\n"


def record_path(results: Path, run: str) -> Path:
    path = results / "runs" / run / "record.json"
    if not path.exists():
        runs = results / "runs"
        known = [str(one.parent.relative_to(runs)) for one in record_paths(runs)]
        raise UserError(f"run '{run}' has no record; allowed: {', '.join(known) or 'none: run Snakemake first'}.")
    return path


def pairs(first: Mapping, second: Mapping) -> list[tuple[Mapping, Mapping]]:
    """Lines of one split: of equal seeds where there are any (images), else of the one seed that each run has."""
    common = [key for key in first if key in second]
    if common:
        return [(first[key], second[key]) for key in common]
    by_split = {split: line for (_, split), line in second.items()}
    return [(line, by_split[split]) for (_, split), line in first.items() if split in by_split]


def heading(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    seeds = dict.fromkeys([first["seed"], second["seed"]])
    return f"{first['split']}, seed {' and '.join(map(str, seeds))}"


def table(results: Path, runs: tuple[str, str], first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """One line a measure that is a number in either run."""
    intervals = sentence_intervals(results, runs, first["split"])
    intervals |= image_intervals(results, runs, (first["seed"], second["seed"]), first["split"])
    rows = [("measure", "first", "second", "difference", "95 % interval")]
    for name in dict.fromkeys([*first, *second]):
        values = first.get(name), second.get(name)
        if name in DECLARED or any(isinstance(value, str) for value in values) or values == (None, None):
            continue
        difference = None if None in values else values[1] - values[0]
        low, high = intervals.get(name, (None, None))
        interval = "" if low is None else f"[{low:+.4g}, {high:+.4g}]"
        shown = "" if difference is None else f"{difference:+.4g}"
        rows.append((name, *map(short_number, values), shown, interval))
    return aligned(rows)


def sentence_intervals(results: Path, runs: tuple[str, str], split: str) -> dict[str, tuple[float, float]]:
    """95 % intervals of second minus first by paired bootstrap over sentences; none for runs of images."""
    paths = [results / "runs" / run / "sentences.npz" for run in runs]
    if not all(path.exists() for path in paths):
        return {}
    arrays = [read_npz(path) for path in paths]
    found = {}
    for name in SCORES:
        key = f"{split}.{name}"
        if all(key in one for one in arrays):
            found[name] = interval(*(statistics_of(one[key]) for one in arrays), name)
    for name, key in SENTENCE_SUMS.items():
        if all(f"{split}.{key}" in one for one in arrays):
            sums = [np.stack([one[f"{split}.{key}"], one[f"{split}.n_tokens"]], axis=-1) for one in arrays]
            found[name] = interval(*sums, name)
    return found


def image_intervals(
    results: Path, runs: tuple[str, str], seeds: tuple[int, int], split: str
) -> dict[str, tuple[float, float]]:
    """95 % intervals of second minus first by paired bootstrap over images, of one seed of each run; none for text."""
    paths = [results / "runs" / run / "examples.npz" for run in runs]
    if not all(path.exists() for path in paths):
        return {}
    arrays = [read_npz(path) for path in paths]
    if not all(f"{split}.correct" in one for one in arrays):  # the training images: only their means are kept
        return {}
    places = [
        read_json(path.with_name("record.json"))["seeds"].index(seed) for path, seed in zip(paths, seeds, strict=True)
    ]
    found: dict[str, tuple[float, float]] = {}
    for name, metric in IMAGE_MEASURES.items():
        arms = [arm_statistics(one, split, metric, 0)[place] for one, place in zip(arrays, places, strict=True)]
        score = mean_of_sums if metric in MEANS else BINNED[metric][1]
        found[name] = interval(*arms, metric, score)
    return found


def statistics_of(values: np.ndarray) -> np.ndarray:
    """Sufficient statistics (sentences, k); a score that each sentence has by itself gets a column of ones."""
    values = values.astype(np.float64)
    return values if values.ndim == 2 else np.stack([values, np.ones_like(values)], axis=-1)


def interval(first: np.ndarray, second: np.ndarray, name: str, score: Score | None = None) -> tuple[float, float]:
    """Interval of second minus first, statistics (items, k) each; seeded by the measure's name."""
    score = score or (bleu_of_sums if name.startswith("bleu") else mean_of_sums)
    generator = np.random.default_rng(list(name.encode()))
    found = paired_bootstrap(second, first, score, N_REPLICATES, generator=generator)
    return float(found.low), float(found.high)
