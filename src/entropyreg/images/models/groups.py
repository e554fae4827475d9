"""Joins networks of one configuration and several seeds in one module: inputs (S, B, C, H, W), logits (S, B, K).

The networks are called one after another, each on tensors of its own that start where an allocation would: every
operation then has the shapes and the alignment that it has when a seed is trained alone, so the seed gets the same bits
whichever seeds are trained beside it, on any processor. One batched product for all seeds would not do: libraries
choose a kernel by the size of the batch. For convolutions one call for all (grouped convolution) was also measured to
be slower.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

Generators = Sequence[torch.Generator] | None
ALIGNMENT = 64  # bytes; where torch's CPU allocator lets a tensor begin


def aligned(x: Tensor) -> Tensor:
    """`x`, or a copy of it if it begins inside an allocation where no tensor of its own would."""
    return x if x.data_ptr() % ALIGNMENT == 0 else x.clone()


class Group(nn.Module):
    """One network for each seed, side by side."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def __len__(self) -> int:
        return len(self.members)

    def forward(self, x: Sequence[Tensor], generators: Generators = None) -> list[Tensor]:
        """The logits (B, K) of each network for its own images: S tensors (B, C, H, W), or one (S, B, C, H, W).

        generators: one for each network's dropout. A list, since joining the logits would join their gradients too.
        """
        generators = generators or [None] * len(self)
        return [member(aligned(part), one) for member, part, one in zip(self.members, x, generators, strict=True)]

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (S, B, K) and features (S, B, D) of the same images (B, C, H, W) for every network."""
        features = [member.features(x) for member in self.members]
        logits = [member.classifier(one) for member, one in zip(self.members, features, strict=True)]
        return torch.stack(logits), torch.stack(features)

    def templates(self) -> tuple[Tensor, Tensor]:
        """Weights (S, K, D) and biases (S, K) of the last layers."""
        layers = [member.classifier for member in self.members]
        return torch.stack([layer.weight for layer in layers]), torch.stack([layer.bias for layer in layers])

    def named_layers(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Every parameter with the name that it has in one network."""
        for member in self.members:
            yield from member.named_parameters()

    def gradients_by_seed(self) -> list[list[Tensor]]:
        """The gradients of each seed, for norms and clipping; they share memory with the parameters' own."""
        return [[one.grad for one in member.parameters() if one.grad is not None] for member in self.members]

    def states(self) -> list[dict[str, Tensor]]:
        """A copy of the state of each network, as that network would name it."""
        return [{name: value.detach().clone() for name, value in m.state_dict().items()} for m in self.members]

    def load_states(self, states: Sequence[dict[str, Tensor]]) -> None:
        for member, state in zip(self.members, states, strict=True):
            member.load_state_dict(state)
