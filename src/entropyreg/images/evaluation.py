"""Computes logits and penultimate features of a group of networks for many images, a batch at a time."""

import torch
import torch.nn.functional as F
from torch import Tensor

from entropyreg.images.models.groups import Group
from entropyreg.images.views import Draws, View

BATCH = 500


@torch.no_grad()
def logits_of(
    group: Group, view: View, index: Tensor | None = None, draws: Draws | None = None, batch: int = BATCH
) -> Tensor:
    """Logits (S, N, K) on the CPU of the images of `index` (N,), all by default, as in evaluation or with `draws`."""
    return outputs_of(group, view, index, draws, batch)[0]


@torch.no_grad()
def outputs_of(
    group: Group, view: View, index: Tensor | None = None, draws: Draws | None = None, batch: int = BATCH
) -> tuple[Tensor, Tensor]:
    """Logits (S, N, K) and features (S, N, D) on the CPU; dropout is off, and the group's mode is restored."""
    training = group.training
    group.eval()
    index = torch.arange(len(view)) if index is None else index
    logits, features = [], []
    for start in range(0, len(index), batch):
        chosen = slice(start, start + batch)
        part = None if draws is None else {name: values[chosen] for name, values in draws.items()}
        images = view(index[chosen].to(view.device), part)
        of_batch = group.outputs(images)
        logits.append(of_batch[0].float().cpu())
        features.append(of_batch[1].float().cpu())
    group.train(training)
    return torch.cat(logits, 1), torch.cat(features, 1)


def accuracy_and_nll(logits: Tensor, labels: Tensor) -> tuple[list[float], list[float]]:
    """Each seed's share of correct images, and mean NLL in nats; (S, N, K), (N,)."""
    correct = [(one.argmax(-1) == labels).double().mean().item() for one in logits]
    return correct, [F.cross_entropy(one.double(), labels).item() for one in logits]
