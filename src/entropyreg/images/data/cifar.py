"""CIFAR's formats: the binary records, and the pickles of the python archive, read without running code of theirs.

A record of the binary files is a byte for each label (CIFAR-100: coarse, then fine) and 3,072 bytes of the image,
channels first. A pickle is a dictionary with `data` (N, 3072) uint8 and lists of labels. Source: Krizhevsky 2009. The
unpickler builds arrays of bytes and nothing else, with no code of numpy's.
"""

import io
import pickle
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.images.data.published import sum_like
from entropyreg.io.errors import UserError
from entropyreg.io.files import one_line

SHAPE, N_BYTES = (3, 32, 32), 3 * 32 * 32
LABELS = {("label",): (b"labels",), ("coarse_label", "fine_label"): (b"coarse_labels", b"fine_labels")}  # in pickles


class _Array:
    """Stands for numpy's array while a pickle is read: takes a shape and bytes, and refuses any other type."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, by_columns, content = state
        if not isinstance(dtype, _Dtype) or not isinstance(content, bytes):
            raise TypeError("an array is not of bytes")
        self.values = np.frombuffer(content, np.uint8).reshape(shape, order="F" if by_columns else "C")


class _Dtype:
    """Stands for the type of an array, which must be unsigned bytes."""

    def __init__(self, name: Any, *_: Any) -> None:
        if name not in ("u1", b"u1"):
            raise TypeError(f"an array has the type {name!r}")

    def __setstate__(self, state: Any) -> None:
        """Byte order and alignment, which bytes do not have."""


def _new_array(*_: Any) -> _Array:
    return _Array()


ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _new_array,
    ("numpy._core.multiarray", "_reconstruct"): _new_array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
}


class _ArraysOnly(pickle._Unpickler):
    """An unpickler that finds the four names that a pickled array needs and refuses all others.

    It is Python's own one: that in C reserves memory for whatever number of objects a pickle claims to have.
    """

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}; allowed: numpy arrays alone")
        return ALLOWED[module, name]


def load_pickle(content: bytes, place: str | Path) -> Any:
    """Unpickle dictionaries, lists, numbers, bytes and arrays of bytes; everything else is a `UserError`."""
    try:
        return _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a damaged pickle raises whatever its instructions come to
        raise UserError(f"{place} is not a whole pickle of CIFAR's ({one_line(error)}): fetch it again.") from None


def records_of_pickle(content: bytes, columns: Sequence[str], place: str | Path) -> bytes:
    """The binary file with the images of a pickled part; `columns` are the labels by their names in parquet."""
    part = load_pickle(content, place)
    try:
        images, labels = part[b"data"].values, list(zip(*(part[key] for key in LABELS[tuple(columns)]), strict=True))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{place} is not a part of CIFAR ({one_line(error)}): fetch it again.") from None
    return records(images, labels, place)


def records(images: np.ndarray, labels: Sequence[Sequence[int]], place: str | Path) -> bytes:
    """The binary file of images (N, 3, 32, 32) or (N, 3072) uint8 and their labels (N, 1 or 2); errors name `place`."""
    try:
        columns = np.array(labels, dtype=np.uint8)  # refuses what is no number from 0 to 255
        return np.concatenate([columns, images.reshape(len(columns), N_BYTES)], axis=1).tobytes()
    except (ValueError, TypeError, OverflowError) as error:
        raise UserError(
            f"{place} does not hold CIFAR's images and labels ({one_line(error)}): fetch it again."
        ) from None


def files_of(
    images: np.ndarray, labels: Sequence[Sequence[int]], known: Mapping[str, str], place: str | Path
) -> dict[str, bytes]:
    """The binary files of a split, named by their known sums: Hugging Face has the batches in another order.

    What is none of them gets the names that are left, and is refused when the sums are compared.
    """
    cuts = np.linspace(0, len(images), len(known) + 1).astype(int)
    name_of, named, others = {one: name for name, one in known.items()}, {}, []
    for start, end in pairwise(cuts):
        batch = records(images[start:end], labels[start:end], place)
        name = name_of.get(sum_like(next(iter(name_of)), batch))
        if name is None or name in named:
            others.append(batch)
        else:
            named[name] = batch
    return {name: named[name] if name in named else others.pop(0) for name in known}


def part_of(files: Sequence[bytes], n_labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, 32, 32) uint8 and the last labels (N,) int64 of binary files whose sums were checked."""
    rows = np.frombuffer(b"".join(files), np.uint8).reshape(-1, n_labels + N_BYTES)
    return rows[:, n_labels:].reshape(-1, *SHAPE), rows[:, n_labels - 1].astype(np.int64)
