"""Sentences of the tagged files of shared tasks: IWSLT's training text, and the segments of .xml and .sgm test sets.

Line by line, as the papers' scripts do it (fairseq's prepare-iwslt14.sh and prepare-wmt14en2de.sh), since these files
are not well-formed XML. Of segments, entities (`&amp;`) are decoded, which those scripts forget to do.
"""

import html
import re
from collections.abc import Iterable, Iterator

from entropyreg.errors import UserError

DROPPED_LINES = ("<url>", "<talkid>", "<keywords>")
DROPPED_TAGS = re.compile("</?(?:title|description)>")
SEGMENT = re.compile(r'<seg id="[^"]*">\s*(.*?)\s*</seg>')


def training_sentences(lines: Iterable[str]) -> Iterator[str]:
    """Sentences of `train.tags.*`: no address, talk number or keywords; titles and descriptions without their tags."""
    for line in lines:
        if not any(tag in line for tag in DROPPED_LINES):
            yield DROPPED_TAGS.sub("", line).strip()


def segments(lines: Iterable[str], name: str) -> Iterator[str]:
    """Text of every `<seg id="...">`, one a line; the typographic apostrophe becomes a plain one, as in the scripts."""
    for number, line in enumerate(lines, start=1):
        if "<seg id" in line:
            found = SEGMENT.search(line)
            if not found:
                raise UserError(f"{name}, line {number}, has a <seg> that does not end in that line.")
            yield html.unescape(found[1]).replace("\u2019", "'").strip()
