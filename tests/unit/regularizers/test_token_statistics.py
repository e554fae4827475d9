"""token_statistics against separate, naive operations in float64."""

import math

import pytest
import torch

from entropyreg.regularizers import sweep, token_statistics

THRESHOLDS = (math.exp(-10), math.exp(-15), 0.01)


def naive(logits, targets, thresholds, temperature):
    p = (logits.double() / temperature).softmax(-1)
    log_p = (logits.double() / temperature).log_softmax(-1)
    own = targets[:, None]
    order = logits.argsort(dim=-1, descending=True, stable=True)
    return {
        "nll": -log_p.gather(1, own)[:, 0],
        "entropy": -torch.where(p > 0, p * log_p, 0.0).sum(-1),
        "max_prob": p.max(-1).values,
        "correct": logits.argmax(-1) == targets,
        "rank": (order == own).nonzero()[:, 1],
        "share": torch.stack([(p < threshold).double().mean(-1) for threshold in thresholds], -1)
        if thresholds
        else p[:, :0],
    }


def check(statistics, expected, index=()):
    for name, value in expected.items():
        got = getattr(statistics, name)[index]
        if value.dtype == torch.float64:
            one_symbol = 1.01 / 300 if name == "share" and got.dtype != torch.float64 else 0.0  # p at a threshold
            torch.testing.assert_close(got.double(), value, rtol=2e-5, atol=2e-6 + one_symbol, msg=name)
        else:
            assert torch.equal(got, value), name


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0])
def test_statistics_equal_naive_ones(dtype, scale, monkeypatch):
    monkeypatch.setitem(sweep.CHUNK_ELEMENTS, "cpu", 900)
    logits, targets = (scale * torch.randn(50, 300)).to(dtype), torch.randint(0, 300, (50,))
    before = logits.clone()
    check(token_statistics(logits, targets, thresholds=THRESHOLDS), naive(logits, targets, THRESHOLDS, 1.0))
    assert torch.equal(logits, before)


def test_several_temperatures_come_first():
    logits, targets = 5.0 * torch.randn(20, 100), torch.randint(0, 100, (20,))
    temperatures = (0.5, 1.0, 3.0, 0.1)
    statistics = token_statistics(logits, targets, thresholds=THRESHOLDS, temperatures=temperatures)
    assert statistics.nll.shape == statistics.rank.shape == statistics.correct.shape == (4, 20)
    assert statistics.share.shape == (4, 20, 3)
    for index, temperature in enumerate(temperatures):
        check(statistics, naive(logits, targets, THRESHOLDS, temperature), index)


@pytest.mark.parametrize("n_rows", [0, 1, 7])
def test_shapes_follow_the_targets(n_rows):
    statistics = token_statistics(
        torch.randn(2, n_rows, 9), torch.zeros(2, n_rows, dtype=torch.long), thresholds=(0.1,)
    )
    assert statistics.share.shape == (2, n_rows, 1)
    assert {tuple(value.shape) for value in statistics[:5]} == {(2, n_rows)}
    assert statistics.rank.dtype == torch.int64 and statistics.correct.dtype == torch.bool


def test_forbidden_symbols_have_probability_zero_and_make_nothing_nan():
    logits, targets = torch.randn(10, 30), torch.randint(0, 20, (10,))
    masked = logits.clone()
    masked[:, 20:] = -math.inf
    some, all_ = token_statistics(logits[:, :20], targets), token_statistics(masked, targets, thresholds=(1e-30,))
    for name in ("nll", "entropy", "max_prob", "correct", "rank"):
        torch.testing.assert_close(getattr(some, name), getattr(all_, name))
    assert torch.equal(all_.share[:, 0], torch.full((10,), 10 / 30))


def test_ties_are_broken_by_index_so_that_a_constant_model_is_not_always_right():
    statistics = token_statistics(torch.zeros(5, 5), torch.arange(5))
    assert statistics.rank.tolist() == [0, 1, 2, 3, 4]
    assert statistics.correct.tolist() == [True, False, False, False, False]


def test_entropy_of_a_nearly_certain_row_keeps_its_digits():
    logits = torch.full((1, 1000), 50.0)
    logits[0, 3] = 75.0
    rest = 999 * math.exp(-25.0)
    expected = rest * 25.0 + math.log1p(rest)
    assert token_statistics(logits, torch.tensor([3])).entropy.item() == pytest.approx(expected, abs=1e-7)
    assert token_statistics(logits.double(), torch.tensor([3])).entropy.item() == pytest.approx(expected, rel=1e-6)


def test_no_graph_is_kept():
    logits = torch.randn(4, 5, requires_grad=True)
    assert not token_statistics(logits, torch.zeros(4, dtype=torch.long)).nll.requires_grad


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"targets": torch.tensor([5])}, r"targets must lie in \[0, 5\)"),
        ({"targets": torch.tensor([-100])}, r"targets must lie in \[0, 5\)"),
        ({"targets": torch.tensor([0, 1])}, "targets must have the shape"),
        ({"targets": torch.tensor([0.0])}, "targets must hold integer"),
        ({"thresholds": (0.0,)}, "thresholds must be in"),
        ({"thresholds": (math.nan,)}, "thresholds must be in"),
        ({"temperatures": (0.0,)}, "temperatures must be positive"),
        ({"temperatures": (1.0, math.inf)}, "temperatures must be positive"),
        ({"temperatures": ()}, "temperatures must hold"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        token_statistics(**({"logits": torch.randn(1, 5), "targets": torch.tensor([0])} | arguments))
