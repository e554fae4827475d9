"""Networks of one configuration and several seeds as one module: inputs (S, B, C, H, W), logits (S, B, K).

`StackedMLP` multiplies all seeds' matrices at once by `torch.baddbmm`, which on one thread gives every seed the bits
that it has alone; on several threads it multiplies seed by seed, for the same. `Members` calls one network after
another: for convolutions one call for all (grouped convolution) was measured to be slower on CPUs.
"""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from entropyreg.images.models.mlp import MLP, dropout

Generators = Sequence[torch.Generator] | None


class Members(nn.Module):
    """Any networks, side by side."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def __len__(self) -> int:
        return len(self.members)

    def features(self, x: Tensor, generators: Generators = None) -> Tensor:
        """(S, B, D)"""
        return torch.stack([member.features(part) for member, part in zip(self.members, x, strict=True)])

    def classify(self, features: Tensor) -> Tensor:
        """(S, B, D) to (S, B, K)"""
        return torch.stack([member.classifier(part) for member, part in zip(self.members, features, strict=True)])

    def forward(self, x: Tensor, generators: Generators = None) -> Tensor:
        return self.classify(self.features(x, generators))

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


class StackedMLP(nn.Module):
    """MLPs of one shape: weights (S, out, in), biases (S, out)."""

    def __init__(self, members: Sequence[MLP]) -> None:
        super().__init__()
        self.rates, self.n_hidden, self.n_seeds = members[0].rates, len(members[0].hidden), len(members)
        self.stacked = nn.ParameterDict()  # keys cannot hold dots
        for name, _ in members[0].named_parameters():
            stack = torch.stack([member.get_parameter(name).detach() for member in members])
            self.stacked[name.replace(".", "/")] = nn.Parameter(stack)

    def __len__(self) -> int:
        return self.n_seeds

    def _linear(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.stacked[f"{name}/weight"], self.stacked[f"{name}/bias"]
        if x.is_cuda or torch.get_num_threads() == 1:
            return torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))  # (S, B, out)
        # several threads share out the seeds of a group: products, whose sums then end in other orders
        return torch.stack([F.linear(*of_seed) for of_seed in zip(x, weight, bias, strict=True)])

    def _drop(self, x: Tensor, layer: int, generators: Generators) -> Tensor:
        if not self.training or self.rates[layer] == 0.0:
            return x
        generators = generators or [None] * len(x)
        return torch.stack([dropout(part, self.rates[layer], one) for part, one in zip(x, generators, strict=True)])

    def features(self, x: Tensor, generators: Generators = None) -> Tensor:
        x = self._drop(x.flatten(2), 0, generators)
        for number in range(self.n_hidden):
            x = self._drop(torch.relu(self._linear(f"hidden/{number}", x)), number + 1, generators)
        return x

    def classify(self, features: Tensor) -> Tensor:
        return self._linear("classifier", features)

    def forward(self, x: Tensor, generators: Generators = None) -> Tensor:
        return self.classify(self.features(x, generators))

    def templates(self) -> tuple[Tensor, Tensor]:
        return self.stacked["classifier/weight"], self.stacked["classifier/bias"]

    def named_layers(self) -> Iterator[tuple[str, nn.Parameter]]:
        for name, parameter in self.stacked.items():
            yield name.replace("/", "."), parameter

    def gradients_by_seed(self) -> list[list[Tensor]]:
        gradients = [one.grad for one in self.stacked.values() if one.grad is not None]
        return [[gradient[seed] for gradient in gradients] for seed in range(len(self))]

    def states(self) -> list[dict[str, Tensor]]:
        return [
            {name: value.detach()[seed].clone() for name, value in self.named_layers()} for seed in range(len(self))
        ]

    def load_states(self, states: Sequence[dict[str, Tensor]]) -> None:
        with torch.no_grad():
            for name, value in self.named_layers():
                value.copy_(torch.stack([state[name] for state in states]))


Group = Members | StackedMLP


def group_of(models: Sequence[nn.Module]) -> Group:
    """The group that trains these networks fastest."""
    return StackedMLP(models) if all(isinstance(model, MLP) for model in models) else Members(models)
