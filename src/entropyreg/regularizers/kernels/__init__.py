"""Chooses the code that computes the rows: a kernel for the device where there is one, plain torch everywhere else.

    CUDA: Triton    CPU: native    any other device, float64, tensor subclasses: torch

All compute the same within rounding; each gives the same bits in every run. `ENTROPYREG_KERNEL` chooses: "auto" (the
default) takes a kernel where one is usable, "torch" none, "native" raises an error where the CPU kernel is unusable.
A kernel is a module with
    `unavailable() -> str | None`   why it cannot be used here, in one sentence, or None
    `version() -> str`              changes whenever its bits may
    `sweep(logits, targets, ignored, objective, gradient, factor) -> RowTerms | None`   as `sweep.sweep`, None where it
                                    declines; `gradient` may be `logits`; the version counter of `gradient` is bumped
"""

import os
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor

CHOICES = ("auto", "native", "torch")
_MODULE_OF_DEVICE = {"cpu": "native", "cuda": "triton"}


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


def kernel_for(logits: Tensor) -> ModuleType | None:
    """The kernel for these logits, None for plain torch."""
    if logits.dtype == torch.float64 or type(logits) not in (Tensor, torch.nn.Parameter):
        return None
    return _choose(logits.device.type)[0]


def _choose(device_type: str) -> tuple[ModuleType | None, str]:
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
