"""The Euclidean member: its value, its gradient, and the definition it comes from."""

import math

import torch

from entropyreg.regularizers import euclidean_divergence, euclidean_regularized_cross_entropy


def test_every_skew_of_the_jensen_gap_of_the_squared_norm_is_the_squared_distance():
    logits = torch.randn(5, 8, dtype=torch.float64)
    p, u = logits.softmax(-1), torch.full((5, 8), 1 / 8, dtype=torch.float64)
    for skew in (0.1, 0.5, 0.8):
        m = (1.0 - skew) * u + skew * p
        gap = (1.0 - skew) * u.square().sum(-1) + skew * p.square().sum(-1) - m.square().sum(-1)
        torch.testing.assert_close(euclidean_divergence(logits), gap / (skew * (1.0 - skew)))


def test_divergence_from_a_given_baseline_and_with_forbidden_symbols():
    logits, u = torch.randn(5, 4, dtype=torch.float64), torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    torch.testing.assert_close(euclidean_divergence(logits, baseline=u), (logits.softmax(-1) - u).square().sum(-1))
    logits[:, 0] = -math.inf
    allowed = (logits[:, 1:].softmax(-1) - u[1:] / 0.9).square().sum(-1)
    torch.testing.assert_close(euclidean_divergence(logits, baseline=u), allowed)


def test_float32_gradient_is_within_a_hundred_thousandth_of_float64():
    for scale in (0.1, 1.0, 10.0):
        leaf = (scale * torch.randn(32, 500)).requires_grad_()
        exact = leaf.detach().double().requires_grad_()
        euclidean_divergence(leaf).sum().backward()
        euclidean_divergence(exact).sum().backward()
        assert ((leaf.grad.double() - exact.grad).norm() / exact.grad.norm()).item() < 1e-5


def test_divergence_is_zero_at_the_baseline_and_bounded_by_two():
    assert euclidean_divergence(torch.zeros(2, 50)).abs().max() < 1e-12
    assert (euclidean_divergence(1000.0 * torch.randn(20, 50)) <= 2.0).all()


def test_parts_add_up():
    logits, targets = torch.randn(5, 8), torch.randint(0, 8, (5,))
    parts = euclidean_regularized_cross_entropy(logits, targets, strength=3.0, return_parts=True)
    torch.testing.assert_close(parts.loss, parts.nll + 3.0 * parts.divergence)
    torch.testing.assert_close(parts.divergence, euclidean_divergence(logits).mean())
