"""The CPU kernel: `cpp/kernel.cpp`, built by the machine's C++ compiler on first use (`build`), called by ctypes.

A plain C interface that takes addresses: it needs neither ninja nor the headers of Python or torch (torch's extension
builder needs all three, and ten times as long), and it does not depend on torch's version or ABI. Such a write is
invisible to autograd, so the version counter is bumped here, and a producer that saved its output raises in backward.
Without a compiler, or if the build fails, `unavailable` says why and the torch path runs.

Rows are split over `torch.get_num_threads()` threads; the result does not depend on their number. Inputs that are not
float32 with unit stride are computed in chunks that are; members other than `SkewJensen` are left to torch. A target
outside [0, V), which the callers refuse, makes its row NaN: nothing outside a row is read or written.
"""

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor

from entropyreg.regularizers.divergence import SkewJensen
from entropyreg.regularizers.kernels.native import build
from entropyreg.regularizers.sweep import Objective, RowTerms, RowWeights, chunk_rows, needs_precision


def _structure(name: str, fields: str) -> type[ctypes.Structure]:
    """A struct of `cpp/task.hpp`: *pointers, .doubles and integers, in its order."""
    types = {"*": ctypes.c_void_p, ".": ctypes.c_double}
    pairs = [(field.lstrip("*."), types.get(field[0], ctypes.c_int64)) for field in fields.split()]
    return type(name, (ctypes.Structure,), {"_fields_": pairs})


_LossTask = _structure(
    "LossTask",
    "rows classes logits_stride gradient_stride *logits *gradient *targets *ignored *baseline *log_baseline "
    "*probabilities *nll_weights *strengths *nll *divergence .skew .strength .nll_weight .factor precise "
    "entropy_sign threads",
)
_StatisticsTask = _structure(
    "StatisticsTask",
    "rows classes logits_stride columns_stride temperatures thresholds *logits *targets *temperature *threshold "
    "*columns *rank threads",
)


def unavailable() -> str | None:
    """Why the kernel cannot be used on this machine, in one sentence; None if it can."""
    return build.library().problem


def version() -> str:
    """The hash of all that its bits depend on: sources, flags, compiler and processor."""
    return build.library().version


def sweep(
    logits: Tensor,
    targets: Tensor | None,
    ignored: Tensor | None,
    objective: Objective,
    gradient: Tensor | None,
    factor: Tensor | None,
    weights: RowWeights | None = None,
) -> RowTerms | None:
    """See `kernels.Kernel`; None for members other than `SkewJensen`."""
    if not isinstance(objective.member, SkewJensen):
        return None
    baseline = objective.baseline
    given = (None, None) if baseline is None else tuple(tensor.contiguous() for tensor in baseline)  # (V,) each
    terms = RowTerms(*(torch.empty(logits.shape[0], dtype=torch.float32) for _ in range(2)))
    soft = targets is not None and targets.dim() == 2
    rows = {"logits": logits, "gradient": gradient, "nll": terms.nll, "divergence": terms.divergence}
    for name, tensor, dtype in (
        ("targets", None if soft else targets, torch.int64),
        ("probabilities", targets if soft else None, torch.float32),
        ("ignored", ignored, torch.bool),
        ("nll_weights", weights and weights.nll, torch.float32),
        ("strengths", weights and weights.divergence, torch.float32),
    ):
        rows[name] = None if tensor is None else tensor.to(dtype).contiguous()
    settings = {
        "classes": logits.shape[1],
        "baseline": _address(given[0]),
        "log_baseline": _address(given[1]),
        "skew": objective.member.skew,
        "strength": objective.strength,
        "nll_weight": objective.nll_weight,
        "factor": 1.0 if factor is None else factor.item(),
        "precise": needs_precision(objective, weights),
        "entropy_sign": objective.entropy_sign,
        "threads": torch.get_num_threads(),
    }
    if _is_plain(logits) and (gradient is None or _is_plain(gradient)):
        _loss(settings, rows)
    else:
        step = chunk_rows(logits.shape[1], logits.device)
        for start in range(0, logits.shape[0], step):
            chunk = {name: None if tensor is None else tensor[start : start + step] for name, tensor in rows.items()}
            work = torch.empty(chunk["logits"].shape, dtype=torch.float32).copy_(chunk["logits"])
            into = chunk["gradient"]
            _loss(settings, {**chunk, "logits": work, "gradient": None if into is None else work})
            if into is not None:
                into.copy_(work)
    if gradient is not None:
        torch.autograd.graph.increment_version(gradient)
    return terms


def statistics(
    logits: Tensor,
    targets: Tensor,
    thresholds: Sequence[float],
    temperatures: Sequence[float],
    columns: Tensor,
    rank: Tensor,
) -> None:
    """Fill `columns` (T, N, 3 + thresholds) and `rank` (N,) of `statistics.token_statistics`, for targets (N,)."""
    doubles = [(ctypes.c_double * len(values))(*values) for values in (temperatures, thresholds)]
    targets, n_rows = targets.long().contiguous(), logits.shape[0]
    step = n_rows if _is_plain(logits) else chunk_rows(logits.shape[1], logits.device)
    for start in range(0, n_rows, max(step, 1)):
        z = logits[start : start + step]
        if not _is_plain(z):
            z = torch.empty(z.shape, dtype=torch.float32).copy_(z)
        task = _StatisticsTask(
            rows=z.shape[0],
            classes=z.shape[1],
            logits_stride=z.stride(0),
            columns_stride=columns.stride(0),
            temperatures=len(temperatures),
            thresholds=len(thresholds),
            logits=z.data_ptr(),
            targets=targets[start:].data_ptr(),
            temperature=ctypes.addressof(doubles[0]),
            threshold=ctypes.addressof(doubles[1]),
            columns=columns[:, start:].data_ptr(),
            rank=rank[start:].data_ptr(),
            threads=torch.get_num_threads(),
        )
        _run("entropyreg_statistics", task)


def _loss(settings: dict, rows: dict[str, Tensor | None]) -> None:
    logits, gradient = rows["logits"], rows["gradient"]
    task = _LossTask(
        rows=logits.shape[0],
        logits_stride=logits.stride(0),
        gradient_stride=0 if gradient is None else gradient.stride(0),
        **{name: _address(tensor) for name, tensor in rows.items()},
        **settings,
    )
    _run("entropyreg_loss", task)


def _run(function: str, task: ctypes.Structure) -> None:
    if getattr(build.library().handle, function)(ctypes.byref(task)):  # ctypes lets other Python threads run
        raise MemoryError(f"no memory for the scratch of {task.classes} classes a thread")


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _is_plain(tensor: Tensor) -> bool:
    """Whether the kernel can read and write the rows of this (N, V) tensor where they are."""
    return tensor.dtype == torch.float32 and (tensor.stride(1) == 1 or tensor.shape[1] == 1)
