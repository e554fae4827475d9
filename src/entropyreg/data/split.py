r"""Splits a corpus into train, valid and test so that no template lies on both sides.

Software texts are templated ("Device 1 front left", "Device 2 front right"): a random split would put near-copies of
training sentences into the test set. Two rules prevent it; both see the English side alone, so that both directions of
translation have one split.

1. *Masked key*: lower-case, digits -> 0, words seen fewer than `RARE_BELOW` times in the corpus -> #. The split of a
   pair is a function of sha256(key), hence equal keys have equal splits, whatever the order of the corpus.
2. *Near-duplicates*: two keys are near when they become equal after leaving out at most one word of each (one word
   changed, added, dropped or moved: "... front left", "... front right"). A pair of train that is near one of valid or
   test, or a pair of valid that is near one of test, is marked, and preparation drops it. Test is never touched.

Limits: sentences of fewer than `SHORTEST_VARIED` words (punctuation counts) are near only when equal; templates that
differ in two words may still be divided. Memory: the vocabulary and the keys of valid and test, not the corpus.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import NamedTuple

SPLITS = ("train", "valid", "test")
RARE_BELOW = 3
SHORTEST_VARIED = 4
_WORDS = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")


class Place(NamedTuple):
    """Where a pair belongs: its split, and whether a held-out pair of a later split is a near-duplicate of it."""

    split: str
    near_duplicate: bool


def words_of(text: str) -> list[str]:
    """Lower-cased words, runs of digits and single punctuation marks."""
    return _WORDS.findall(text.lower())


def masked_key(text: str, frequent: Container[str]) -> tuple[str, ...]:
    """The template of a sentence: ('turn', 'on', '#', '0') for "Turn on Zigbee 17" where 'zigbee' is rare."""
    return tuple(
        "0" if word.isdigit() else word if word in frequent or not word.isalpha() else "#" for word in words_of(text)
    )


def split_of(key: tuple[str, ...], fractions: Mapping[str, float]) -> str:
    """'train', 'valid' or 'test', by the sha256 of a masked key; `fractions` are those of valid and test."""
    position = int.from_bytes(hashlib.sha256(" ".join(key).encode()).digest()[:8], "big") / 2**64
    if position < fractions["test"]:
        return "test"
    return "valid" if position < fractions["test"] + fractions["valid"] else "train"


def variants_of(key: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The key, and the key without each of its words in turn: keys are near when they share a variant."""
    yield key
    if len(key) >= SHORTEST_VARIED:
        for position in range(len(key)):
            yield key[:position] + key[position + 1 :]


class Splitter:
    """Places sentences of one corpus, which is read twice beforehand: for word counts, then for the held-out keys."""

    def __init__(self, sentences: Callable[[], Iterable[str]], fractions: Mapping[str, float]) -> None:
        """`sentences()` starts a new pass over the English side; `fractions` has 'valid' and 'test'."""
        self.fractions = dict(fractions)
        counts = Counter(word for sentence in sentences() for word in words_of(sentence))
        self.frequent = frozenset(word for word, count in counts.items() if count >= RARE_BELOW)
        self._variants: dict[str, set[tuple[str, ...]]] = {"valid": set(), "test": set()}
        for sentence in sentences():
            key = masked_key(sentence, self.frequent)
            split = split_of(key, self.fractions)
            if split != "train":
                self._variants[split].update(variants_of(key))

    def place(self, sentence: str) -> Place:
        """Split of a sentence of the corpus, and whether it is too near to the held-out sentences."""
        key = masked_key(sentence, self.frequent)
        split = split_of(key, self.fractions)
        held_out = {"train": ("valid", "test"), "valid": ("test",), "test": ()}[split]
        near = any(variant in self._variants[other] for other in held_out for variant in variants_of(key))
        return Place(split, near)
