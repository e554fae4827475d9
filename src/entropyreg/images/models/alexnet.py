"""The CIFAR "AlexNet" of paper B: the network of the TensorFlow CIFAR-10 tutorial.

    conv 5x5x64, relu, pool 3/2, norm;  conv 5x5x64, relu, norm, pool 3/2;  dense 384, relu;  dense 192, relu;  dense K
    local response norm    y_c = x_c / (bias + alpha * sum over |j - c| <= radius of x_j^2)^beta

with radius 4, bias 1, alpha .001/9, beta .75, and TensorFlow's SAME padding. Traps: torch's `LocalResponseNorm` divides
alpha by its size (2 * radius + 1 = 9), so its alpha would be .001; SAME pooling of an even side pads after it alone.
Initial weights are truncated Gaussians (at two standard deviations): convolutions .05, dense .04, last 1/192; biases 0,
.1, .1, .1, 0. Weight decay belongs to `dense1` and `dense2`.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class _Normalise(torch.autograd.Function):
    """x * s^-beta for s = bias + band * x^2, beta = 3/4: the sum over channels is a 1x1 convolution.

    dL/dx = g s^-beta - 2 beta x * band(g x s^(-beta-1)): the band is symmetric, and needs no gradient itself.
    """

    @staticmethod
    def forward(ctx, x: Tensor, band: Tensor, bias: float) -> Tensor:
        root = F.conv2d(x * x, band).add_(bias).rsqrt_()  # s^-1/2
        scale = root.sqrt().mul_(root)  # s^-3/4
        ctx.save_for_backward(x, band, root, scale)
        return x * scale

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        x, band, root, scale = ctx.saved_tensors
        inner = (gradient * x).mul_(scale).mul_(root).mul_(root)
        return torch.addcmul(gradient * scale, x, F.conv2d(inner, band), value=-1.5), None, None


class LocalResponseNorm(nn.Module):
    """TensorFlow's `local_response_normalization` of (B, C, H, W), with beta 3/4; alpha multiplies the sum itself."""

    def __init__(self, channels: int, radius: int = 4, bias: float = 1.0, alpha: float = 0.001 / 9) -> None:
        super().__init__()
        place = torch.arange(channels)
        band = ((place[:, None] - place).abs() <= radius).float() * alpha
        self.bias = bias
        self.register_buffer("band", band[:, :, None, None], persistent=False)  # (C, C, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cuda" if x.is_cuda else "cpu", enabled=False):  # in float32, whatever the rest is in
            return _Normalise.apply(x.float(), self.band, self.bias)


def pool_same(x: Tensor) -> Tensor:
    """Maximum over 3x3, stride 2, with TensorFlow's SAME padding: sides n become ceil(n / 2)."""
    odd = x.shape[-1] % 2  # an even side is padded after it, an odd one on both sides
    return F.max_pool2d(x, 3, 2, padding=odd, ceil_mode=not odd)


class AlexNet(nn.Module):
    """Square inputs (B, C, n, n); smaller `channels` and `dense` than the tutorial's are for demonstrations."""

    def __init__(
        self,
        shape: Sequence[int],
        n_classes: int,
        *,
        channels: int = 64,
        dense: Sequence[int] = (384, 192),
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        side = math.ceil(math.ceil(shape[1] / 2) / 2)
        self.conv1 = nn.Conv2d(shape[0], channels, 5, padding=2)
        self.conv2 = nn.Conv2d(channels, channels, 5, padding=2)
        self.norm = LocalResponseNorm(channels)
        self.dense1 = nn.Linear(channels * side * side, dense[0])
        self.dense2 = nn.Linear(dense[0], dense[1])
        self.classifier = nn.Linear(dense[1], n_classes)
        for layer, deviation, bias in (
            (self.conv1, 0.05, 0.0),
            (self.conv2, 0.05, 0.1),
            (self.dense1, 0.04, 0.1),
            (self.dense2, 0.04, 0.1),
            (self.classifier, 1.0 / dense[1], 0.0),
        ):
            nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation, generator=generator)
            nn.init.constant_(layer.bias, bias)
        self.to(memory_format=torch.channels_last)  # 1.5 times as fast on CPUs

    def features(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(B, D): the last hidden layer, rectified. There is no dropout, so `generator` is not used."""
        x = self.norm(torch.relu(pool_same(self.conv1(x))))  # the same as pooling after relu, at a quarter of the cost
        x = pool_same(self.norm(torch.relu(self.conv2(x))))
        return torch.relu(self.dense2(torch.relu(self.dense1(x.flatten(1)))))

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return self.classifier(self.features(x, generator))
