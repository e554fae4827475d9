"""Differences between the rows of an image table, with intervals over seeds and images (the crossed bootstrap).

Runs of two rows are paired by task and, where they share one, by model; images one by one. Of a row that several runs
fill, the chosen one is compared.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.comparing.comparisons import N_REPLICATES
from entropyreg.io.files import read_npz
from entropyreg.measures.calibration import debiased_ece_of_sums, ece_of_sums, reliability_sums
from entropyreg.measures.significance import crossed_bootstrap, mean_of_sums

MEANS = {"accuracy": "correct", "nll": "nll"}  # metrics that are the mean of one value an image
BINNED = {  # column of confidences, score of the bins' sums
    "ece": ("confidence", ece_of_sums),
    "debiased_ece": ("confidence", debiased_ece_of_sums),
}


def compare_image_rows(
    compare: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], runs_dir: Path
) -> list[dict[str, Any]]:
    """One entry for each task, model, row, row that it is compared with, and metric; missing rows have none.

    `compare` has `split`, `metrics` and `to`. The metric scaled_ece sets the row as it is against the other at its
    temperature of least validation ECE: label smoothing against temperature scaling.
    """
    found, split = [], compare["split"]
    done = [row for row in rows if row["status"] == "done" and row["selected"] is not False]
    done = [row for row in done if split in row["measures"]["scores"]]
    for task in dict.fromkeys(row["task"] for row in done):
        runs: dict[str, dict[str, dict[str, list[int]]]] = {}  # row: model: run: seeds
        for row in (one for one in done if one["task"] == task):
            models = runs.setdefault(row["row"], {})
            models.setdefault(row["model"], {}).setdefault(row["run"], []).append(row["seed"])
        for other in (one for one in compare["to"] if one in runs):
            for name in (one for one in runs if one != other):
                for model, arms in pairs_of(runs[name], runs[other]):
                    for metric in compare["metrics"]:
                        entry = {"column": task, "model": model, "row": name, "to": other}
                        entry |= {"metric": metric, "split": split}
                        found.append(entry | difference(*arms, entry, runs_dir))
    return found


def pairs_of(models: Mapping[str, Any], others: Mapping[str, Any]) -> list[tuple[str, tuple[Any, Any]]]:
    """What of two rows is compared: runs of the same model; without any, the only run of each row.

    A row in which several runs of a model are shown is a curve, and not compared.
    """
    same = [(model, (models[model], others[model])) for model in models if model in others]
    if not same and len(models) == len(others) == 1:
        ((model, runs),) = models.items()
        same = [(model, (runs, *others.values()))]
    return [(model, arms) for model, arms in same if all(len(runs) == 1 for runs in arms)]


def difference(
    runs: Mapping[str, list[int]], others: Mapping[str, list[int]], entry: Mapping[str, Any], runs_dir: Path
) -> dict[str, Any]:
    """Difference, 95 % interval and one-sided p-value; seeded by what is compared, so that adding rows changes none."""
    arms = []
    for position, chosen in enumerate((runs, others)):
        ((run, seeds),) = chosen.items()
        arms.append((read_npz(runs_dir / run / "examples.npz"), len(seeds), position))
    metric, split = entry["metric"], entry["split"]
    statistics = [arm_statistics(arrays, split, metric, position) for arrays, _, position in arms]
    score = mean_of_sums if metric in MEANS else BINNED[metric.replace("scaled_", "")][1]
    name = "|".join(str(entry[key]) for key in ("column", "model", "row", "to", "metric", "split"))
    generator = np.random.default_rng(list(name.encode()))
    found = crossed_bootstrap(*statistics, score, N_REPLICATES, generator=generator)
    return {
        "difference": float(found.estimate),
        "low": float(found.low),
        "high": float(found.high),
        "p_value": float(found.p_value),
        "seeds": [sorted(seeds) for chosen in (runs, others) for seeds in chosen.values()],
        "n_seeds": [len(one) for one in statistics],
        "n_images": int(statistics[0].shape[1]),
        "n_replicates": N_REPLICATES,
    }


def arm_statistics(arrays: Mapping[str, np.ndarray], split: str, metric: str, position: int) -> np.ndarray:
    """Sufficient statistics of one arm, (seeds, images, k); with scaled_ece the second arm is the scaled one."""
    correct = arrays[f"{split}.correct"]
    if metric in MEANS:
        values = arrays[f"{split}.{MEANS[metric]}"].astype(np.float64)
        return np.stack([values, np.ones_like(values)], axis=-1)
    scaled = metric.startswith("scaled_")
    column = BINNED[metric.replace("scaled_", "")][0]
    confidence = arrays[f"{split}.scaled_{column}" if scaled and position == 1 else f"{split}.{column}"]
    images = np.arange(correct.shape[1])
    return np.stack([reliability_sums(one, right, images) for one, right in zip(confidence, correct, strict=True)])
