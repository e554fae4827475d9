"""Computes a trained teacher's logits for its student's training images; they are cheap, so they are not saved.

The teacher's view of an image (`distillation.teacher_sees`; the paper does not say):
- student_view: the very tensors that the student sees, augmented and cut alike;
- own_view: its own evaluation view of the whole image, whatever the student's augmentation.
Logits that do not change from epoch to epoch are computed once, the others with each batch.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from entropyreg.images.data.preparation import Prepared
from entropyreg.images.evaluation import logits_of
from entropyreg.images.models.groups import Group
from entropyreg.images.runs import load_group, view_of
from entropyreg.images.views import View


def teacher_logits(teacher: Group, view: View) -> Tensor:
    """Logits (S, N, K) of the teachers for all images of a view that does not vary."""
    return logits_of(teacher, view)


class Teacher:
    """Teachers, one for each seed of the student, and their logits for a batch."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        run_dir: Path,
        seeds: Sequence[int],
        prepared: Prepared,
        student_view: View,
        device: torch.device,
    ) -> None:
        """settings: those of the distillation; `teacher_seed` null gives each seed the teacher of its own seed."""
        chosen = settings.get("teacher_seed")
        group, outcome = load_group(run_dir, seeds if chosen is None else [chosen] * len(seeds))
        self.group, self.weights_sha256 = group.to(device), outcome["weights_sha256"]
        own = settings.get("teacher_sees", "student_view") == "own_view"
        self.known = None  # (S, N, K)
        if own or not student_view.is_random:
            view = view_of(outcome["settings"], prepared, "train", device) if own else student_view
            self.known = teacher_logits(self.group, view).to(device)

    @torch.no_grad()
    def __call__(self, index: Tensor, images: Tensor) -> Tensor:
        """Logits (S, B, K) for images (S, B, C, h, w), which are `index` (S, B) of the training images."""
        if self.known is None:
            return torch.stack(self.group(images))
        return torch.stack([logits[rows] for logits, rows in zip(self.known, index, strict=True)])
