"""Differences between the rows of a table, with intervals over seeds and sentences.

Training differs by seed and a test set is a sample of sentences: the crossed bootstrap resamples both
(`measures.significance`). Runs of two rows are paired by seed, their hypotheses by sentence.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.comparing.temperature_statistics import SCALED, TEMPERATURE_METRICS, sums_of_metric
from entropyreg.io.files import read_npz
from entropyreg.measures.bleu_statistics import bleu_of_sums
from entropyreg.measures.calibration import debiased_ece_of_sums, ece_of_sums
from entropyreg.measures.significance import crossed_bootstrap, mean_of_sums

N_REPLICATES = 2000
SCORES = {  # others: the mean over sentences, or tokens
    **dict.fromkeys(("bleu", "bleu_as_published", "scaled_bleu"), bleu_of_sums),
    **dict.fromkeys(("ece", "scaled_ece", "held_out_ece"), ece_of_sums),
    "debiased_ece": debiased_ece_of_sums,
}


def compare_rows(compare: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], runs_dir: Path) -> list[dict[str, Any]]:
    """One entry for each row, column, metric and row that it is compared with.

    `compare` has `split`, `metrics` and `to`, names of rows. Two rows without finished runs of one seed have none.
    The metrics scaled_ece and scaled_bleu set the row as it is against the other at its temperature of least ECE.
    """
    found = []
    columns = list(dict.fromkeys(row["column"] for row in rows))
    names = list(dict.fromkeys(row["row"] for row in rows))
    for column in columns:
        runs = {name: finished(rows, name, column, compare["split"]) for name in names}
        for other in compare["to"]:
            for name in names:
                seeds = sorted(set(runs.get(other, {})) & set(runs[name]))
                if name == other or not seeds:
                    continue
                for metric in compare["metrics"]:
                    pair = [
                        statistics_of(
                            [runs[one][seed] for seed in seeds], compare["split"], metric, runs_dir, one == other
                        )
                        for one in (name, other)
                    ]
                    if pair[0] is None or pair[1] is None:
                        continue
                    entry = {"column": column, "row": name, "to": other, "metric": metric, "split": compare["split"]}
                    found.append(entry | difference(*pair, metric, entry) | {"seeds": seeds})
    return found


def finished(rows: Sequence[Mapping[str, Any]], name: str, column: str, split: str) -> dict[int, str]:
    """{seed: run} of a cell's finished runs that decoded the split."""
    return {
        row["seed"]: row["run"]
        for row in rows
        if (row["row"], row["column"]) == (name, column) and row["status"] == "done" and split in row["measures"]
    }


def statistics_of(
    runs: Sequence[str], split: str, metric: str, runs_dir: Path, compared_with: bool = False
) -> np.ndarray | None:
    """Sufficient statistics of the metric, (seeds, sentences, k); None where the metric was not measured.

    A score that each sentence has by itself, such as ROUGE, gets a column of ones: its mean is a ratio of sums. Of what
    a row is `compared_with` the scaled metrics are at its own temperature.
    """
    parts = []
    for run in runs:
        sentences = read_npz(runs_dir / run / "sentences.npz")
        if metric in TEMPERATURE_METRICS:
            found = sums_of_metric(sentences, split, metric if compared_with else SCALED.get(metric, metric))
        else:
            found = sentences.get(f"{split}.{metric}")
        if found is None:
            return None
        parts.append(found)
    stacked = np.stack(parts).astype(np.float64)
    return stacked if stacked.ndim == 3 else np.stack([stacked, np.ones_like(stacked)], axis=-1)


def difference(statistics: np.ndarray, other: np.ndarray, metric: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Difference, 95 % interval and one-sided p-value; seeded by what is compared, so that adding rows changes none."""
    name = "|".join(str(entry[key]) for key in ("column", "row", "to", "metric", "split"))
    generator = np.random.default_rng(list(name.encode()))
    score = SCORES.get(metric, mean_of_sums)
    found = crossed_bootstrap(statistics, other, score, N_REPLICATES, generator=generator)
    return {
        "difference": float(found.estimate),
        "low": float(found.low),
        "high": float(found.high),
        "p_value": float(found.p_value),
        "n_seeds": int(statistics.shape[0]),
        "n_sentences": int(statistics.shape[1]),
        "n_replicates": N_REPLICATES,
    }
