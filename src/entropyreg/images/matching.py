"""Bring a student's teacher to the entropy of another run: the temperature is found from what both predicted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.io.errors import UserError
from entropyreg.io.files import read_npz
from entropyreg.measures.matched_entropy import mean_normalized_entropy, temperature_of_entropy


def with_matched_temperature(settings: Mapping[str, Any], teacher_dir: Path, reference_dir: Path) -> dict[str, Any]:
    """Training settings with `distillation.temperature`: the teacher then has the entropy of `reference_dir`'s run.

    All seeds of the student share it: it is that of the seeds' training images taken together.
    """
    chosen = settings["distillation"].get("teacher_seed")
    seeds = settings["seeds"] if chosen is None else [chosen]
    wanted = mean_normalized_entropy(training_logits(reference_dir, seeds))
    try:
        temperature = temperature_of_entropy(training_logits(teacher_dir, seeds), wanted)
    except ValueError as error:
        raise UserError(f"run '{settings['run']}' cannot be matched to {reference_dir}: {error}") from None
    # seven digits: the same on every machine, and nobody needs more
    return {**settings, "distillation": {**settings["distillation"], "temperature": float(f"{temperature:.7g}")}}


def training_logits(run_dir: Path, seeds: list[int]) -> np.ndarray:
    """Predicted logits of the training images of all `seeds`, one after the other; (seeds * N, K)."""
    folder = Path(run_dir) / "predictions"
    return np.concatenate([read_npz(folder / f"seed{seed}" / "train.images.npz")["logits"] for seed in seeds])
