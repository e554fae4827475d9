"""Schedules, gradient smoothing, decay, clipping and averaging, by hand on small numbers."""

import math

import pytest
import torch

from entropyreg.images.models.alexnet import AlexNet
from entropyreg.images.models.groups import Group
from entropyreg.images.models.mlp import MLP
from entropyreg.images.optimisation import Average, Optimiser, clip_by_seed, learning_rate
from entropyreg.images.streams import stream


def mlps(count=2):
    return [MLP((1, 2, 2), 3, hidden=(5, 4), init_std=0.5, generator=stream("initial", s)) for s in range(count)]


def set_gradients(group, value=1.0):
    for parameter in group.parameters():
        parameter.grad = torch.full_like(parameter, value)


def test_schedules_by_hand():
    paper = {"lr": 0.1, "schedule": {"kind": "step", "drop_at": [0.5, 0.75]}}
    rates = [learning_rate(paper, update, 64_000) for update in (0, 31_999, 32_000, 47_999, 48_000, 63_999)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])
    updates = {"lr": 0.1, "schedule": {"kind": "step", "drop_at": [130_000, 260_000], "factor": 0.5}}
    assert [learning_rate(updates, update, 390_000) for update in (129_999, 130_000, 260_000)] == [0.1, 0.05, 0.025]
    linear = {"lr": 2.0, "schedule": {"kind": "linear"}}
    assert [learning_rate(linear, update, 4) for update in range(4)] == [2.0, 1.5, 1.0, 0.5]
    assert learning_rate({"lr": 3.0, "schedule": {"kind": "constant"}}, 7, 8) == 3.0


def change_after(settings, gradients, group=None):
    """The changes of a hidden bias and a bias of the last layer under a sequence of gradients, at a constant rate."""
    group = group or Group(mlps())
    optimiser = Optimiser(group, {"lr": 1.0, "schedule": {"kind": "constant"}, **settings}, 10)
    watched = group.members[0].hidden[0].bias, group.members[0].classifier.bias
    for update, gradient in enumerate(gradients):
        set_gradients(group, gradient)
        optimiser.step(update)
    return [parameter[0].item() for parameter in watched]  # biases start at 0


def test_smoothed_gradients_are_nine_tenths_old_and_one_tenth_new():
    settings = {"momentum": 0.9, "gradient_smoothing": True, "last_layer_factor": 0.1}
    v1, v2 = 0.1 * 1.0, 0.9 * 0.1 + 0.1 * 3.0
    hidden, last = change_after(settings, [1.0, 3.0])
    assert hidden == pytest.approx(-(v1 + v2))
    assert last == pytest.approx(-0.1 * (v1 + v2))


def test_nesterov_by_hand():
    v1 = 1.0
    v2 = 0.9 * v1 + 3.0
    hidden, last = change_after({"momentum": 0.9, "nesterov": True}, [1.0, 3.0])
    assert hidden == last == pytest.approx(-((1.0 + 0.9 * v1) + (3.0 + 0.9 * v2)), rel=1e-6)


def test_decay_is_on_the_named_layers_alone_with_half_the_square():
    model = AlexNet((1, 8, 8), 3, channels=2, dense=(4, 4), generator=stream("initial", 1))
    group = Group([model])
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    decay = {"coefficient": 0.04, "layers": ["dense1", "dense2"]}
    optimiser = Optimiser(group, {"lr": 0.5, "schedule": {"kind": "constant"}, "weight_decay": decay}, 10)
    set_gradients(group, 0.0)
    optimiser.step(0)
    for name, value in model.named_parameters():
        factor = 1 - 0.5 * 0.04 if name in ("dense1.weight", "dense2.weight") else 1.0
        torch.testing.assert_close(value.detach(), before[name] * factor)


def test_decay_of_all_layers_spares_biases_and_norms():
    group = Group(mlps())
    decay = {"coefficient": 0.1, "layers": "all"}
    optimiser = Optimiser(group, {"lr": 1.0, "schedule": {"kind": "constant"}, "weight_decay": decay}, 10)
    names = [name for name, value in group.named_layers() if any(value is one for one in optimiser.decayed)]
    assert set(names) == {"hidden.0.weight", "hidden.1.weight", "classifier.weight"}


def test_each_seed_is_clipped_by_its_own_norm():
    group = Group(mlps())
    set_gradients(group, 0.0)
    first, second = group.gradients_by_seed()
    first[0].fill_(1.0)
    second[0].fill_(0.01)
    n_values = first[0].numel()
    clip_by_seed(group, 1.0)
    first, second = group.gradients_by_seed()
    assert first[0].flatten()[0].item() == pytest.approx(1 / math.sqrt(n_values))
    assert second[0].flatten()[0].item() == pytest.approx(0.01)


def test_clipping_counts_the_decay():
    group = Group(mlps(1))
    weights = group.members[0].hidden[0].weight
    before = weights.detach().clone()
    decay = {"coefficient": 1000.0, "layers": ["hidden.0"]}
    settings = {"lr": 1.0, "schedule": {"kind": "constant"}, "weight_decay": decay, "clip": 1.0}
    optimiser = Optimiser(group, settings, 10)
    set_gradients(group, 0.0)
    optimiser.step(0)
    torch.testing.assert_close(weights.detach(), before - before / before.norm())


def test_averages_ramp_as_tensorflows_and_cover_running_statistics():
    group = Group(mlps(1))
    group.members[0].register_buffer("statistic", torch.zeros(1))
    average, weight = Average(group, 0.5), group.members[0].classifier.weight
    start = weight.detach().clone()
    for updates in (1, 2):
        with torch.no_grad():
            weight += 1.0
            group.members[0].statistic += 8.0
        average.update(group, updates)
    # decays min(.5, 2/11), min(.5, 3/12): a1 = 9/11, a2 = 1/4 a1 + 3/4 * 2
    expected = 0.25 * 9 / 11 + 1.5
    torch.testing.assert_close(average.group.members[0].classifier.weight, start + expected)
    assert average.group.members[0].statistic.item() == pytest.approx(8 * expected)
