"""The networks: sizes by hand, published shapes, one training step each, and what is easily ported wrongly."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from entropyreg.images.models import build_model, evaluate, parameter_count
from entropyreg.images.models.alexnet import AlexNet, LocalResponseNorm, pool_same
from entropyreg.images.models.mlp import MLP, dropout
from entropyreg.images.models.resnet import ResNet
from entropyreg.images.streams import stream
from entropyreg.io.errors import UserError


def resnet_count(widths, blocks, stem, n_classes, channels=3):
    """Convolutions, norms (two values a channel) and the last layer, counted by hand."""
    count, n_in = channels * stem * 9 + 2 * stem, stem
    for width in widths:
        count += n_in * width + 2 * width  # the shortcut of the stage's first block
        for _ in range(blocks):
            count += 2 * n_in + n_in * width * 9 + 2 * width + width * width * 9
            n_in = width
    return count + n_in * n_classes + n_classes


MODELS = {  # settings, shape, classes, parameters, features
    "teacher": ({"kind": "mlp", "hidden": [1200, 1200]}, (1, 28, 28), 10, 2_395_210, 1200),
    "student": ({"kind": "mlp", "hidden": [800, 800]}, (1, 28, 28), 10, 1_276_810, 800),
    "alexnet": ({"kind": "alexnet"}, (3, 24, 24), 10, 1_068_298, 192),
    "small": ({"kind": "alexnet", "channels": 8, "dense": [32, 24]}, (1, 28, 28), 10, 15_434, 24),
    "tiny": ({"kind": "alexnet", "channels": 8, "dense": [32, 24]}, (1, 8, 8), 10, 3_914, 24),
    "resnet56": ({"kind": "resnet"}, (3, 32, 32), 100, resnet_count((32, 64, 128), 9, 16, 100), 128),
    "resnet56he": (
        *({"kind": "resnet", "layers": 56, "widths": [16, 32, 64]}, (3, 32, 32), 10),
        *(resnet_count((16, 32, 64), 9, 16, 10), 64),
    ),
    "resnet20": ({"kind": "resnet", "layers": 20}, (3, 32, 32), 10, resnet_count((32, 64, 128), 3, 16, 10), 128),
    "resnet8": ({"kind": "resnet", "layers": 8}, (3, 24, 24), 10, resnet_count((32, 64, 128), 1, 16, 10), 128),
}


@pytest.mark.parametrize("name", MODELS)
def test_size_shapes_and_one_training_step(name):
    settings, shape, n_classes, n_parameters, n_features = MODELS[name]
    model = build_model(settings, shape, n_classes, stream("initial", 1))
    assert parameter_count(model) == n_parameters
    x = torch.randn(4, *shape, generator=stream("test", 1))
    labels = torch.tensor([0, 1, 2, 3])
    logits, features = evaluate(model, x)
    assert logits.shape == (4, n_classes) and features.shape == (4, n_features)
    assert model.classifier.weight.shape == (n_classes, n_features)
    before = F.cross_entropy(model(x), labels)
    before.backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())
    with torch.no_grad():
        norm = math.sqrt(sum(float(parameter.grad.square().sum()) for parameter in model.parameters()))
        for parameter in model.parameters():
            parameter -= 1e-2 / norm * parameter.grad
    assert F.cross_entropy(model(x), labels) < before


def test_inception_v4_trains_one_step():
    model = build_model({"kind": "inception_v4"}, (3, 299, 299), 1000, stream("initial", 1))
    assert parameter_count(model) == 42_679_816
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms and all(module.weight is not None for module in norms)  # the scale that paper B adds
    logits = model(torch.randn(2, 3, 299, 299, generator=stream("test", 1)))
    F.cross_entropy(logits, torch.tensor([0, 1])).backward()
    assert logits.shape == (2, 1000) and model.classifier.weight.grad.isfinite().all()


def test_without_pytorchcv_the_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pytorchcv.models.inceptionv4", None)
    with pytest.raises(UserError, match=r"pytorchcv==0\.0\.74"):
        build_model({"kind": "inception_v4"}, (3, 299, 299), 10, stream("initial", 1))


def slow_response_norm(x, radius, bias, alpha, beta):
    """TensorFlow's definition, channel by channel, in numpy."""
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        near = x[:, max(0, c - radius) : c + radius + 1]
        y[:, c] = x[:, c] / (bias + alpha * (near**2).sum(1)) ** beta
    return y


def test_response_norm_is_tensorflows():
    x = torch.randn(2, 16, 3, 5, dtype=torch.float64, generator=stream("test", 1)) * 30
    expected = slow_response_norm(x.numpy(), 4, 1.0, 0.001 / 9, 0.75)
    np.testing.assert_allclose(LocalResponseNorm(16)(x.float()).numpy(), expected, rtol=2e-6)
    torchs = F.local_response_norm(x, size=9, alpha=0.001, beta=0.75, k=1.0)  # torch divides alpha by the size
    np.testing.assert_allclose(torchs.numpy(), expected, rtol=1e-12)
    wrong = F.local_response_norm(x, size=9, alpha=0.001 / 9, beta=0.75, k=1.0)
    assert np.abs(wrong.numpy() - expected).max() > 0.1


def test_response_norm_has_torchs_gradient():
    x = (torch.randn(2, 16, 3, 5, generator=stream("test", 1)) * 30).requires_grad_()
    weights = torch.randn(2, 16, 3, 5, generator=stream("test", 2))
    (ours,) = torch.autograd.grad((LocalResponseNorm(16)(x) * weights).sum(), x)
    (torchs,) = torch.autograd.grad((F.local_response_norm(x, 9, alpha=0.001, beta=0.75, k=1.0) * weights).sum(), x)
    torch.testing.assert_close(ours, torchs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("side", "before"), [(24, 0), (12, 0), (7, 1), (8, 0), (5, 1)])
def test_pooling_pads_as_tensorflow_does(side, before):
    """SAME: ceil(n / 2) windows; of the padding, the smaller half comes before."""
    x = torch.randn(1, 1, side, side, generator=stream("test", side))
    out = math.ceil(side / 2)
    total = (out - 1) * 2 + 3 - side
    assert total // 2 == before
    padded = F.pad(x, (before, total - before) * 2, value=-math.inf)
    assert torch.equal(pool_same(x), F.max_pool2d(padded, 3, 2))
    assert pool_same(x).shape[-1] == out


def test_pooling_before_the_rectifier_changes_nothing():
    model = AlexNet((3, 24, 24), 10, channels=8, dense=(16, 12), generator=stream("initial", 1))
    x = torch.randn(2, 3, 24, 24, generator=stream("test", 1))
    h = model.norm(pool_same(torch.relu(model.conv1(x))))
    h = pool_same(model.norm(torch.relu(model.conv2(h))))
    expected = torch.relu(model.dense2(torch.relu(model.dense1(h.flatten(1)))))
    assert torch.equal(model.features(x), expected)


def test_initial_weights_are_as_published():
    mlp = MLP((1, 28, 28), 10, generator=stream("initial", 1))
    assert mlp.hidden[0].weight.std().item() == pytest.approx(0.03, rel=0.01)
    assert not mlp.hidden[0].bias.any()
    alexnet = AlexNet((3, 24, 24), 10, generator=stream("initial", 1))
    for layer, deviation in ((alexnet.conv2, 0.05), (alexnet.dense1, 0.04), (alexnet.classifier, 1 / 192)):
        assert layer.weight.abs().max().item() <= 2 * deviation + 1e-6
        # a Gaussian cut at two deviations has .8796 of its deviation
        assert layer.weight.std().item() == pytest.approx(0.8796 * deviation, rel=0.04)
    biases = [layer.bias[0].item() for layer in (alexnet.conv1, alexnet.conv2, alexnet.dense1)]
    assert biases == pytest.approx([0, 0.1, 0.1])
    resnet = ResNet((3, 32, 32), 10, layers=8, generator=stream("initial", 1))
    last = resnet.blocks[-1].conv2.weight
    assert last.std().item() == pytest.approx((128 * 9) ** -0.5, rel=0.02)


def test_resnets_have_as_many_layers_as_they_say():
    for layers in (8, 20, 56):
        model = ResNet((3, 8, 8), 10, layers=layers, widths=(4, 4, 4), stem=4)
        threes = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3)]
        assert len(threes) + 1 == layers
    with pytest.raises(ValueError, match="got 18"):
        ResNet((3, 8, 8), 10, layers=18)


def test_features_are_the_rectified_units_that_the_templates_meet():
    model = MLP((1, 4, 4), 3, hidden=(8, 6), init_std=0.5, generator=stream("initial", 1)).eval()
    x = torch.randn(5, 1, 4, 4, generator=stream("test", 1))
    logits, features = evaluate(model, x)
    assert (features >= 0).all() and (features == 0).any()
    assert torch.allclose(logits, features @ model.classifier.weight.T + model.classifier.bias)


def test_dropout_keeps_the_mean_and_follows_its_generator():
    x = torch.ones(400, 500)
    dropped = dropout(x, 0.2, stream("dropout", 1))
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)
    assert torch.equal(dropped, dropout(x, 0.2, stream("dropout", 1)))
    assert not torch.equal(dropped, dropout(x, 0.2, stream("dropout", 2)))
    assert dropout(x, 0.0, None) is x
