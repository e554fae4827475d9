"""Sums over columns that are longer than memory, with the very roundings of numpy on a whole array.

numpy adds float64 in pairs (an array is halved until it is short), numbers of other types that become float64 in
blocks of its buffer, and the rows of a matrix one after another. The same order here gives the same last bit, so a
record does not depend on how much was held in memory. ValueError refuses a column that holds a NaN or an infinity, and
the mean of none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from entropyreg.io.columns import ROWS, Rows, blocks
from entropyreg.io.errors import UserError
from entropyreg.measures.checks import check_finite

BUFFER = 8192  # elements that numpy converts at a time
SUM = "the sum of a column"  # in errors
Function = Callable[[np.ndarray], np.ndarray]


def mean(column: Rows) -> float:
    """`np.mean(column, dtype=np.float64)` of a column (N,)."""
    _check_rows(column)
    if column.dtype == np.float64:
        return mean_of(lambda values: values, column)
    take, total = column.reader(), np.float64(0)
    for start in range(0, column.shape[0], BUFFER):
        total += np.sum(take(min(BUFFER, column.shape[0] - start)), dtype=np.float64)
    check_finite(**{SUM: total})
    return float(total / column.shape[0])


def mean_of(function: Function, *columns: Rows) -> float:
    """`np.mean(function(*columns))` for a function of each row, with values in float64."""
    _check_rows(*columns)
    readers = [column.reader() for column in columns]

    def total(rows: int) -> np.float64:
        if rows <= ROWS:
            return np.sum(function(*(take(rows) for take in readers)))
        half = rows // 2 - rows // 2 % 8
        return total(half) + total(rows - half)

    found = total(columns[0].shape[0])
    check_finite(**{SUM: found})
    return float(found / columns[0].shape[0])


def standard_deviation(column: Rows) -> float:
    """`np.std(column.astype(np.float64))`."""
    centre = mean_of(lambda values: values.astype(np.float64), column)
    return float(np.sqrt(mean_of(lambda values: (values.astype(np.float64) - centre) ** 2, column)))


def mean_rows(column: Rows) -> np.ndarray:
    """`np.mean(column, axis=0, dtype=np.float64)` of a column (N, k)."""
    _check_rows(column)
    total = np.zeros(column.shape[1:])
    for block in blocks({"": column}):
        total = added(total, block[""].astype(np.float64))
    return total / column.shape[0]


def added(total: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """`total` (k,) and further `rows` (n, k), added one after another."""
    found = np.sum(np.concatenate([total[None], rows]), axis=0)
    check_finite(**{SUM: found})
    return found


def histogram(column: Rows, bins: int, limits: tuple[float, float]) -> np.ndarray:
    """`np.histogram(column, bins, limits)[0]`, which would leave out what lies outside `limits`: ValueError."""
    counts = np.zeros(bins, np.int64)
    for block in blocks({"": column}):
        counts += np.histogram(block[""], bins=bins, range=limits)[0]
    if outside := column.shape[0] - counts.sum():  # also nan
        raise ValueError(f"column must lie in [{limits[0]}, {limits[1]}]; {outside} values do not.")
    return counts


def _check_rows(*columns: Rows) -> None:
    if not columns[0].shape[0]:
        raise ValueError("a mean needs at least one row; got none.")


def whole_sentences(columns: Mapping[str, Rows], place: str, rows: int = ROWS) -> Iterator[dict[str, np.ndarray]]:
    """Blocks of about `rows` tokens that end where a sentence ends; `sentence` must be among the columns, and rise.

    Raises `UserError`, naming `place`, for sentences that are out of order.
    """
    left: dict[str, np.ndarray] = {}
    for block in blocks(columns, rows):
        if left:
            block = {name: np.concatenate([left[name], values]) for name, values in block.items()}
        steps = np.diff(block["sentence"])
        if (steps < 0).any():
            raise UserError(f"{place} is damaged (its sentences are out of order): delete it and run again.")
        ends = np.flatnonzero(steps)
        cut = int(ends[-1]) + 1 if ends.size else 0
        left = {name: values[cut:] for name, values in block.items()}
        if cut:
            yield {name: values[:cut] for name, values in block.items()}
    if left:
        yield left


def per_sentence(sentence: np.ndarray, values: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Sums of each of `values` (n,) over the tokens of each sentence, and last the numbers of tokens."""
    index = np.concatenate([[0], np.cumsum(np.diff(sentence) != 0)])
    size = int(index[-1]) + 1
    sums = [np.bincount(index, one.astype(np.float64), size) for one in values]
    check_finite(**{SUM: sums})
    return [*sums, np.bincount(index, minlength=size)]
