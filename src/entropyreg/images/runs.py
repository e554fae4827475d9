"""The outcome of a training, read back: networks, the views that they see, and the settings that made them.

A run's folder holds `model.pt`, {"seed1": {name: tensor}, ...} with the names of a single network, and `training.json`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from entropyreg.images.data.imagenet import StoredImages
from entropyreg.images.data.preparation import Prepared
from entropyreg.images.models import build_model
from entropyreg.images.models.groups import Group
from entropyreg.images.stored_views import StoredView
from entropyreg.images.streams import Streams
from entropyreg.images.views import View
from entropyreg.io.errors import MALFORMED, UserError
from entropyreg.io.files import one_line, read_json


def new_group(settings: Mapping[str, Any], shape: Sequence[int], n_classes: int, streams: Streams) -> Group:
    """Untrained networks, one a seed, each initialised from its own stream."""
    return Group([build_model(settings["model"], shape, n_classes, one) for one in streams["initial"]])


def view_of(
    settings: Mapping[str, Any],
    prepared: Prepared,
    split: str,
    device: str | torch.device = "cpu",
    threads: int = 1,
    data_dir: str | Path | None = None,
) -> View | StoredView:
    """A part of the prepared data, as the networks of these settings see it."""
    part = prepared.parts[split]
    options = {**settings["augmentation"], "normalisation": settings["normalisation"]}
    if isinstance(part, StoredImages):
        if data_dir is None:
            raise UserError("data_dir is not set: give the folder that holds imagenet/.")
        folder = Path(data_dir) / prepared.summary["dataset"]
        return StoredView(part, folder, options, prepared.summary, str(device), threads)
    return View(torch.from_numpy(part.images).to(device), options, prepared.summary)


def load_group(run_dir: Path, seeds: Sequence[int] | None = None) -> tuple[Group, dict[str, Any]]:
    """The trained networks of a run, in evaluation mode, and its `training.json`; `seeds` chooses some, in order."""
    outcome = read_json(run_dir / "training.json")
    states = torch.load(run_dir / "model.pt", map_location="cpu", weights_only=True)
    seeds = outcome["settings"]["seeds"] if seeds is None else seeds
    missing = [seed for seed in seeds if f"seed{seed}" not in states]
    if missing:
        allowed = ", ".join(map(str, outcome["settings"]["seeds"]))
        raise UserError(f"{run_dir} has no seed {missing[0]}; allowed: {allowed}.")
    try:
        group = new_group(outcome["settings"], outcome["shape"], outcome["n_classes"], Streams(seeds))
        group.load_states([states[f"seed{seed}"] for seed in seeds])
    except (RuntimeError, *MALFORMED) as error:
        raise UserError(
            f"{run_dir}: model.pt and training.json do not fit each other ({one_line(error)[:200]}): delete both and "
            "run again."
        ) from None
    return group.eval().requires_grad_(False), outcome
