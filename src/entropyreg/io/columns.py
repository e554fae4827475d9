"""Columns of numbers that may be longer than memory: kept in files, read and written some rows at a time.

A `Column` lies in a nameless temporary file, a `StoredColumn` in an npz; both give their rows in order, as many as are
asked for. `write_columns` makes of them the npz that `files.write_npz` makes of arrays, byte for byte.
"""

import math
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from entropyreg.io.errors import UserError
from entropyreg.io.files import atomic_path, one_line

ROWS = 1 << 16  # at a time, where the caller has no wish
WRITTEN_AT_ONCE = 16 << 20  # bytes, as in numpy's own writing of arrays

Take = Callable[[int], np.ndarray]  # the next rows of a column, exactly so many


class Rows(Protocol):
    """What can be read in order."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def reader(self) -> Take: ...


class Column:
    """Rows in a nameless file that vanishes with this object, even when the process is killed."""

    def __init__(self, dtype: Any, row: tuple[int, ...] = (), folder: str | Path | None = None) -> None:
        """An empty column; `row` is the shape of one row, `folder` where the file is to be."""
        self.dtype, self.shape = np.dtype(dtype), (0, *row)
        self._file = tempfile.TemporaryFile("w+b", buffering=0, dir=folder)  # noqa: SIM115

    def __len__(self) -> int:
        return self.shape[0]

    def append(self, values: np.ndarray) -> None:
        """Further rows at the end; they must be of the column's type and width."""
        if values.dtype != self.dtype or values.shape[1:] != self.shape[1:]:
            raise ValueError(
                f"rows of {values.dtype} {values.shape[1:]} for a column of {self.dtype} {self.shape[1:]}: "
                "they must be equal."
            )
        self._file.seek(0, 2)
        _write_all(self._file, np.ascontiguousarray(values).tobytes())
        self.shape = (len(self) + len(values), *self.shape[1:])

    def resize(self, rows: int) -> None:
        """Make the column `rows` long; new rows are zeros."""
        self._file.truncate(rows * _row_bytes(self))
        self.shape = (rows, *self.shape[1:])

    def put(self, index: np.ndarray, values: np.ndarray) -> None:
        """Set the rows `index` (n,) to `values` (n, ...); memory for the pages touched is given back at once."""
        if len(index):
            mapped = np.memmap(self._file, self.dtype, "r+", shape=self.shape)
            mapped[index] = values

    def reader(self) -> Take:
        """A function that returns the next rows, from the first on; each reader has its own place."""
        place = 0

        def take(rows: int) -> np.ndarray:
            nonlocal place
            place += rows
            return self.rows(place - rows, rows)

        return take

    def rows(self, start: int, count: int) -> np.ndarray:
        """`count` rows from `start` on."""
        self._file.seek(start * _row_bytes(self))
        return _rows_from(self._file, self, count)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = self.rows(0, len(self))
        return whole if dtype is None else whole.astype(dtype)


class StoredColumn:
    """A column of an npz, as far as its header: `shape` and `dtype`."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        with _opened(path, name) as file:
            self.shape, self.dtype = _header(file)

    def reader(self) -> Take:
        """A function that returns the next rows, from the first on; a damaged file is a `UserError`."""
        rows = self._read()
        next(rows)
        return rows.send

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        with _opened(self._path, self._name) as file:
            _header(file)
            whole = np.frombuffer(file.read(), self.dtype).reshape(self.shape)
        return whole if dtype is None else whole.astype(dtype)

    def _read(self) -> Iterator[Any]:
        found: Any = None
        with _opened(self._path, self._name) as file:
            _header(file)
            while True:
                wanted = yield found
                found = _rows_from(file, self, wanted)


class StoredColumns(Mapping[str, StoredColumn]):
    """The columns of an npz by name; one that it lacks is a `UserError`."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        with _blamed(self._path), self._path.open("rb") as file, zipfile.ZipFile(file) as archive:
            self._names = [name.removesuffix(".npy") for name in archive.namelist()]
            file.seek(0)
            if file.read(2) != b"PK":  # zipfile passes over whatever stands before an archive
                raise zipfile.BadZipFile("File is not a zip file")
            if damaged := archive.testzip():
                raise zipfile.BadZipFile(f"Bad CRC-32 for file '{damaged}'")

    def __getitem__(self, name: str) -> StoredColumn:
        if name not in self._names:
            raise UserError(f"{self._path} lacks the key {name!r}: delete the file and run again.")
        return StoredColumn(self._path, name)

    def __str__(self) -> str:
        return str(self._path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def write_columns(path: str | Path, columns: Mapping[str, Any]) -> None:
    """Write `Column`s and arrays as the compressed npz whose bytes depend on the values alone (`files.write_npz`)."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(columns):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                if isinstance(columns[name], Column):
                    _write_rows(file, columns[name])
                else:
                    np.lib.format.write_array(file, np.asarray(columns[name]), allow_pickle=False)


def blocks(columns: Mapping[str, Rows], rows: int = ROWS) -> Iterator[dict[str, np.ndarray]]:
    """Blocks of up to `rows` rows of columns of one length, together."""
    readers = {name: column.reader() for name, column in columns.items()}
    length = min(column.shape[0] for column in columns.values())
    for start in range(0, length, rows):
        yield {name: take(min(rows, length - start)) for name, take in readers.items()}


def _write_rows(file: IO[bytes], column: Column) -> None:
    described = {"descr": np.lib.format.dtype_to_descr(column.dtype), "fortran_order": False, "shape": column.shape}
    np.lib.format.write_array_header_1_0(file, described)
    for block in blocks({"": column}, max(1, WRITTEN_AT_ONCE // max(1, _row_bytes(column)))):
        file.write(block[""].tobytes())


def _write_all(file: Any, content: bytes) -> None:
    left = memoryview(content)
    while left:  # an unbuffered file may take a part only
        left = left[file.write(left) :]


def _row_bytes(column: Rows) -> int:
    return column.dtype.itemsize * math.prod(column.shape[1:])


def _rows_from(file: Any, column: Rows, rows: int) -> np.ndarray:
    wanted, parts = rows * _row_bytes(column), []
    while wanted > 0:
        part = file.read(wanted)
        if not part:
            raise EOFError(f"{wanted} bytes are missing")
        parts.append(part)
        wanted -= len(part)
    return np.frombuffer(b"".join(parts), column.dtype).reshape(rows, *column.shape[1:])


@contextmanager
def _blamed(path: Path) -> Iterator[None]:
    """What another library says of a file is a `UserError` that names it, in the words of `files.read_npz`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # zip, zlib and numpy each raise their own
        raise UserError(f"{path} is missing or damaged ({one_line(error)}): delete it and run again.") from None


@contextmanager
def _opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    with _blamed(path), zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        yield file


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of an array; the file is left where its rows begin."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"an array has a header of version {version}")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError("Object arrays cannot be loaded when allow_pickle=False")  # the words of numpy
    if is_fortran and len(shape) > 1:
        raise ValueError("an array is not in the order of its rows")
    return shape, dtype
