"""The one shape of a measurement: a row says which seed, split and measure, where on a curve, and the number.

    seed,split,measure,at,value,low,high,standard_error
    1,valid,bleu,beam=5,15.668823270393663,,,

`at` is empty, or places `key=value` joined by ';': `temperature=0.9`, `fit=ece_all;bin=3`. Translation and images have
the same rows. `low` and `high` are a 95 % interval over what was measured on. An empty field is a number that does not
exist (the accuracy of a bin without examples). Numbers are written with all their digits, so files keep every bit.
"""

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from entropyreg.io.errors import UserError
from entropyreg.io.files import one_line, write_atomically
from entropyreg.measures.catalogue import MEASURES, PLACES

FILE = "measures.csv"
Number = float | int | bool | None


class Row(NamedTuple):
    """One measurement of a run."""

    seed: int
    split: str
    measure: str
    at: str = ""
    value: Number = None
    low: Number = None
    high: Number = None
    standard_error: Number = None


def at(**places: object) -> str:
    """'fit=ece_all;bin=3' of fit='ece_all', bin=3."""
    return ";".join(f"{key}={shortest(value) if isinstance(value, float) else value}" for key, value in places.items())


def places_of(text: str) -> dict[str, str]:
    """{'fit': 'ece_all', 'bin': '3'} of 'fit=ece_all;bin=3'."""
    return dict(part.split("=", 1) for part in text.split(";")) if text else {}


def shortest(number: float) -> str:
    """'1' of 1.0, '0.9' of 0.9: the shortest text that is read as the same number."""
    return text if float(text := f"{number:g}") == number else repr(number)


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Raises `ValueError` for a measure or a place that is not declared in `measures.catalogue`."""
    rows = list(rows)
    for what, known, named in (
        ("measure", MEASURES, {row.measure for row in rows}),
        ("place", PLACES, {key for row in rows for key in places_of(row.at)}),
    ):
        if unknown := named - set(known):
            raise ValueError(f"{', '.join(sorted(unknown))} is no {what} of measures.catalogue: declare it there.")
    lines = [Row._fields, *([*row[:4], *map(text_of, row[4:])] for row in rows)]
    write_atomically(path, "".join(",".join(map(str, line)) + "\n" for line in lines))


def read_rows(path: Path) -> list[Row]:
    """The rows of a file; raises `UserError` for one that is missing or damaged."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file, strict=True)
            if tuple(next(lines, ())) != Row._fields:
                raise ValueError(f"its first line is not {','.join(Row._fields)}")
            return [row_of(line) for line in lines]
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (OSError, ValueError, IndexError, TypeError, csv.Error) as error:
        raise UserError(f"{path} is damaged ({one_line(error)}): delete it and run again to make it anew.") from None


def text_of(number: Number) -> str:
    """All digits of a number; raises `ValueError` for NaN and infinity, which no row may hold."""
    if number is None:
        return ""
    if isinstance(number, float):
        if not math.isfinite(number):
            raise ValueError(f"a measured value is {number}, not a finite number.")
        return repr(float(number))
    return str(number).lower()


def row_of(fields: list[str]) -> Row:
    if len(fields) != len(Row._fields):
        raise ValueError(f"a line has {len(fields)} fields, not {len(Row._fields)}")
    return Row(int(fields[0]), *fields[1:4], *map(number_of, fields[4:]))


def number_of(text: str) -> Number:
    if text in ("", "true", "false"):
        return None if not text else text == "true"
    if text.lstrip("-").isdigit():
        return int(text)
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is no measured number")
    return number
