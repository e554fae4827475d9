"""Calls every function of the native kernel with rows, strides and targets of every kind, and checks what it wrote.

`test_sanitized` runs it on a kernel that was built with the address sanitizer, which ends the process at the first
access outside of an array. The first argument is the folder of the kernel's sources.
"""

import ctypes
import itertools
import math
import sys
from pathlib import Path

import torch

from entropyreg import regularizers
from entropyreg.regularizers.arguments import INDEX_TYPES
from entropyreg.regularizers.functional import skew_objective
from entropyreg.regularizers.kernels import native
from entropyreg.regularizers.kernels.native import build

CLASSES = (1, 2, 5, 17, 511, 513)  # 512 are summed at a time
SKEWS = (0.0, 0.02, 0.3, 0.7, 0.98, 1.0)  # each a form of its own
INT64 = torch.iinfo(torch.int64)
called = set()
run = native._run


def noting(function, task):
    called.add(function)
    run(function, task)


def hostile(classes):
    """Targets, of which those outside the classes come first."""
    return [classes, -1, -100, classes + 1, 2**31, -(2**31), 2**62, -(2**62), INT64.max, INT64.min, 0, classes - 1]


def rows_of(kind, rows, classes):
    """Logits (rows, classes), and the memory that they are a view of: it ends where they do."""
    if kind == "dense":
        memory = torch.randn(rows * classes)
        logits = memory.view(rows, classes)
    elif kind == "rows apart":
        memory = torch.randn(max(rows - 1, 0) * (classes + 3) + classes)
        logits = memory.as_strided((rows, classes), (classes + 3, 1))
    elif kind == "one row, often":
        memory = torch.randn(classes)
        logits = memory.expand(rows, classes)
    else:  # computed in chunks that are copies
        memory = torch.randn(rows * classes, dtype=torch.float32 if kind == "columns" else torch.bfloat16)
        logits = memory.view(classes, rows).t()
    return logits, memory


def check_rows(logits, memory, targets, ignored, skew, given):
    """The loss of rows into a gradient of its own, in place, and without any; their statistics."""
    classes = logits.shape[1]
    outside = (targets < 0) | (targets >= classes)
    baseline = [1.0 / classes] * classes if given else None
    objective = skew_objective(logits, skew, 0.7, baseline)
    bad = outside if ignored is None else outside & ~ignored
    overlaps = logits.stride(0) == 0 and logits.shape[0] > 1
    for gradient in (None, torch.zeros(logits.shape), *(() if overlaps else (logits,))):
        if gradient is not logits:
            columns, rank = torch.zeros(2, len(targets), 4), torch.zeros(len(targets), dtype=torch.int64)
            native.statistics(logits, targets, [0.1], [1.0, 2.0], columns, rank)
            assert torch.equal(columns.isnan().all(2), outside.expand(2, -1)) and torch.equal(rank < 0, outside)
        before = memory.clone()
        terms = native.sweep(logits, targets, ignored, objective, gradient, torch.tensor(0.5))
        assert all(torch.equal(values.isnan(), bad) for values in terms)
        if gradient is not None:
            assert torch.equal(gradient.isnan().all(1), bad)
        written = torch.zeros(memory.shape, dtype=torch.bool)
        written.as_strided(logits.shape, logits.stride()).fill_(gradient is logits)
        assert torch.equal(memory[~written], before[~written])


def main(sources):
    build.SOURCES = Path(sources)
    assert build.library().problem is None, build.library().problem
    native._run = noting
    torch.set_num_threads(2)
    for classes, skew, given in itertools.product(CLASSES, SKEWS, (False, True)):
        for target in hostile(classes):
            check_rows(*rows_of("dense", 1, classes), torch.tensor([target]), None, skew, given)
        targets = torch.tensor(hostile(classes))
        for kind in ("dense", "rows apart", "one row, often", "columns", "bfloat16"):
            for ignored in (None, targets == -100):
                check_rows(*rows_of(kind, len(targets), classes), targets, ignored, skew, given)
            check_rows(*rows_of(kind, 0, classes), targets[:0], None, skew, given)
    for skew in SKEWS:  # rows enough for two threads
        targets = torch.tensor(hostile(8191) * 4)
        check_rows(*rows_of("dense", len(targets), 8191), targets, targets < -1, skew, False)
    logits = torch.tensor([[math.nan] * 5, [math.inf] * 5, [-math.inf] * 5])
    for skew in SKEWS:
        native.sweep(
            logits, torch.tensor([0, 4, 5]), None, skew_objective(logits, skew, 0.7, None), logits.clone(), None
        )
    for dtype in INDEX_TYPES:
        limits = torch.iinfo(dtype)
        for classes, target in itertools.product((5, 300), (limits.min, limits.max, 0, 4, 100, limits.max - 99)):
            logits, targets = torch.randn(1, classes, requires_grad=True), torch.tensor([target]).to(dtype)
            for loss, settings in (
                (regularizers.entropy_regularized_cross_entropy, {"skew": 0.5, "strength": 0.7}),
                (regularizers.label_smoothing_cross_entropy, {"smoothing": 0.1, "convention": "fairseq"}),
                (regularizers.token_statistics, {}),
            ):
                try:
                    loss(logits, targets, **settings)
                except ValueError:
                    assert not 0 <= target < classes
    elementary = build.library().handle.entropyreg_elementary
    called.add(elementary.__name__)
    for which, size in itertools.product(range(4), (0, 1, 7, 16, 513)):
        x, y = torch.rand(size), torch.empty(size)
        pointers = (ctypes.c_void_p(tensor.data_ptr()) for tensor in (x, y))
        elementary(ctypes.c_int64(which), *pointers, ctypes.c_int64(size))
        assert torch.isfinite(y).all()
    print("clean", *sorted(called))


if __name__ == "__main__":
    main(sys.argv[1])
