"""The networks of paper B: `features(x, generator)` (B, D), `classifier` (a linear layer, the templates), and both.

`generator` is what dropout draws from in training. `build_model` makes one network from settings; `Group` joins those
of several seeds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from entropyreg.io.errors import UserError


def build_model(
    settings: Mapping[str, Any], shape: Sequence[int], n_classes: int, generator: torch.Generator
) -> nn.Module:
    """The network that `settings` describe for inputs of `shape` (C, H, W), initialised from `generator`."""
    options = {key: value for key, value in settings.items() if key != "kind"}
    kind = settings["kind"]
    if kind == "mlp":
        from entropyreg.images.models.mlp import MLP as Model
    elif kind == "alexnet":
        from entropyreg.images.models.alexnet import AlexNet as Model
    elif kind == "resnet":
        from entropyreg.images.models.resnet import ResNet as Model
    elif kind == "inception_v4":
        from entropyreg.images.models.inception import InceptionV4 as Model
    else:
        raise UserError(f"model.kind is {kind!r}; allowed: mlp, alexnet, resnet, inception_v4.")
    return Model(tuple(shape), n_classes, generator=generator, **options)


def parameter_count(model: nn.Module) -> int:
    """Number of trained values."""
    return sum(parameter.numel() for parameter in model.parameters())


def evaluate(features_and_classifier: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (B, K) and penultimate features (B, D), without gradients."""
    with torch.no_grad():
        features = features_and_classifier.features(x)
        return features_and_classifier.classifier(features), features
