"""Inception-v4 of paper B's ImageNet rows, by pytorchcv (an optional dependency), with scaled batch normalisation.

Source: Szegedy et al. 2016; pytorchcv 0.0.74, whose normalisations have a scale (paper B adds one to tf-slim's).
Inputs are 299 x 299.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from entropyreg.io.errors import UserError


class InceptionV4(nn.Module):
    """Inputs (B, 3, 299, 299), features (B, 1536)."""

    def __init__(
        self,
        shape: Sequence[int],
        n_classes: int,
        *,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        try:
            from pytorchcv.models.inceptionv4 import inceptionv4
        except ImportError:
            raise UserError(
                "model.kind is 'inception_v4', which needs a package: pip install --no-deps pytorchcv==0.0.74."
            ) from None
        if tuple(shape) != (3, 299, 299):
            raise UserError(f"model.kind is 'inception_v4', but images are {tuple(shape)}; allowed: 3 x 299 x 299.")
        network = inceptionv4(dropout_rate=dropout, num_classes=n_classes)
        self.body, self.dropout, self.classifier = network.features, nn.Dropout(dropout), network.output.fc
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, generator=generator)
        nn.init.xavier_uniform_(self.classifier.weight, generator=generator)
        nn.init.zeros_(self.classifier.bias)

    def features(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(B, 1536): the mean over pixels of the last stage, after dropout in training, which draws from torch's own
        generator instead of `generator`."""
        return self.dropout(self.body(x).flatten(1))

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return self.classifier(self.features(x, generator))
