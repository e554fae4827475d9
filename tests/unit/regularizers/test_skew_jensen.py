"""Values: the divergence and the loss against the literal definition, at the ends, and where the definition fails."""

import math
from itertools import product

import numpy as np
import pytest
import reference
import torch
import torch.nn.functional as F

from entropyreg.regularizers import annealed_unigram, entropy_regularized_cross_entropy, given_baseline, skew_jensen

SKEWS = [0.0, 1e-6, 0.03, 0.1, 0.49, 0.5, 0.9, 0.96, 0.999, 1 - 1e-6, 1.0]
GIVEN = [0.4, 0.3, 0.15, 0.1, 0.05]


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("baseline", [None, GIVEN], ids=["uniform", "given"])
def test_divergence_equals_the_literal_definition(skew, baseline):
    for scale in (0.1, 1.0, 20.0):
        logits = scale * torch.randn(6, 5, dtype=torch.float64)
        logits[0, 1], logits[1, 3:] = -math.inf, -math.inf
        expected = reference.skew_jensen(logits, skew, baseline)
        torch.testing.assert_close(skew_jensen(logits, skew, baseline=baseline), expected, rtol=1e-9, atol=1e-9)
        in_float32 = reference.skew_jensen(logits.float(), skew, baseline)
        torch.testing.assert_close(
            skew_jensen(logits.float(), skew, baseline=baseline).double(), in_float32, rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("baseline", [None, GIVEN], ids=["uniform", "given"])
def test_loss_equals_the_literal_definition(skew, baseline):
    for reduction, ignore_index in product(("mean", "sum", "none"), (-100, 2)):
        logits = 3.0 * torch.randn(6, 5, dtype=torch.float64)
        targets = torch.tensor([0, 2, 4, ignore_index, 1, 3])
        settings = {"skew": skew, "strength": 0.7, "ignore_index": ignore_index, "reduction": reduction}
        expected = reference.loss(logits, targets, baseline=baseline, **settings)
        for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 2e-6)):
            loss = entropy_regularized_cross_entropy(logits.to(dtype), targets, baseline=baseline, **settings)
            assert loss.dtype == dtype
            torch.testing.assert_close(loss.double(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("skew", SKEWS)
def test_divergence_of_uniform_logits_is_zero_and_never_negative(skew):
    dtypes = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
    for dtype, offset, n_classes in product(dtypes, (0.0, 60.0), (2, 7, 1000)):
        value = skew_jensen(torch.full((3, n_classes), offset, dtype=dtype), skew)
        assert (value >= 0.0).all()
        assert (value <= 1e-6).all()


@pytest.mark.parametrize("path", ["torch", "auto"])
@pytest.mark.parametrize("skew", [*SKEWS, 0.02, 0.3])
def test_divergence_of_uniform_logits_is_exactly_zero_inside_a_loss(path, skew, monkeypatch):
    monkeypatch.setenv("ENTROPYREG_KERNEL", path)
    dtypes = (torch.float64, torch.float32, torch.bfloat16)
    for dtype, masked, n_classes in product(dtypes, (False, True), (2, 7, 1000, 1501)):
        logits = torch.full((3, n_classes), 3.3, dtype=dtype)
        logits[1] = torch.linspace(-1.0, 1.0, n_classes)
        if masked:
            logits[2, 1::2] = -math.inf
        divergence = entropy_regularized_cross_entropy(
            logits, torch.zeros(3, dtype=torch.long), skew=skew, strength=0.7, reduction="none", return_parts=True
        ).divergence
        assert divergence[[0, 2]].tolist() == [0.0, 0.0]
        assert divergence[1] > 0.05


@pytest.mark.parametrize("skew", SKEWS)
def test_divergence_near_the_baseline_keeps_its_digits_in_float32(skew):
    logits = 4e-3 * torch.randn(8, 500)
    exact = skew_jensen(logits.double(), skew)
    assert (exact < 1e-5).all()
    torch.testing.assert_close(skew_jensen(logits, skew).double(), exact, rtol=1e-3, atol=0.0)


def test_skew_one_is_the_forward_and_skew_zero_the_reverse_kullback_leibler_divergence():
    logits = 2.0 * torch.randn(9, 11, dtype=torch.float64)
    log_p, log_u = F.log_softmax(logits, -1), torch.full((9, 11), -math.log(11), dtype=torch.float64)
    torch.testing.assert_close(
        skew_jensen(logits, 1.0), F.kl_div(log_p, log_u, log_target=True, reduction="none").sum(-1)
    )
    torch.testing.assert_close(
        skew_jensen(logits, 0.0), F.kl_div(log_u, log_p, log_target=True, reduction="none").sum(-1)
    )


def test_skew_half_is_four_times_the_jensen_shannon_divergence():
    from scipy.spatial.distance import jensenshannon

    logits = 2.0 * torch.randn(9, 11, dtype=torch.float64)
    distance = jensenshannon(logits.softmax(-1).numpy(), np.full((9, 11), 1 / 11), axis=-1)
    torch.testing.assert_close(skew_jensen(logits, 0.5), torch.from_numpy(4.0 * distance**2))


def test_skew_next_to_one_is_not_the_limit_for_a_peaked_distribution():
    logits = torch.tensor([[100.0] + [0.0] * 99])
    assert skew_jensen(logits, 1.0).item() == pytest.approx(99.0 - math.log(100), rel=1e-6)
    near = skew_jensen(logits, 1 - 1e-6).item()
    assert near == pytest.approx(reference.skew_jensen(logits, 1 - 1e-6).item(), rel=1e-5)
    assert near < 15.0


def test_divergence_of_two_classes_at_certainty_has_its_finite_limits():
    logits = torch.tensor([[1000.0, -1000.0]])
    assert skew_jensen(logits, 0.0).item() == pytest.approx(math.log(2))
    quarter = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25) + math.log(1.0 / 0.75)
    assert skew_jensen(logits, 0.5).item() == pytest.approx(2.0 * quarter)  # 2 KL(u || m) + 2 KL(p || m)
    assert skew_jensen(logits, 1.0).item() == pytest.approx(1000.0 - math.log(2))


@pytest.mark.parametrize("skew", [0.0, 0.02, 0.3, 0.7, 0.98, 1.0])
def test_forbidden_symbols_change_nothing_but_the_vocabulary(skew):
    logits = 2.0 * torch.randn(5, 8, dtype=torch.float64)
    masked = torch.full((5, 20), -math.inf, dtype=torch.float64)
    kept = torch.tensor([0, 3, 4, 7, 11, 12, 15, 19])
    masked[:, kept] = logits
    torch.testing.assert_close(skew_jensen(masked, skew), skew_jensen(logits, skew))


def test_a_uniform_baseline_given_by_hand_is_the_default():
    logits = torch.randn(4, 6, dtype=torch.float64)
    for skew in (0.0, 0.3, 0.7, 1.0):
        torch.testing.assert_close(skew_jensen(logits, skew, baseline=[1 / 6] * 6), skew_jensen(logits, skew))


def test_an_annealed_unigram_runs_from_the_unigram_to_the_uniform_distribution():
    counts = torch.tensor([1.0, 10.0, 100.0, 1000.0])
    torch.testing.assert_close(annealed_unigram(counts, 1.0).probabilities, counts.double() / 1111.0)
    powers = counts.double() ** (1 / 20)
    torch.testing.assert_close(annealed_unigram(counts, 20.0).probabilities, powers / powers.sum())
    torch.testing.assert_close(annealed_unigram(counts, 1e9).probabilities, torch.full((4,), 0.25, dtype=torch.float64))


def test_a_validated_baseline_equals_the_raw_distribution():
    logits = torch.randn(4, 5)
    raw = torch.tensor(GIVEN)
    assert torch.equal(skew_jensen(logits, 0.4, baseline=given_baseline(raw)), skew_jensen(logits, 0.4, baseline=raw))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_parts_are_the_unweighted_terms_reduced_alike(reduction):
    logits, targets = torch.randn(6, 9, requires_grad=True), torch.tensor([0, 1, -100, 3, 8, -100])
    parts = entropy_regularized_cross_entropy(
        logits, targets, skew=0.4, strength=0.7, reduction=reduction, return_parts=True
    )
    torch.testing.assert_close(parts.nll, F.cross_entropy(logits, targets, reduction=reduction))
    kept = targets != -100
    expected = (
        entropy_regularized_cross_entropy(logits, targets, skew=0.4, strength=1.0, reduction=reduction) - parts.nll
    )
    torch.testing.assert_close(parts.divergence, expected)
    torch.testing.assert_close(parts.loss, parts.nll + 0.7 * parts.divergence)
    assert parts.loss.requires_grad and not parts.nll.requires_grad and not parts.divergence.requires_grad
    if reduction == "none":
        assert (parts.loss[~kept] == 0.0).all()


def test_strength_zero_is_cross_entropy():
    logits, targets = 5.0 * torch.randn(7, 13), torch.randint(0, 13, (7,))
    for reduction in ("mean", "sum", "none"):
        loss = entropy_regularized_cross_entropy(logits, targets, skew=0.5, strength=0.0, reduction=reduction)
        torch.testing.assert_close(loss, F.cross_entropy(logits, targets, reduction=reduction))


@pytest.mark.parametrize("leading", [(), (3,), (2, 3), (2, 0, 3), (2, 1, 3)])
def test_leading_axes_are_rows(leading):
    logits, targets = torch.randn(*leading, 7), torch.randint(0, 7, leading)
    loss = entropy_regularized_cross_entropy(logits, targets, skew=0.5, strength=1.0, reduction="none")
    flat = entropy_regularized_cross_entropy(
        logits.reshape(-1, 7), targets.reshape(-1), skew=0.5, strength=1.0, reduction="none"
    )
    assert loss.shape == targets.shape
    assert torch.equal(loss.reshape(-1), flat)
    assert skew_jensen(logits, 0.5).shape == targets.shape


@pytest.mark.parametrize("skew", [0.0, 0.5, 1.0])
def test_rows_do_not_depend_on_how_they_are_chunked(skew, monkeypatch):
    from entropyreg.regularizers import sweep

    logits, targets = 4.0 * torch.randn(37, 50), torch.randint(0, 50, (37,))
    whole = logits.clone().requires_grad_()
    entropy_regularized_cross_entropy(whole, targets, skew=skew, strength=0.5).backward()
    monkeypatch.setitem(sweep.CHUNK_ELEMENTS, "cpu", 200)
    chunked = logits.clone().requires_grad_()
    entropy_regularized_cross_entropy(chunked, targets, skew=skew, strength=0.5).backward()
    torch.testing.assert_close(chunked.grad, whole.grad, rtol=1e-6, atol=1e-8)
