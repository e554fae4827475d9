"""Measures a call's memory beyond its results: the highest resident size during the call, minus that before.

Counted by the system (Linux), so that it includes scratch memory of native code.
"""

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from cpu_variants import WIDTH, kernel, usable_paths

from entropyreg import regularizers

MIB = 2**20


def scratch(rows: int, classes: int) -> dict[str, float | None]:
    """{variant: MiB beyond the results}; None if the system gives no figure."""
    skew, targets = 0.5, torch.randint(0, classes, (rows,))
    hidden = torch.randn(rows, WIDTH).requires_grad_()
    weight = (WIDTH**-0.5 * torch.randn(classes, WIDTH)).requires_grad_()
    gradients = 4 * (hidden.numel() + weight.numel()) / MIB

    def unfused() -> torch.Tensor:
        return F.cross_entropy(F.linear(hidden, weight), targets)

    def fused() -> torch.Tensor:
        return regularizers.linear_entropy_regularized_cross_entropy(hidden, weight, targets, skew=skew, strength=0.5)

    def overwriting(logits: torch.Tensor) -> torch.Tensor:
        return regularizers.entropy_regularized_cross_entropy(
            logits, targets, skew=skew, strength=0.5, overwrite_logits=True
        )

    def of_projection(loss: Callable) -> float | None:
        return beyond(gradients, lambda: torch.autograd.grad(loss(), (hidden, weight)))

    found = {"F.linear + F.cross_entropy": of_projection(unfused)}
    for path in usable_paths():
        with kernel(path):
            found[f"fused linear, {path}, skew 0.5"] = of_projection(fused)
            logits = torch.randn(rows, classes).requires_grad_() + 0.0
            found[f"overwriting, {path}, skew 0.5"] = beyond(0.0, lambda z=logits: overwriting(z).backward())
            del logits
    return found


def beyond(results: float, call: Callable) -> float | None:
    """MiB of memory that `call` needs at most beyond `results` MiB, once it has run and all it freed is given back."""
    call()
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # the highest size so far is forgotten
        before = _kib("VmRSS")
        call()
        return (_kib("VmHWM") - before) / 1024 - results
    except (OSError, AttributeError):  # not Linux, not glibc, or not allowed
        return None


def _kib(field: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1])
