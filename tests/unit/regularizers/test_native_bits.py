"""The native CPU kernel's bits: its elementary functions against float64, and invariances to the bit."""

import ctypes

import pytest
import torch

from entropyreg.regularizers import entropy_regularized_cross_entropy, token_statistics
from entropyreg.regularizers.kernels.native import build

pytestmark = pytest.mark.skipif(build.library().handle is None, reason=f"no kernel: {build.library().problem}")


@pytest.fixture(autouse=True)
def native(monkeypatch):
    monkeypatch.setenv("ENTROPYREG_KERNEL", "native")


@pytest.mark.parametrize("function", ["exp", "expm1", "log", "log1p"])
def test_elementary_functions_are_within_units_in_the_last_place(function):
    ranges = {
        "exp": [torch.linspace(-87, 0, 400_001)],
        "expm1": [
            torch.linspace(-80, 80, 400_001),
            torch.linspace(-0.5, 0.5, 400_001),
            torch.logspace(-30, -1, 99_999),
        ],
        "log": [torch.logspace(-35, 35, 400_001), torch.linspace(0.5, 2.0, 400_001)],
        "log1p": [torch.linspace(-0.999, 3.0, 400_001), torch.logspace(-30, 34, 400_001)],
    }[function]
    x = torch.cat(ranges).contiguous()
    y = torch.empty_like(x)
    which = ["exp", "expm1", "log", "log1p"].index(function)
    library = build.library().handle
    addresses = ctypes.c_void_p(x.data_ptr()), ctypes.c_void_p(y.data_ptr())
    library.entropyreg_elementary(ctypes.c_int64(which), *addresses, ctypes.c_int64(len(x)))
    exact = getattr(torch, function)(x.double())
    error = (y.double() - exact).abs() / exact.abs().clamp_min(1e-300)
    assert error[x.abs() < 20.0].max().item() < 1.5 * 2.0**-23
    assert error.max().item() < 3.0 * 2.0**-23


@pytest.mark.parametrize("skew", [0.0, 0.02, 0.5, 0.97, 1.0])
def test_where_the_rows_lie_in_memory_changes_no_bit(skew):
    logits, targets = 5.0 * torch.randn(3, 1021), torch.randint(0, 1021, (3,))
    runs = []
    for offset in range(16):
        moved = torch.empty(3 * 1021 + 16)[offset:][: 3 * 1021].view(3, 1021).copy_(logits).requires_grad_()
        loss = entropy_regularized_cross_entropy(moved, targets, skew=skew, strength=0.7, reduction="none")
        loss.sum().backward()
        runs.append((loss.detach(), moved.grad, *token_statistics(moved, targets)))
    for other in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], other, strict=True))


def test_threads_change_no_bit():
    logits, targets = (5.0 * torch.randn(200, 4001)).requires_grad_(), torch.randint(0, 4001, (200,))
    runs = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        statistics = token_statistics(logits, targets, thresholds=(1e-4,))
        loss = entropy_regularized_cross_entropy(logits, targets, skew=0.5, strength=0.7)
        runs.append((loss.detach(), *torch.autograd.grad(loss, logits), *statistics))
    for other in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], other, strict=True))
