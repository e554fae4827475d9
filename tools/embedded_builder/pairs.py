"""Chooses usable translation pairs: normalised, without markup, of sensible length, every text once."""

import random
import re
import unicodedata
from collections.abc import Iterable, Iterator

_PLAIN = str.maketrans(
    dict.fromkeys("\u00a0\u202f\u2009", " ")  # no-break and thin spaces
    | dict.fromkeys("\u2018\u2019", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"')
)
_MARKUP = re.compile(r"[{}<>\[\]`|\\_]|%\(|%[sd]|http|www\.|\$")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_ENGLISH_WORDS = frozenset(
    ("the", "of", "to", "and", "is", "in", "for", "your", "you", "this", "a", "be", "are", "not")
)
ENGLISH_LENGTHS = range(4, 33)
FOREIGN_LENGTHS = range(3, 37)
MAX_LENGTH_RATIO = 2.5


def normalize(text: str) -> str:
    """NFC, plain quotes and spaces, no emphasis marks (**), single spaces."""
    text = unicodedata.normalize("NFC", text).translate(_PLAIN)
    return re.sub(r"\s+", " ", text).strip().replace("**", "")


def count_tokens(text: str) -> int:
    """Words and single punctuation marks."""
    return len(_TOKEN.findall(text))


def spelling_key(text: str) -> str:
    """A key that is equal for texts that differ only in case, spaces and punctuation."""
    return re.sub(r"[^\w]+", " ", text.lower()).strip()


def is_usable(foreign: str, english: str) -> bool:
    """Whether a normalised pair has no markup, placeholders or addresses, and lengths that go together."""
    if _MARKUP.search(foreign + english):
        return False
    n_foreign, n_english = count_tokens(foreign), count_tokens(english)
    if n_english not in ENGLISH_LENGTHS or n_foreign not in FOREIGN_LENGTHS:
        return False
    return max(n_foreign, n_english) / min(n_foreign, n_english) <= MAX_LENGTH_RATIO


def looks_english(key: str) -> bool:
    """Whether a German text was left in English: 3 or more, and over a fifth, of its words are English ones."""
    words = key.split()
    n_english = sum(word in _ENGLISH_WORDS for word in words)
    return n_english >= 3 and len(words) <= 30 and n_english / len(words) > 0.2


def choose_pairs(
    sources: Iterable[tuple[str, Iterable[tuple[str, str]]]], language: str
) -> Iterator[tuple[str, str, str]]:
    """Usable (foreign, English, origin) of (origin, pairs) sources; a text that came before on its side is left out."""
    seen_foreign, seen_english = set(), set()
    for origin, pairs in sources:
        for raw_foreign, raw_english in pairs:
            foreign, english = normalize(raw_foreign), normalize(raw_english)
            if not is_usable(foreign, english):
                continue
            foreign_key, english_key = spelling_key(foreign), spelling_key(english)
            if foreign_key == english_key or foreign_key in seen_foreign or english_key in seen_english:
                continue
            if language == "de" and looks_english(foreign_key):
                continue
            seen_foreign.add(foreign_key)
            seen_english.add(english_key)
            yield foreign, english, origin


def shuffled(rows: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The rows in a random but fixed order, so that every part of the file is a random sample."""
    rows = list(rows)
    random.Random(0).shuffle(rows)
    return rows
