"""Images and labels of Hugging Face's parquet files: PNG files in a column of structs, numbers in others."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.data.parquet_rows import read_rows
from entropyreg.io.errors import UserError
from entropyreg.io.files import one_line


def read_parquet(paths: Iterable[Path], image: str, labels: Sequence[str]) -> tuple[np.ndarray, list[tuple]]:
    """Images (N, C, H, W) uint8 of the column `image`, all of one size, and the values of the columns `labels`."""
    images, values = [], []
    for path in paths:
        for row, (cell, *own) in enumerate(read_rows(path, (image, *labels))):
            images.append(decoded(cell, f"row {row} of {path}"))
            values.append(tuple(own))
            if images[-1].shape != images[0].shape:
                raise UserError(f"row {row} of {path} has an image of another size than the others: fetch it again.")
    if not images:
        raise UserError("a parquet file of images has no rows: fetch it again.")
    return np.stack(images), values


def decoded(cell: Any, place: str) -> np.ndarray:
    """The pixels (C, H, W) uint8 of one PNG file, the value `bytes` of a struct."""
    try:
        from PIL import Image
    except ImportError:
        raise UserError(f"{place} is a PNG file, which needs the package pillow: install it.") from None
    try:
        with Image.open(io.BytesIO(cell["bytes"]), formats=["PNG"]) as picture:
            pixels = np.asarray(picture)
        if picture.mode not in ("L", "RGB"):
            raise ValueError(f"its mode is {picture.mode}")
    except Exception as error:  # zlib, struct and Pillow each raise their own errors
        raise UserError(f"{place} is not a whole PNG file ({one_line(error)}): fetch it again.") from None
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
