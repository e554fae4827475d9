"""Sentences of the tagged files of shared tasks: IWSLT's training text, and the segments of .xml and .sgm test sets.

Line by line, as the papers' scripts do it (fairseq's prepare-iwslt14.sh and prepare-wmt14en2de.sh), since these files
are not well-formed XML. Two differences: entities of segments (`&amp;`) are decoded, and the segments of two languages
are paired by document and number instead of by their order, since a file may lack some of the other's.
"""

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from entropyreg.data.pairs import PlacedPair
from entropyreg.io.errors import UserError

DROPPED_LINES = ("<url>", "<talkid>", "<keywords>")
DROPPED_TAGS = re.compile("</?(?:title|description)>")
DOCUMENT = re.compile(r'<doc\b[^>]*\bdocid="([^"]*)"', re.IGNORECASE)
SEGMENT = re.compile(r'<seg id="([^"]*)">\s*(.*?)\s*</seg>')

Place = tuple[str, str, int]  # document, number of the segment in it, which one of that number


def training_sentences(lines: Iterable[str]) -> Iterator[str]:
    """Sentences of `train.tags.*`: no address, talk number or keywords; titles and descriptions without their tags."""
    for line in lines:
        if not any(tag in line for tag in DROPPED_LINES):
            yield DROPPED_TAGS.sub("", line).strip()


def paired_segments(
    names: Sequence[str], texts: Sequence[Iterable[str]], split: str, origin: str
) -> Iterator[PlacedPair]:
    """Pairs of the segments that have the same document and number, in the order of the first text.

    A segment that only one text has comes as a pair to drop ('unmatched'), whose origin says where it stands. `names`
    say in messages what the texts are.
    """
    source, target = (segments(lines, name) for lines, name in zip(texts, names, strict=True))
    if not source.keys() & target.keys():
        raise UserError(f"No segment of {names[0]} has the document and the number of one of {names[1]}.")
    for place in source | target:  # those of the target alone come last
        if place in source and place in target:
            yield PlacedPair(split, source[place], target[place], origin)
        else:
            side = "source" if place in source else "target"
            named = f"{origin}, document {place[0]}, segment {place[1]}: {side} only"
            yield PlacedPair(split, source.get(place, ""), target.get(place, ""), named, "unmatched")


def segments(lines: Iterable[str], name: str) -> dict[Place, str]:
    """Text of every `<seg id="...">` by its place; the typographic apostrophe becomes plain, as in the scripts."""
    found: dict[Place, str] = {}
    seen: Counter[tuple[str, str]] = Counter()
    document = ""
    for number, line in enumerate(lines, start=1):
        if opened := DOCUMENT.search(line):
            document = opened[1]
        matches = SEGMENT.findall(line)
        if len(matches) != line.count("<seg id"):
            raise UserError(f"{name}, line {number}, has a <seg> that does not end in that line.")
        for segment, text in matches:
            seen[document, segment] += 1
            found[document, segment, seen[document, segment]] = html.unescape(text).replace("\u2019", "'").strip()
    return found
