"""Reads line-aligned text, files (plain or .gz) or streams, strictly: UTF-8, equally many lines, at least one line.

A line ends at LF only. Whatever else `str.splitlines` takes for an end of line (CR, form feed, U+0085, U+2028 ...) is
turned into a space, since it would shift the lines of some later reader; nothing else is touched. A line has a greatest
length, since a packed file of some kilobytes can hold one that fills the memory.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import IO

from entropyreg.io.errors import UserError

LONGEST_LINE = 1 << 20  # bytes, its end included; sentences of the corpora have up to some kilobytes


def read_lines(path: str | Path) -> Iterator[str]:
    """Yield the lines of a text file without their ends; one line, of a bounded length, is held in memory at a time."""
    path = Path(path)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from decode_lines(file, str(path))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, not a text file.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a whole gzip file ({error}): fetch it again.") from None


def read_parallel(paths: Sequence[str | Path]) -> Iterator[tuple[str, ...]]:
    """Yield one tuple of aligned lines after another, in the order of `paths`.

    Raises `UserError`, naming file and line, for a byte that is not UTF-8, for files that differ in length (as soon as
    the shorter one ends) and for a corpus without lines.
    """
    return align([str(path) for path in paths], [read_lines(path) for path in paths])


def align(names: Sequence[str], streams: Sequence[Iterable[str]]) -> Iterator[tuple[str, ...]]:
    """Yield one tuple of aligned lines of several streams after another; `names` say in messages what they are."""
    number = 0
    for number, lines in enumerate(zip_longest(*streams), start=1):
        if None in lines:
            ended = names[lines.index(None)]
            longer = next(name for name, line in zip(names, lines, strict=True) if line is not None)
            raise UserError(
                f"The corpus is misaligned: {ended} ends after line {number - 1}, but {longer} has a line {number}."
            )
        yield lines
    if number == 0:
        raise UserError(f"The corpus is empty: no line in {', '.join(names)}.")


def decode_lines(file: IO[bytes], name: str) -> Iterator[str]:
    """Yield the lines of an open file without their ends; `name` says in messages what it is.

    No more than `LONGEST_LINE` bytes of a line are held in memory; a longer one is a `UserError`.
    """
    for number, line in enumerate(iter(partial(file.readline, LONGEST_LINE + 1), b""), start=1):
        if len(line) > LONGEST_LINE:
            raise UserError(
                f"{name}, line {number}, has more than {LONGEST_LINE} bytes; allowed: up to that: break the line, or "
                "give a text with one sentence a line."
            )
        yield _decode(line, name, number)


def _decode(line: bytes, path: str, number: int) -> str:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}, line {number}, is not UTF-8 (byte {error.start + 1} of the line is 0x{line[error.start]:02x}); "
            "convert the file to UTF-8."
        ) from None
    if number == 1:
        text = text.removeprefix("\ufeff")  # a byte order mark belongs to the file, not to its first sentence
    return " ".join(text.splitlines())
