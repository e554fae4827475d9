"""Chooses the code that computes the rows: a kernel for the device where there is one, plain torch everywhere else.

    CUDA: Triton    CPU: native    any other device, float64, tensor subclasses: torch

All compute the same within rounding; each gives the same bits in every run. `ENTROPYREG_KERNEL` chooses: "auto" (the
default) takes a kernel where one is usable, "torch" none, "native" raises an error where the CPU kernel is unusable.
`Kernel` is what each must fulfil; `tests/unit/regularizers/test_kernels.py` holds every one to it.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from entropyreg.regularizers.sweep import Objective, RowTerms, RowWeights

CHOICES = ("auto", "native", "torch")
_MODULE_OF_DEVICE = {"cpu": "native", "cuda": "triton"}


class Kernel(Protocol):
    """A faster `sweep.by_chunks`: a module of a folder beside this file, imported where it is chosen.

    Deterministic; nothing outside a row is read or written, whatever it holds; float32 accuracy (`by_chunks` in
    float64 is the oracle: terms within 4e-6, gradients within 1e-5 of their norm). Extra memory does not grow with V
    times N. The version counter of `gradient` is bumped where it is written behind autograd's back.
    """

    def unavailable(self) -> str | None:
        """Why it cannot be used here, in one sentence, or None."""

    def version(self) -> str:
        """Changes whenever the bits of the results may."""

    def sweep(
        self,
        logits: Tensor,
        targets: Tensor | None,
        ignored: Tensor | None,
        objective: "Objective",
        gradient: Tensor | None,
        factor: Tensor | None,
        weights: "RowWeights | None",
    ) -> "RowTerms | None":
        """As `sweep.sweep`, for N > 0; None where it declines, before anything is written. `gradient` may be `logits`.

        A target outside [0, V) in a row that is not ignored, which the callers refuse where they may look, makes its
        row NaN.
        """


class KernelInUse(NamedTuple):
    """For provenance: results are bit-reproducible between runs whose `path` and `version` are equal."""

    path: str  # "native", "triton" or "torch"
    version: str  # version of the kernel, or of torch
    reason: str  # why this path was taken, in one sentence


def kernel_in_use(device: str = "cpu") -> KernelInUse:
    """The path that float32 logits on `device` take, building the native kernel if that was not done before.

    Raises ValueError for a wrong `ENTROPYREG_KERNEL`, RuntimeError if it is "native" and the kernel is unusable.
    """
    kernel, reason = _choose(torch.device(device).type)
    if kernel is None:
        return KernelInUse("torch", torch.__version__, reason)
    return KernelInUse(kernel.__name__.rpartition(".")[2], kernel.version(), reason)


def kernel_for(logits: Tensor) -> Kernel | None:
    """The kernel for these logits, None for plain torch."""
    if logits.dtype == torch.float64 or type(logits) not in (Tensor, torch.nn.Parameter):
        return None
    return _choose(logits.device.type)[0]


def _choose(device_type: str) -> tuple[Kernel | None, str]:
    choice = os.environ.get("ENTROPYREG_KERNEL", "") or "auto"
    if choice not in CHOICES:
        raise ValueError(f"ENTROPYREG_KERNEL must be one of {', '.join(map(repr, CHOICES))}, got {choice!r}")
    if choice == "torch":
        return None, "ENTROPYREG_KERNEL=torch"
    if device_type not in _MODULE_OF_DEVICE:
        return None, f"there is no kernel for device {device_type!r}"
    name = _MODULE_OF_DEVICE[device_type]
    try:
        kernel = import_module(f"{__name__}.{name}")
    except ImportError as error:
        return None, f"the kernel cannot be imported: {error}"
    problem = kernel.unavailable()
    if problem is None:
        return kernel, f"ENTROPYREG_KERNEL={choice}"
    if choice == "native" and name == "native":
        raise RuntimeError(f"ENTROPYREG_KERNEL=native, but the native kernel cannot be used: {problem}")
    return None, problem
