"""Reads what was decoded, and the references that it is compared with."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.measuring.text_quality import Lines, Texts, lines_of


def read_hypotheses(path: Path) -> Lines:
    """The hypotheses of a split as subword tokens, in the order of the corpus; read at every pass."""
    return Lines(path, lambda lines: (row[-1] for row in rows_of(lines, path, 3)))


def read_texts(settings: Mapping[str, Any], text_dir: Path, split: str) -> Texts:
    """The references of a split, untouched and tokenised."""
    target = settings["training"]["languages"]["target"]
    references, tokenized = (Lines(text_dir / f"{split}.{part}") for part in ("reference", target))
    return Texts(references, tokenized, text_dir)


def read_sweep(path: Path) -> dict[str, list[str]]:
    """The hypotheses of a table by its first column: the beam size or temperature that they were decoded with."""
    found: dict[str, list[str]] = {}
    for label, *_, hypothesis in rows_of(lines_of(path), path, 4):
        found.setdefault(label, []).append(hypothesis)
    return found


def rows_of(lines: Iterator[str], path: Path, columns: int) -> Iterator[list[str]]:
    """The columns of the lines of a table of hypotheses; the third from the end numbers the sentences from 0.

    What stands before the number, if anything, is a label, and the numbers begin anew with another label. `path` is
    named where the lines are not so.
    """
    label, number = None, -1
    for line in lines:
        row = line.split("\t")
        number = number + 1 if row[:-3] == label else 0
        label = row[:-3]
        if len(row) != columns or row[-3] != str(number):
            raise UserError(f"{path} is damaged: delete it and run again.")
        yield row
