"""Views of images: augmentation and normalisation of whole batches of tensors, drawn from a generator that is given.

    training    pad with zeros, crop at random, flip, brightness, contrast, normalise      (what is set, in this order)
    evaluation  crop the centre, normalise

| paper B | settings |
|---|---|
| MNIST: shifts of up to 2 pixels in x and y, 25 positions | pad 2 |
| CIFAR, ResNet: pad to 40, crop 32, flip | pad 4, flip, normalisation per_image |
| CIFAR, AlexNet: the TensorFlow tutorial | crop 24, flip, brightness 63, contrast [0.2, 1.8], per_image |

Sources: paper B, and the tutorial's and tensor2tensor's input pipelines. Brightness adds a number to every pixel, and
contrast multiplies the distances to each channel's mean; `per_image` standardisation afterwards therefore undoes
brightness entirely (in the tutorial too). Crops are windows of one padded tensor: no work for each image in Python.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from entropyreg.io.errors import UserError

NORMALISATIONS = ("unit", "per_image", "per_channel")
Draws = dict[str, Tensor]  # one value an image, by name


class View:
    """Images of one part of a data set, as a model sees them: `view(index, draws)` is (B, C, h, w) float32."""

    is_slow = False

    def __init__(self, images: Tensor, settings: Mapping[str, Any], statistics: Mapping[str, Any]) -> None:
        """images: (N, C, H, W) uint8, on the device of the model.    statistics: `channel_mean`, `channel_std`."""
        self.settings, self.statistics = dict(settings), statistics
        self.pad, (height, width) = settings.get("pad", 0), images.shape[-2:]
        crop = settings.get("crop")
        self.height, self.width = (height, width) if crop is None else (crop, crop)
        if min(height, width) + 2 * self.pad < max(self.height, self.width):
            raise UserError(f"augmentation.crop is {crop}; allowed: at most the side of the image and its padding.")
        if settings["normalisation"] not in NORMALISATIONS:
            allowed = ", ".join(NORMALISATIONS)
            raise UserError(f"normalisation is {settings['normalisation']!r}; allowed: {allowed}.")
        self.padded = F.pad(images, [self.pad] * 4) if self.pad else images  # (N, C, H + 2 pad, W + 2 pad)
        windows = self.padded.unfold(2, self.height, 1).unfold(3, self.width, 1)  # (N, C, rows, columns, h, w)
        self.windows = windows.permute(0, 2, 3, 1, 4, 5)  # a view: no copy of the images
        self.device = images.device

    def __len__(self) -> int:
        return len(self.padded)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of what the model sees."""
        return self.windows.shape[3], self.height, self.width

    @property
    def is_random(self) -> bool:
        """Whether draws change anything; if not, what depends on the images alone can be computed once."""
        rows, columns = self.windows.shape[1:3]
        return rows * columns > 1 or any(self.settings.get(key) for key in ("flip", "brightness", "contrast"))

    def draw(self, count: int, generator: torch.Generator) -> Draws:
        """Random numbers for `count` images, in a fixed order, from a generator on the CPU."""
        rows, columns = self.windows.shape[1:3]
        draws = {
            "row": torch.randint(rows, (count,), generator=generator),
            "column": torch.randint(columns, (count,), generator=generator),
        }
        if self.settings.get("flip"):
            draws["flip"] = torch.rand(count, generator=generator) < 0.5
        if delta := self.settings.get("brightness"):
            draws["brightness"] = (2.0 * torch.rand(count, generator=generator) - 1.0) * delta
        if bounds := self.settings.get("contrast"):
            low, high = bounds
            draws["contrast"] = low + (high - low) * torch.rand(count, generator=generator)
        return {name: values.to(self.device) for name, values in draws.items()}

    def __call__(self, index: Tensor, draws: Draws | None = None) -> Tensor:
        """The images of `index` (B,); without draws as in evaluation."""
        if draws is None:
            rows, columns = self.windows.shape[1:3]
            return self.normalise(self.windows[index, (rows - 1) // 2, (columns - 1) // 2].float())
        images = self.windows[index, draws["row"], draws["column"]].float()  # (B, C, h, w)
        if "flip" in draws:
            images = torch.where(draws["flip"][:, None, None, None], images.flip(-1), images)
        if "brightness" in draws:
            images = images + draws["brightness"][:, None, None, None]
        if "contrast" in draws:
            means = images.mean((-2, -1), keepdim=True)
            images = (images - means) * draws["contrast"][:, None, None, None] + means
        return self.normalise(images)

    def normalise(self, images: Tensor) -> Tensor:
        """(B, C, h, w) grey levels 0 to 255 to what the model takes; see `normalise`."""
        return normalise(images, self.settings["normalisation"], self.statistics)


def normalise(images: Tensor, normalisation: str, statistics: Mapping[str, Any]) -> Tensor:
    """unit: x / 255.    per_channel: (x - mean) / deviation of the training images.    per_image: of the image itself,
    the deviation at least 1 / sqrt(values of an image), as TensorFlow has it.
    """
    if normalisation == "unit":
        return images / 255.0
    if normalisation == "per_channel":
        mean, deviation = (images.new_tensor(statistics[key])[:, None, None] for key in ("channel_mean", "channel_std"))
        return (images - mean) / deviation
    deviation, mean = torch.std_mean(images, (1, 2, 3), correction=0, keepdim=True)
    return (images - mean) / deviation.clamp_min(images[0].numel() ** -0.5)
