"""Views of images that do not fit in memory: decoded by Pillow, on threads, when a batch asks for them.

    training    a random part (area 5 to 100 %, aspect 3/4 to 4/3) scaled to the crop's size, flipped half of the time
    evaluation  the central 87.5 % of both sides, scaled likewise

Source: tf-slim's Inception preprocessing, which paper B's Inception-v4 uses, without its distortions of colour (not
replicated here). Values are scaled to [-1, 1], as there, with `normalisation: symmetric`.
"""

import io
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from entropyreg.images.data.imagenet import StoredImages
from entropyreg.images.views import Draws, normalise

AREA, LOG_ASPECT, CENTRE = (0.05, 1.0), math.log(4 / 3), 0.875


class StoredView:
    """The interface of `View` for stored images: `view(index, draws)` is (B, 3, crop, crop) float32 on `device`."""

    is_random = is_slow = True

    def __init__(
        self,
        images: StoredImages,
        folder: Path,
        settings: Mapping[str, Any],
        statistics: Mapping[str, Any],
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        self.images, self.folder, self.settings, self.statistics = images, Path(folder), dict(settings), statistics
        self.size, self.device = settings["crop"], torch.device(device)
        self.pool = ThreadPoolExecutor(threads)

    def __len__(self) -> int:
        return len(self.images.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        return 3, self.size, self.size

    def draw(self, count: int, generator: torch.Generator) -> Draws:
        """Four numbers in [0, 1) for the part, and whether to flip."""
        return {
            "part": torch.rand(count, 4, generator=generator, dtype=torch.float64),
            "flip": torch.rand(count, generator=generator) < 0.5,
        }

    def __call__(self, index: Tensor, draws: Draws | None = None) -> Tensor:
        rows = index.tolist()
        parts = [None] * len(rows) if draws is None else draws["part"].tolist()
        pixels = np.stack(list(self.pool.map(self._decode, rows, parts)))  # (B, size, size, 3) uint8
        images = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float()
        if draws is not None:
            images = torch.where(draws["flip"].to(self.device)[:, None, None, None], images.flip(-1), images)
        if self.settings["normalisation"] == "symmetric":
            return images / 127.5 - 1.0
        return normalise(images, self.settings["normalisation"], self.statistics)

    def _decode(self, row: int, part: list[float] | None) -> np.ndarray:
        from PIL import Image

        with Image.open(io.BytesIO(self.images.read(self.folder, row))) as image:
            box = central_box(*image.size) if part is None else random_box(*image.size, part)
            scaled = image.convert("RGB").resize((self.size, self.size), Image.Resampling.BILINEAR, box=box)
            return np.asarray(scaled)


def central_box(width: int, height: int) -> tuple[float, float, float, float]:
    """Left, upper, right and lower edge of the central part."""
    left, upper = width * (1 - CENTRE) / 2, height * (1 - CENTRE) / 2
    return left, upper, width - left, height - upper


def random_box(width: int, height: int, numbers: list[float]) -> tuple[float, float, float, float]:
    """A part of the image from four numbers in [0, 1): area, aspect, and where it lies; cut to the image."""
    area = (AREA[0] + (AREA[1] - AREA[0]) * numbers[0]) * width * height
    aspect = math.exp(LOG_ASPECT * (2 * numbers[1] - 1))
    wide, high = min(width, math.sqrt(area * aspect)), min(height, math.sqrt(area / aspect))
    left, upper = numbers[2] * (width - wide), numbers[3] * (height - high)
    return left, upper, left + wide, upper + high
