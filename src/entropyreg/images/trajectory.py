"""How a network's answers to some training images develop: their logits under random augmentations, at some updates.

This is what paper B's Figure 6 is measured from: N images of a few classes, L draws for the mean of each, and fresh
draws to evaluate. Draws come from streams named by seed and update, so a resumed training repeats them.
One file a moment, in the folder of checkpoints; joined at the end: logits (T, L, N, M) for the M classes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from entropyreg.images.models.groups import Group
from entropyreg.images.streams import stream
from entropyreg.images.views import View
from entropyreg.io.files import read_npz, write_npz

PREFIX = "trajectory-"


class Trajectory:
    """Settings: classes (list), images (of each class), draws (all of them, fresh ones too), every (updates)."""

    def __init__(self, settings: Mapping[str, Any], view: View, labels: Tensor, seeds: Sequence[int]) -> None:
        self.settings, self.view, self.seeds = settings, view, seeds
        rows = [torch.nonzero(labels == one)[: settings["images"], 0] for one in settings["classes"]]
        self.index, self.labels = torch.cat(rows), torch.cat([labels[part] for part in rows])

    def is_due(self, updates: int) -> bool:
        return updates % self.settings["every"] == 0

    @torch.no_grad()
    def record(self, group: Group, updates: int, folder: Path) -> None:
        """Write the logits (S, L, N, M) after `updates` updates; each seed has draws of its own."""
        index, kept = self.index.to(self.view.device), []
        streams = [stream("trajectory", seed, updates) for seed in self.seeds]
        training = group.training
        group.eval()
        for _ in range(self.settings["draws"]):
            images = torch.stack([self.view(index, self.view.draw(len(index), one)) for one in streams])
            kept.append(torch.stack(group(images))[..., self.settings["classes"]].float().cpu())  # (S, N, M)
        group.train(training)
        write_npz(folder / f"{PREFIX}{updates:09d}.npz", {"logits": torch.stack(kept, 1).numpy()})

    def export(self, folder: Path, out_dir: Path) -> None:
        """Join the moments in `folder` into `<out_dir>/seed<seed>/trajectory.npz`."""
        paths = sorted(folder.glob(f"{PREFIX}*.npz"))
        moments = [read_npz(path)["logits"] for path in paths]
        updates = np.array([int(path.stem.removeprefix(PREFIX)) for path in paths])
        for position, seed in enumerate(self.seeds):
            columns = {
                "updates": updates,
                "logits": np.stack([moment[position] for moment in moments]),
                "labels": self.labels.numpy(),
                "classes": np.array(self.settings["classes"]),
            }
            write_npz(out_dir / f"seed{seed}" / "trajectory.npz", columns)
