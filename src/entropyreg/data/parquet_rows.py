"""Reads columns of a parquet file row by row, with a batch of rows in memory at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.io.files import one_line

ROWS_AT_ONCE = 256


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the values of these columns, a tuple a row; a missing column or a damaged file is a `UserError`."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise UserError(f"{path} is parquet, which needs the package pyarrow: install it.") from None
    try:
        with parquet.ParquetFile(path) as file:
            missing = [name for name in columns if name not in file.schema_arrow.names]
            if missing:
                raise UserError(f"{path} has no column {missing[0]!r}; it needs {', '.join(columns)}.")
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=list(columns)):
                yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
    except (ArrowException, OSError, ValueError) as error:  # also text that is not UTF-8
        raise UserError(f"{path} is not a whole parquet file ({one_line(error)}): fetch it again.") from None
