"""Counted operations and parameters of paper B's networks: those of `entropyreg.images.models` themselves, on meta."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch

from entropyreg.forecast.counting import META, count, without_values
from entropyreg.images.models import build_model, parameter_count


class ImageNetwork(NamedTuple):
    """Operations of one image, forward alone and in training (forward and backward), and what else is counted."""

    forward: int
    training: int
    parameters: int
    calls: int  # products of a forward pass
    features: int  # width of the penultimate layer


def image_network(model: Mapping[str, Any], shape: Sequence[int], n_classes: int) -> ImageNetwork:
    """The network that `model` (a `model` of the configuration's image_models) is for images (C, H, W)."""
    return _counted(json.dumps(model), tuple(shape), n_classes)


@cache
def _counted(model: str, shape: tuple[int, ...], n_classes: int) -> ImageNetwork:
    with without_values():
        network = build_model(json.loads(model), shape, n_classes, None)
    images = torch.empty(2, *shape, device=META)  # two: a norm takes no single value
    forward = count(network, images)
    backward = count(forward.result.sum().backward)
    return ImageNetwork(
        forward.operations // 2,
        (forward.operations + backward.operations) // 2,
        parameter_count(network),
        forward.products,
        network.classifier.in_features,
    )
