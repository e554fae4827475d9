"""MNIST's IDX format: two zero bytes, a type code, the number of axes, their lengths, values.

Source: LeCun et al., "The MNIST database"; integers are big-endian. Only unsigned bytes (type 8) occur, the type of all
published files.
"""

import gzip
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from entropyreg.io.errors import UserError
from entropyreg.io.files import one_line

UNSIGNED_BYTE = 8


def read_content(path: Path) -> bytes:
    """The bytes of a file, unpacked if its name ends in .gz."""
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a whole gzip file ({one_line(error)}): fetch it again.") from None


def files_of(
    images: np.ndarray, labels: Sequence[Sequence[int]], known: Mapping[str, str], place: str | Path
) -> dict[str, bytes]:
    """The files of images (N, 1, H, W) uint8 and of their labels (N, 1), by the names in `known`."""
    try:
        arrays = images[:, 0], np.array(labels, dtype=np.uint8)[:, 0]  # refuses what is no number from 0 to 255
    except (ValueError, TypeError, OverflowError) as error:
        raise UserError(f"{place} does not hold labels from 0 to 255 ({one_line(error)}): fetch it again.") from None
    return {name: idx_of(array) for name, array in zip(known, arrays, strict=True)}


def part_of(files: Sequence[bytes], n_labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 1, H, W) uint8 and labels (N,) int64 of a file of each, whose sums were checked."""
    images, labels = map(array_of, files)
    return images[:, None], labels.astype(np.int64)


def idx_of(array: np.ndarray) -> bytes:
    """The IDX file of a uint8 array."""
    return bytes([0, 0, UNSIGNED_BYTE, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def array_of(content: bytes) -> np.ndarray:
    """The uint8 array of an IDX file whose sum was checked."""
    n_axes = content[3]
    shape = struct.unpack_from(f">{n_axes}I", content, 4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * n_axes).reshape(shape)
