"""Counted operations of paper B's networks: forward, backward and parameters, from their shapes alone.

    convolution   2 k_h k_w C_in C_out H W        (one multiplication and one addition of every weight at every place)
    linear layer  2 n_in n_out
    backward      the same again for the gradients by the weights, and again for those by the input, unless it is data

Matrix products and convolutions are counted, as `torch.utils.flop_counter` does; norms, activations and pooling are
not. The networks are those of `entropyreg.images.models`; nothing here loads them, or torch.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from entropyreg.io.errors import UserError


@dataclass(frozen=True)
class Product:
    """A matrix product or convolution: its operations forward, and how many of that size the backward pass has."""

    forward: int
    gradients: int = 2
    parameters: int = 0


@dataclass(frozen=True)
class ImageNetwork:
    """The products of a network for one image, and its parameters outside them (norms)."""

    products: tuple[Product, ...]
    further_parameters: int = 0
    features: int = 0  # width of the penultimate layer

    @property
    def forward(self) -> int:
        """Operations of one image."""
        return sum(one.forward for one in self.products)

    @property
    def training(self) -> int:
        """Operations of one image, forward and backward."""
        return sum(one.forward * (1 + one.gradients) for one in self.products)

    @property
    def parameters(self) -> int:
        return self.further_parameters + sum(one.parameters for one in self.products)

    @property
    def calls(self) -> int:
        """Products of a forward pass."""
        return len(self.products)


def image_network(model: Mapping[str, Any], shape: Sequence[int], n_classes: int) -> ImageNetwork:
    """The network that `model` (a `model` of the configuration's image_models) is for images (C, H, W)."""
    options = {key: value for key, value in model.items() if key != "kind"}
    if model["kind"] == "mlp":
        return mlp(shape, n_classes, options.get("hidden", (1200, 1200)))
    if model["kind"] == "alexnet":
        return alexnet(shape, n_classes, options.get("channels", 64), options.get("dense", (384, 192)))
    if model["kind"] == "resnet":
        return resnet(shape, n_classes, **options)
    if model["kind"] != "inception_v4":
        raise UserError(f"model.kind is '{model['kind']}', of which no forecast is made.")
    from entropyreg.forecast.inception import inception_v4

    return inception_v4(n_classes)


def linear(n_in: int, n_out: int, gradients: int = 2) -> Product:
    return Product(2 * n_in * n_out, gradients, n_in * n_out + n_out)


def convolution(
    n_in: int, n_out: int, kernel: tuple[int, int], side: int, gradients: int = 2, bias: bool = False
) -> Product:
    """A convolution whose output is `side` x `side`."""
    weights = n_in * n_out * math.prod(kernel)
    return Product(2 * weights * side * side, gradients, weights + (n_out if bias else 0))


def mlp(shape: Sequence[int], n_classes: int, hidden: Sequence[int]) -> ImageNetwork:
    """Linear layers alone; the first needs no gradient by its input."""
    sizes = [math.prod(shape), *hidden, n_classes]
    products = [linear(n_in, n_out, 2 if number else 1) for number, (n_in, n_out) in enumerate(pairwise(sizes))]
    return ImageNetwork(tuple(products), features=hidden[-1])


def alexnet(shape: Sequence[int], n_classes: int, channels: int, dense: Sequence[int]) -> ImageNetwork:
    """The tutorial's network; its local response norm is a 1x1 convolution, forward and once backward."""
    side = shape[1]
    half = math.ceil(side / 2)
    quarter = math.ceil(half / 2)
    norm = Product(2 * channels * channels * half * half, gradients=1)
    products = (
        convolution(shape[0], channels, (5, 5), side, gradients=1, bias=True),
        norm,
        convolution(channels, channels, (5, 5), half, bias=True),
        norm,
        linear(channels * quarter * quarter, dense[0]),
        linear(dense[0], dense[1]),
        linear(dense[1], n_classes),
    )
    return ImageNetwork(products, features=dense[1])


def resnet(
    shape: Sequence[int],
    n_classes: int,
    layers: int = 56,
    widths: Sequence[int] = (32, 64, 128),
    stem: int = 16,
    final_norm: bool = False,
) -> ImageNetwork:
    """Three stages of (layers - 2) / 6 blocks; the first block of each has a 1x1 convolution as its shortcut."""
    side, n_in = shape[1], stem
    products, norms = [convolution(shape[0], stem, (3, 3), side, gradients=1)], stem
    for stage, width in enumerate(widths):
        for number in range((layers - 2) // 6):
            norms += n_in + width
            if number == 0:
                side = math.ceil(side / 2) if stage else side
                products.append(convolution(n_in, width, (1, 1), side))
                norms += width
            products.append(convolution(n_in, width, (3, 3), side))
            products.append(convolution(width, width, (3, 3), side))
            n_in = width
    products.append(linear(n_in, n_classes))
    return ImageNetwork(tuple(products), 2 * (norms + (n_in if final_norm else 0)), features=n_in)
