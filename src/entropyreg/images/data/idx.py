"""The IDX format of MNIST and Fashion-MNIST: two zero bytes, a type code, the number of axes, their lengths, values.

Source: LeCun et al., "The MNIST database"; integers are big-endian. Only unsigned bytes (type 8) are read, the type of
all published files.
"""

import gzip
import struct
import zlib
from math import prod
from pathlib import Path

import numpy as np

from entropyreg.io.errors import UserError

UNSIGNED_BYTE = 8


def read_idx(path: str | Path) -> np.ndarray:
    """The uint8 array of an IDX file, plain or `.gz`; raises `UserError` if it is damaged or of another type."""
    path = Path(path)
    return parse_idx(read_content(path), path)


def read_content(path: Path) -> bytes:
    """The bytes of a file, unpacked if its name ends in .gz."""
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a whole gzip file ({error}): fetch it again.") from None


def parse_idx(content: bytes, path: str | Path) -> np.ndarray:
    """The array that `content` holds; `path` is named in errors."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE:
        raise UserError(f"{path} starts with {content[:4].hex() or 'nothing'}, not as an IDX file of bytes (000008..).")
    n_axes = content[3]
    start = 4 + 4 * n_axes
    shape = struct.unpack_from(f">{n_axes}I", content, 4) if len(content) >= start else ()
    if len(shape) != n_axes or len(content) - start != prod(shape):
        raise UserError(f"{path} holds {len(content) - start} values for the shape {shape}: fetch it again.")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
