"""Predict once: logits, labels, some penultimate features and the last layer of every seed, seen as in evaluation.

`predictions/seed<seed>/<split>.images.npz`:  logits (N, K) float32, labels (N,) int64, features (M, D) float16 of the
chosen classes, feature_rows (M,) their rows in the split.
`predictions/seed<seed>/templates.npz`:  weights (K, D) and biases (K,) float32 of the last layer.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from entropyreg.images.data.preparation import SPLITS, load_prepared
from entropyreg.images.evaluation import outputs_of
from entropyreg.images.runs import load_group, view_of
from entropyreg.io.devices import check_device, one_device
from entropyreg.io.errors import UserError
from entropyreg.io.files import write_npz


def predict_images(
    settings: Mapping[str, Any],
    data: Path,
    run_dir: Path,
    splits: Sequence[str],
    threads: int,
    data_dir: str | None = None,
) -> None:
    """Write the predictions of a finished run for `splits` (of train, valid, test) and its templates.

    Of `settings`, `prediction` (see `settings.schema.yaml`) and `device` are read; the rest comes from the run itself.
    """
    unknown = sorted(set(splits) - set(SPLITS))
    if unknown:
        raise UserError(f"split is {unknown[0]!r}; allowed: {', '.join(SPLITS)}.")
    run_dir, options = Path(run_dir), settings.get("prediction", {})
    with one_device(settings["device"]):
        torch.set_num_threads(threads)
        check_device(settings["device"])
        prepared = load_prepared(data)
        group, outcome = load_group(run_dir)
        group.to(settings["device"])
        folders = [run_dir / "predictions" / f"seed{seed}" for seed in outcome["settings"]["seeds"]]
        for split in splits:
            view = view_of(outcome["settings"], prepared, split, settings["device"], threads, data_dir)
            index = chosen_images(len(view), options.get("train_images") if split == "train" else None)
            labels = prepared.parts[split].labels[index]
            rows = chosen_rows(labels, options.get("feature_classes"), options.get("features_per_class"))
            logits, features = outputs_of(group, view, torch.from_numpy(index))
            for position, folder in enumerate(folders):
                columns = {
                    "logits": logits[position].numpy(),
                    "labels": labels,
                    "features": features[position].numpy()[rows].astype(np.float16),
                    "feature_rows": rows,
                }
                write_npz(folder / f"{split}.images.npz", columns)
        weights, biases = (tensor.float().cpu().numpy() for tensor in group.templates())
        for position, folder in enumerate(folders):
            write_npz(folder / "templates.npz", {"weights": weights[position], "biases": biases[position]})


def chosen_images(n_images: int, wanted: int | None) -> np.ndarray:
    """Indices of `wanted` images spread evenly over a split (one sorted by class keeps all classes); None means all."""
    kept = min(n_images, wanted or n_images)
    return np.arange(kept) * n_images // kept


def chosen_rows(labels: np.ndarray, classes: Sequence[int] | None, per_class: int | None) -> np.ndarray:
    """Sorted rows of the first `per_class` images of each class; None of either means all."""
    classes = np.unique(labels) if classes is None else classes
    rows = [np.flatnonzero(labels == one)[:per_class] for one in classes]
    return np.sort(np.concatenate(rows)) if rows else np.zeros(0, dtype=np.int64)
