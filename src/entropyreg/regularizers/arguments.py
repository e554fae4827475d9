"""Checks the arguments of every public function; each error names the argument, its value and what is allowed.

The functions raise `ValueError`. Checks that read tensor *contents* (targets in range) run on the CPU only: elsewhere
they would stop the device, and there the gather of the target logit raises the device's own assertion.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

REDUCTIONS = ("mean", "sum", "none")
INDEX_TYPES = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32)


def check_skew(skew: Any) -> float:
    """`skew` as a float in [0, 1]."""
    value = check_number("skew", skew)
    if not 0.0 <= value <= 1.0:  # also false for NaN
        raise ValueError(f"skew must lie in [0, 1] (0 = confidence penalty, 1 = label smoothing), got {skew!r}")
    return value


def check_strength(strength: Any, name: str = "strength") -> float | Tensor:
    """`strength` as a finite float that is not negative; a tensor where it is learnt, transformed or one a row."""
    if isinstance(strength, Tensor) and (strength.numel() != 1 or composed() or _is_learnt(strength)):
        if not strength.is_floating_point():
            raise ValueError(f"{name} must hold floating-point numbers, got {strength.dtype}")
        if may_look(strength) and not composed():
            wrong = ~(torch.isfinite(strength) & (strength >= 0.0))
            if wrong.any():
                raise ValueError(f"{name} must be finite and at least 0, got {strength[wrong][0].item()!r}")
        return strength
    return check_constant_strength(strength, name)


def check_constant_strength(strength: Any, name: str = "strength") -> float:
    """`strength` as a finite float that is not negative."""
    value = check_number(name, strength)
    if not 0.0 <= value < math.inf:  # also false for NaN
        raise ValueError(f"{name} must be finite and at least 0, got {strength!r}")
    return value


def check_smoothing(smoothing: Any, name: str = "smoothing") -> float | Tensor:
    """`smoothing` as a float in [0, 1]; inside torch.compile a tensor stays one."""
    if traced() and isinstance(smoothing, Tensor):
        return smoothing
    value = check_number(name, smoothing)
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must lie in [0, 1], got {smoothing!r}")
    return value


def check_dim(dim: Any) -> int | None:
    if dim is not None and (isinstance(dim, bool) or not isinstance(dim, int)):
        raise ValueError(f"dim must be None or an axis of logits, an integer, got {dim!r}")
    return dim


def check_reduction(reduction: Any) -> str:
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {', '.join(map(repr, REDUCTIONS))}, got {reduction!r}")
    return reduction


def check_tensor(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} must be a torch.Tensor, got {type(value).__name__}")


def check_logits(logits: Any, name: str = "logits") -> None:
    """A floating-point tensor of shape (..., V) with at least one class."""
    check_tensor(name, logits)
    if logits.layout != torch.strided:
        raise ValueError(f"{name} must be a dense tensor, got layout {logits.layout}")
    if not logits.is_floating_point():
        raise ValueError(f"{name} must be float64, float32, bfloat16 or float16, got {logits.dtype}")
    if logits.dim() < 1 or logits.shape[-1] < 1:
        raise ValueError(f"{name} must have shape (..., V) with V >= 1, got {tuple(logits.shape)}")


def checked_targets(targets: Any, logits_shape: torch.Size, device: torch.device, ignore_index: int | None) -> Tensor:
    """`targets` as int64, which no later comparison can wrap: of the logits' shape without its last axis, each in
    [0, V) or equal to `ignore_index`."""
    check_tensor("targets", targets)
    if targets.dtype not in INDEX_TYPES:
        raise ValueError(f"targets must hold integer class indices (int64 or narrower), got {targets.dtype}")
    if targets.shape != logits_shape[:-1]:
        raise ValueError(
            f"targets must have the shape of logits without the last axis, {tuple(logits_shape[:-1])}, "
            f"got {tuple(targets.shape)}"
        )
    if targets.device != device:
        raise ValueError(f"targets must be on the device of logits, {device}, got {targets.device}")
    targets = targets.long()
    if not may_look(targets) or targets.numel() == 0 or composed():
        return targets
    lowest, highest = targets.aminmax()
    if lowest >= 0 and highest < logits_shape[-1]:  # the fast path, where nothing is ignored
        return targets
    outside = (targets < 0) | (targets >= logits_shape[-1])
    if ignore_index is not None:
        outside &= targets != ignore_index
    if outside.any():
        raise ValueError(
            f"targets must lie in [0, {logits_shape[-1]})"
            f"{'' if ignore_index is None else f' or equal ignore_index={ignore_index}'}, "
            f"got {targets[outside][0].item()}"
        )
    return targets


def checked_probabilities(targets: Tensor, logits: Tensor) -> Tensor:
    """Targets of the shape of `logits` (..., V), finite and not negative. As in torch, their sums are not checked."""
    if targets.shape != logits.shape:
        raise ValueError(
            f"targets must hold integer class indices, or probabilities in the shape of logits, {tuple(logits.shape)}; "
            f"got {targets.dtype} of shape {tuple(targets.shape)}"
        )
    if targets.device != logits.device:
        raise ValueError(f"targets must be on the device of logits, {logits.device}, got {targets.device}")
    if may_look(targets) and targets.numel() and not composed():
        lowest, highest = targets.detach().aminmax()
        if not (lowest >= 0.0 and torch.isfinite(highest)):  # also for NaN, which aminmax passes on
            raise ValueError(
                "targets must be finite and at least 0 where they are probabilities, got values from "
                f"{lowest.item()!r} to {highest.item()!r}"
            )
    return targets


def check_ignore_index(ignore_index: Any) -> int:
    if isinstance(ignore_index, bool) or not isinstance(ignore_index, int):
        raise ValueError(f"ignore_index must be an integer, got {ignore_index!r}")
    if not -(2**63) <= ignore_index < 2**63:
        raise ValueError(f"ignore_index must lie in the range of int64, got {ignore_index!r}")
    return ignore_index


def check_overwritable(logits: Tensor, reduction: str) -> None:
    """Refuse `overwrite_logits=True` where writing into the logits' memory would be wrong or could not be undone."""
    if traced():
        from entropyreg.regularizers.uncompiled import refuse_overwriting

        refuse_overwriting()
    if has_tangent(logits):
        raise ValueError("overwrite_logits=True is not allowed in forward-mode differentiation")
    base = logits._base if logits._is_view() else None
    if composed():
        raise ValueError("overwrite_logits=True is not allowed inside torch.func transforms or torch.export")
    if logits.is_leaf or (base is not None and base.is_leaf):
        raise ValueError(
            "overwrite_logits=True needs logits that an operation produced, got a leaf tensor (or a view of one): "
            "its values would be lost"
        )
    if has_overlap(logits):
        raise ValueError(
            "overwrite_logits=True needs logits whose elements have memory of their own, got expanded or overlapping "
            f"strides {tuple(logits.stride())} for shape {tuple(logits.shape)}"
        )
    if logits.dtype == torch.float16 and reduction == "mean":
        raise ValueError(
            "overwrite_logits=True with float16 logits and reduction='mean' would underflow: use reduction='sum' "
            "with loss scaling, or bfloat16"
        )


def has_overlap(tensor: Tensor) -> bool:
    """Whether two indices may share memory: sorted by stride, each axis must step over all that lies below it."""
    if tensor.numel() == 0:
        return False
    reach = 0
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size <= 1:
            continue
        if stride <= reach:
            return True
        reach += stride * (size - 1)
    return False


def may_look(tensor: Tensor) -> bool:
    """Whether reading a value of the tensor is cheap, as on the CPU; elsewhere it stops the device."""
    return tensor.device.type == "cpu"


def composed() -> bool:
    """True where values cannot be read: inside torch.compile, torch.export or a torch.func transform."""
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()


def traced() -> bool:
    """True inside torch.compile, where the kernels run as custom operators; not inside torch.export and torch.func."""
    return torch.compiler.is_compiling() and not (_is_exporting() or torch._C._are_functorch_transforms_active())


def _is_exporting() -> bool:
    exporting = getattr(torch.compiler, "is_exporting", None)  # since torch 2.7
    return exporting() if exporting is not None else not torch.compiler.is_dynamo_compiling()


def is_batched(tensor: Tensor) -> bool:
    """Whether it is one of many that vmap computes at once: in a batched backward, each gradient of the loss is."""
    return torch._C._functorch.is_batchedtensor(tensor) or torch._C._functorch.is_legacy_batchedtensor(tensor)


def has_tangent(*tensors: Any) -> bool:
    """Whether one of them carries a derivative of forward-mode differentiation."""
    return not torch.compiler.is_compiling() and any(
        isinstance(t, Tensor) and unpack_dual(t).tangent is not None for t in tensors
    )


def _is_learnt(value: Tensor) -> bool:
    return value.requires_grad or has_tangent(value)


def check_constant(name: str, value: Any) -> None:
    """Refuse a setting that requires a gradient, since it would silently get none."""
    if isinstance(value, Tensor) and _is_learnt(value):
        raise ValueError(f"{name} must not require a gradient, as the losses compute none for it: pass {name}.detach()")


def check_number(name: str, value: Any) -> float:
    """`value` as a float; it may be a tensor or an array of one element, but not a string."""
    check_constant(name, value)
    try:
        if isinstance(value, (str, bytes, bool)):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be a number, got {value!r}") from None
