"""The fully connected network of MNIST: two hidden layers, 1200 units in the teacher and 800 in the student.

    h1 = relu(W1 x + b1),    h2 = relu(W2 h1 + b2) (the features),    logits = W3 h2 + b3

Source: paper B, after Hinton et al. 2015. Weights start from a Gaussian; the paper prints "variance 0.03", its
ReScience replication took a standard deviation of .03. Biases start at 0 (not stated). Dropout multiplies by
mask / (1 - rate), with masks from a generator that is passed in.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


def dropout(x: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
    """Zero each value with probability `rate`, scale the others by 1 / (1 - rate); rate 0 is the identity."""
    if rate == 0.0:
        return x
    kept = torch.empty_like(x).bernoulli_(1.0 - rate, generator=generator)
    return x * kept.mul_(1.0 / (1.0 - rate))


class MLP(nn.Module):
    """Inputs (B, C, H, W); `hidden` gives the units of each hidden layer; the last one's are the features."""

    def __init__(
        self,
        shape: Sequence[int],
        n_classes: int,
        *,
        hidden: Sequence[int] = (1200, 1200),
        init_std: float = 0.03,
        input_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        sizes = [math.prod(shape), *hidden]
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))
        self.classifier = nn.Linear(sizes[-1], n_classes)
        self.rates = [input_dropout, *[hidden_dropout] * len(hidden)]
        for layer in (*self.hidden, self.classifier):
            nn.init.normal_(layer.weight, std=init_std, generator=generator)
            nn.init.zeros_(layer.bias)

    def features(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(B, D): the input of the last layer, after the rectifier (and after dropout in training)."""
        x = self._drop(x.flatten(1), 0, generator)
        for number, layer in enumerate(self.hidden, 1):
            x = self._drop(torch.relu(layer(x)), number, generator)
        return x

    def _drop(self, x: Tensor, layer: int, generator: torch.Generator | None) -> Tensor:
        return dropout(x, self.rates[layer], generator) if self.training else x

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return self.classifier(self.features(x, generator))
