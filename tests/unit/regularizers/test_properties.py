"""For any shape, dtype, mask, skew and strength: agreement with float64 composed operations, and no NaN."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from entropyreg.regularizers import entropy_regularized_cross_entropy, skew_jensen, token_statistics
from entropyreg.regularizers.composed import composed_terms
from entropyreg.regularizers.divergence import SkewJensen
from entropyreg.regularizers.sweep import Objective

skews = st.one_of(st.sampled_from([0.0, 1.0, 0.5, 1e-6, 1 - 1e-6]), st.floats(0.0, 1.0, allow_subnormal=False))
TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}


@st.composite
def batches(draw):
    """Logits, valid targets (-100 in some rows) and a mask that allows every target and never nothing."""
    rows, classes = draw(st.integers(0, 5)), draw(st.integers(1, 12))
    dtype = draw(st.sampled_from(list(TOLERANCE)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    scale = draw(st.sampled_from([0.0, 1e-3, 1.0, 10.0, 100.0]))
    logits = (scale * torch.randn(rows, classes, generator=generator, dtype=torch.float64)).clamp(-100, 100).to(dtype)
    targets = torch.randint(0, classes, (rows,), generator=generator)
    forbidden = torch.rand(rows, classes, generator=generator) < draw(st.sampled_from([0.0, 0.5, 0.95]))
    forbidden.scatter_(1, targets[:, None], False)
    logits[forbidden] = -math.inf
    if rows and draw(st.booleans()):
        targets[draw(st.integers(0, rows - 1))] = -100
    return logits, targets


@settings(deadline=None, max_examples=250, derandomize=True, database=None)
@given(batches(), skews, st.floats(0.0, 20.0), st.booleans())
def test_loss_and_gradient_agree_with_composed_float64(batch, skew, strength, overwrite):
    logits, targets = batch
    kept = targets != -100
    exact = logits.double().clone().requires_grad_()
    nll, divergence = composed_terms(exact[kept], targets[kept], Objective(SkewJensen(skew), strength))
    expected = (nll + strength * divergence).sum()
    expected.backward()
    leaf = logits.clone().requires_grad_()
    parts = entropy_regularized_cross_entropy(
        leaf * 1.0,
        targets,
        skew=skew,
        strength=strength,
        reduction="sum",
        overwrite_logits=overwrite,
        return_parts=True,
    )
    parts.loss.backward()
    accuracy = 1e-9 if logits.dtype == torch.float64 else 2e-5
    torch.testing.assert_close(parts.loss.double(), expected, rtol=accuracy, atol=accuracy * (1.0 + strength))
    assert parts.divergence.item() >= 0.0
    tolerance = TOLERANCE[logits.dtype]
    torch.testing.assert_close(leaf.grad.double(), exact.grad, rtol=tolerance, atol=tolerance * (1.0 + strength))


@settings(deadline=None, max_examples=150, derandomize=True, database=None)
@given(batches(), skews)
def test_divergence_is_finite_and_never_negative(batch, skew):
    logits, _ = batch
    leaf = logits.clone().requires_grad_()
    value = skew_jensen(leaf, skew)
    value.sum().backward()
    assert (value >= 0.0).all() and torch.isfinite(value).all() and torch.isfinite(leaf.grad).all()


@settings(deadline=None, max_examples=100, derandomize=True, database=None)
@given(batches(), st.floats(0.05, 20.0))
def test_statistics_are_within_their_bounds(batch, temperature):
    logits, targets = batch
    targets = targets.clamp_min(0)
    statistics = token_statistics(logits, targets, thresholds=(1e-5, 0.1), temperatures=(1.0, temperature))
    classes = logits.shape[1]
    assert (statistics.entropy >= -1e-6).all() and (statistics.entropy <= math.log(classes) + 1e-5).all()
    assert (statistics.max_prob * classes >= 1.0 - 1e-5).all() and (statistics.max_prob <= 1.0 + 1e-6).all()
    assert (statistics.rank >= 0).all() and (statistics.rank < classes).all()
    assert (statistics.share[..., 0] <= statistics.share[..., 1]).all()
    assert torch.equal(statistics.correct[0], logits.argmax(-1) == targets)
