"""Stochastic gradient descent as paper B uses it: schedules, gradient smoothing, decay on named layers, clipping.

gradient       g = d(loss)/dw + coefficient w        (decay: coefficient * sum(w^2) / 2, on the named layers alone)
clipping       g * min(1, clip / ||g||)              (of each seed, with its decay, as in tensor2tensor)
momentum       v = momentum v + g                    (nesterov: w -= lr (g + momentum v))
smoothing      v = momentum v + (1-momentum) g       (.9 of the old gradient and .1 of the new; v starts at 0)
average        a = d a + (1-d) w,  d = min(average, (1+updates) / (10+updates))      (as TensorFlow ramps it)
"""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from entropyreg.images.models.groups import Group
from entropyreg.io.errors import UserError


def learning_rate(settings: Mapping[str, Any], update: int, total: int) -> float:
    """The rate of update number `update` (from 0) of `total`.

    schedule.kind: constant; linear (to 0 after the last update); step, times `factor` at each of `drop_at`, which are
    shares of the training if below 1 and updates otherwise.
    """
    schedule, rate = settings["schedule"], settings["lr"]
    if schedule["kind"] == "linear":
        return rate * (1.0 - update / total)
    if schedule["kind"] == "step":
        drops = sum(update >= (at * total if at < 1 else at) for at in schedule["drop_at"])
        return rate * schedule.get("factor", 0.1) ** drops
    if schedule["kind"] != "constant":
        raise UserError(f"optimiser.schedule.kind is '{schedule['kind']}'; allowed: constant, step, linear.")
    return rate


class Optimiser:
    """SGD over a group of networks; `step(update)` changes the weights from the gradients that backward left."""

    def __init__(self, group: Group, settings: Mapping[str, Any], total: int) -> None:
        self.group, self.settings, self.total = group, settings, total
        decay = settings.get("weight_decay") or {"coefficient": 0.0, "layers": []}
        last, others, self.decayed = [], [], []
        for name, parameter in group.named_layers():
            (last if name.startswith("classifier") else others).append(parameter)
            if is_decayed(name, parameter.dim(), decay["layers"]):
                self.decayed.append(parameter)
        self.coefficient = decay["coefficient"]
        self.factors = [1.0, settings.get("last_layer_factor", 1.0)]
        momentum, smoothing = settings.get("momentum", 0.0), settings.get("gradient_smoothing", False)
        self.sgd = torch.optim.SGD(
            [{"params": others}, {"params": last}],
            lr=settings["lr"],
            momentum=momentum,
            dampening=momentum if smoothing else 0.0,
            nesterov=settings.get("nesterov", False),
            foreach=False,  # fused kernels give other bits to the same seed in groups of other sizes
        )
        if momentum:  # from zero: torch would take the first gradient whole, undamped
            for parameter in (*others, *last):
                self.sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)

    def step(self, update: int) -> None:
        rate = learning_rate(self.settings, update, self.total)
        for group, factor in zip(self.sgd.param_groups, self.factors, strict=True):
            group["lr"] = rate * factor
        if self.coefficient:
            with torch.no_grad():
                for parameter in self.decayed:
                    parameter.grad.add_(parameter, alpha=self.coefficient)
        if clip := self.settings.get("clip"):
            clip_by_seed(self.group, clip)
        self.sgd.step()


def is_decayed(name: str, n_axes: int, layers: str | list[str]) -> bool:
    """True for the weights (not biases) of the named layers; 'all' are all that have more than one axis."""
    if not name.endswith("weight") or n_axes < 2:
        return False
    return layers == "all" or any(name.startswith(f"{layer}.") for layer in layers)


@torch.no_grad()
def clip_by_seed(group: Group, largest: float) -> None:
    """Scale the gradients of each seed so that their common norm is at most `largest`."""
    for gradients in group.gradients_by_seed():
        norm = torch.nn.utils.get_total_norm(gradients)
        scale = torch.clamp(largest / norm, max=1.0)
        for gradient in gradients:
            gradient.mul_(scale)


class Average:
    """The exponential moving average of a group's weights and running statistics, as a group of its own."""

    def __init__(self, group: Group, decay: float) -> None:
        self.group, self.decay = copy.deepcopy(group).requires_grad_(False), decay

    @torch.no_grad()
    def update(self, group: nn.Module, updates: int) -> None:
        """After update number `updates` (from 1)."""
        decay = min(self.decay, (1.0 + updates) / (10.0 + updates))
        for old, new in zip(self.group.state_dict().values(), group.state_dict().values(), strict=True):
            if old.is_floating_point():
                old.lerp_(new, 1.0 - decay)
            else:
                old.copy_(new)
