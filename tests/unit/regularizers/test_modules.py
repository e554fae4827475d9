"""Each module equals its function with stored settings."""

import copy
import inspect
import pickle

import pytest
import torch

from entropyreg import regularizers as r

LOGITS = torch.linspace(-3.0, 3.0, 24).reshape(4, 6).roll(7, 1)
TARGETS = torch.tensor([0, 5, -100, 2])
BASELINE = [0.3, 0.2, 0.2, 0.1, 0.1, 0.1]


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (
            r.EntropyRegularizedCrossEntropy(skew=0.5, strength=0.7, baseline=BASELINE, reduction="sum"),
            lambda z, y: r.entropy_regularized_cross_entropy(
                z, y, skew=0.5, strength=0.7, baseline=BASELINE, reduction="sum"
            ),
        ),
        (
            r.LabelSmoothingCrossEntropy(smoothing=0.1, convention="fairseq"),
            lambda z, y: r.label_smoothing_cross_entropy(z, y, smoothing=0.1, convention="fairseq"),
        ),
        (
            r.ConfidencePenaltyCrossEntropy(strength=0.3, ignore_index=5),
            lambda z, y: r.confidence_penalty_cross_entropy(z, y, strength=0.3, ignore_index=5),
        ),
        (
            r.EuclideanRegularizedCrossEntropy(strength=3.0, reduction="none"),
            lambda z, y: r.euclidean_regularized_cross_entropy(z, y, strength=3.0, reduction="none"),
        ),
    ],
)
def test_module_equals_function(module, function):
    targets = TARGETS.clamp_min(0) if "ignore_index=5" in repr(module) else TARGETS
    assert torch.equal(module(LOGITS, targets), function(LOGITS, targets))


def test_divergence_and_linear_modules_equal_their_functions():
    assert torch.equal(r.SkewJensenDivergence(0.3)(LOGITS), r.skew_jensen(LOGITS, 0.3))
    hidden, weight, bias = torch.randn(4, 3), torch.randn(6, 3), torch.randn(6)
    module = r.LinearEntropyRegularizedCrossEntropy(skew=0.5, strength=0.7)
    expected = r.linear_entropy_regularized_cross_entropy(hidden, weight, TARGETS, bias=bias, skew=0.5, strength=0.7)
    assert torch.equal(module(hidden, weight, TARGETS, bias), expected)


def test_parts_come_through_the_module():
    parts = r.EntropyRegularizedCrossEntropy(skew=0.5, strength=0.7, return_parts=True)(LOGITS, TARGETS)
    torch.testing.assert_close(parts.loss, parts.nll + 0.7 * parts.divergence)


def test_wrong_settings_are_refused_when_the_module_is_made():
    with pytest.raises(ValueError, match="skew"):
        r.EntropyRegularizedCrossEntropy(skew=1.5, strength=1.0)
    with pytest.raises(ValueError, match="baseline"):
        r.EntropyRegularizedCrossEntropy(skew=0.5, strength=1.0, baseline=[1.0, 0.0])
    with pytest.raises(ValueError, match="convention"):
        r.LabelSmoothingCrossEntropy(smoothing=0.1, convention="torch")
    with pytest.raises(ValueError, match="reduction"):
        r.ConfidencePenaltyCrossEntropy(strength=0.1, reduction="batchmean")


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (r.SkewJensenDivergence, r.skew_jensen),
        (r.EntropyRegularizedCrossEntropy, r.entropy_regularized_cross_entropy),
        (r.LabelSmoothingCrossEntropy, r.label_smoothing_cross_entropy),
        (r.ConfidencePenaltyCrossEntropy, r.confidence_penalty_cross_entropy),
        (r.EuclideanRegularizedCrossEntropy, r.euclidean_regularized_cross_entropy),
        (r.LinearEntropyRegularizedCrossEntropy, r.linear_entropy_regularized_cross_entropy),
    ],
)
def test_a_module_takes_the_settings_of_its_function_with_the_same_defaults(module, function):
    tensors = {"logits", "targets", "hidden", "bias", *({"weight"} if "Linear" in module.__name__ else ())}

    def settings(callable_):
        parameters = inspect.signature(callable_).parameters.values()
        return {p.name: p.default for p in parameters if p.name not in tensors}

    assert settings(module) == settings(function)


def test_settings_are_shown_and_are_attributes_that_may_be_changed_and_are_checked():
    module = r.EntropyRegularizedCrossEntropy(skew=0.5, strength=0.7, baseline=BASELINE)
    assert "skew=0.5, strength=0.7, baseline='given'" in repr(module)
    assert not list(module.parameters())
    assert (module.skew, module.strength, module.reduction) == (0.5, 0.7, "mean")
    module.skew, module.strength, module.baseline = 0.2, 1.5, None
    assert "skew=0.2, strength=1.5, label_smoothing=0.0, ignore_index" in repr(module)
    expected = r.entropy_regularized_cross_entropy(LOGITS, TARGETS, skew=0.2, strength=1.5)
    assert torch.equal(module(LOGITS, TARGETS), expected)
    module.baseline = r.annealed_unigram([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2.0)
    assert not torch.equal(module(LOGITS, TARGETS), expected)
    for name, value in {"skew": 1.5, "strength": -1.0, "reduction": "batchmean", "baseline": [1.0, 0.0]}.items():
        with pytest.raises(ValueError, match=name):
            setattr(module, name, value)
    assert r.LabelSmoothingCrossEntropy(smoothing=0.1).smoothing == 0.1
    assert r.SkewJensenDivergence(0.3).skew == 0.3


@pytest.mark.parametrize(
    "module",
    [
        r.EntropyRegularizedCrossEntropy(skew=0.5, strength=0.7, baseline=BASELINE),
        r.EuclideanRegularizedCrossEntropy(strength=0.7, baseline=BASELINE),
        r.LinearEntropyRegularizedCrossEntropy(skew=0.5, strength=0.7, baseline=BASELINE),
        r.SkewJensenDivergence(0.5, baseline=BASELINE),
    ],
)
def test_the_baseline_is_a_buffer_that_moves_in_full_precision_and_is_saved(module):
    assert set(dict(module.named_buffers())) == set(module.state_dict()) == {"baseline", "log_baseline"}
    exact = module.baseline.clone()
    assert torch.equal(module.half().baseline, exact) and torch.equal(module.float().log_baseline, exact.log())
    other = copy.deepcopy(module)
    other.baseline = [1 / 6] * 6
    other.load_state_dict(module.state_dict())
    assert torch.equal(other.baseline, exact) and torch.equal(other.log_baseline, exact.log())
    moved = copy.deepcopy(module).half().to("meta")
    assert moved.baseline.device.type == moved.log_baseline.device.type == "meta"
    again = pickle.loads(pickle.dumps(module))
    assert repr(again) == repr(module) and torch.equal(again.baseline, exact)
