"""The lines under a figure: scale and seeds, what a mark is, what is missing or not shown, the metric's signature."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import LoadFlags

from entropyreg.rendering.figures.style import FONT, NOTE_POINTS
from entropyreg.rendering.tables.collected import missing_text, scale_line

CHARACTERS_PER_INCH = 24  # most of the footnote's font on a line; lines of wide letters have fewer
MARGIN = 0.06  # inches left free at both sides of the page
HINTING = 1.07  # how much wider small letters may come out on a screen's pixels


def wrapped(paragraphs: Iterable[str], width: float) -> list[str]:
    """The paragraphs broken into lines that fit a figure of that width in inches."""
    return [line for text in paragraphs for line in fitting(text, width)]


def fitting(text: str, width: float) -> list[str]:
    """The paragraph in lines of as many characters as fit, measured in the footnote's font."""
    for characters in range(int(width * CHARACTERS_PER_INCH), 10, -1):
        lines = textwrap.wrap(text, characters)
        if all(inches(line) <= width - 2 * MARGIN for line in lines):
            return lines
    return textwrap.wrap(text, 10)


def inches(line: str) -> float:
    """The width of a line of the footnote: the sum of its letters' advances."""
    return HINTING * sum(advance(letter) for letter in line) / 72


@cache
def advance(letter: str) -> float:
    """How far a letter of the footnote's font moves on, in points."""
    font = get_font(findfont(FontProperties(family=FONT)))
    font.set_size(NOTE_POINTS, 72)
    return font.load_char(ord(letter), flags=LoadFlags.NO_HINTING).linearHoriAdvance / 65536


def opening(collected: Mapping[str, Any], *sentences: str) -> list[str]:
    """Scale and seeds, the given sentences on what is shown, and the missing runs with their reasons."""
    missing = missing_text(collected["rows"])
    told = [f"{missing[0].upper()}{missing[1:]}."] if missing else []
    return [f"{scale_line(collected)}.", *sentences, *told]


def signatures(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """A paragraph for each signature of BLEU among the rows."""
    return [f"BLEU: {signature}" for signature in sorted({row["bleu_signature"] for row in rows})]


def counted(number: int, what: str) -> str:
    """'1 run', '2 runs'."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def ring(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a ring means, where one is drawn."""
    return ["Ring: unigram baseline."] if any(row["baseline"] == "unigram" for row in rows) else []
