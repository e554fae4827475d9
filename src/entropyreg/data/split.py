r"""Splits a corpus into train, valid and test so that no template is in two of them.

Software texts are templated ("Device 1 front left", "Device 2 front right"): a random split would put near-copies of
training sentences into the test set. Two rules prevent it; neither depends on the direction of translation.

1. *Masked key*: lower-case, digits -> 0, words seen fewer than `RARE_BELOW` times in the corpus -> #. The split of a
   pair is a function of sha256(key of its English side), hence equal keys have equal splits, whatever the order.
2. *Near-duplicates*: two keys are near when they become equal after leaving out at most one word of each (one word
   changed, added, dropped or moved: "... front left", "... front right"), and two pairs are near when the keys of their
   English sides are, or those of their other sides. A pair of train that is near one of valid or test, or a pair of
   valid that is near one of test, is marked, and preparation drops it. Test is never touched.

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

Key = tuple[str, ...]


class Place(NamedTuple):
    """Where a pair belongs: its split, and whether a pair held out from that split is a near-duplicate of it."""

    split: str
    near_duplicate: bool


def words_of(text: str) -> list[str]:
    """Lower-cased words, runs of digits and single punctuation marks."""
    return _WORDS.findall(text.lower())


def masked_key(text: str, frequent: Container[str]) -> Key:
    """The template of a sentence: ('turn', 'on', '#', '0') for "Turn on Zigbee 17" where 'zigbee' is rare."""
    return tuple(
        "0" if word.isdigit() else word if word in frequent or not word.isalpha() else "#" for word in words_of(text)
    )


def split_of(key: Key, fractions: Mapping[str, float]) -> str:
    """'train', 'valid' or 'test', by the sha256 of a masked key; `fractions` are those of valid and test."""
    position = int.from_bytes(hashlib.sha256(" ".join(key).encode()).digest()[:8], "big") / 2**64
    if position < fractions["test"]:
        return "test"
    return "valid" if position < fractions["test"] + fractions["valid"] else "train"


def variants_of(key: Key) -> Iterator[Key]:
    """The key, and the key without each of its words in turn: keys are near when they share a variant."""
    yield key
    if len(key) >= SHORTEST_VARIED:
        for position in range(len(key)):
            yield key[:position] + key[position + 1 :]


class Splitter:
    """Places the pairs of one corpus, which is read twice beforehand: for word counts, then for the held-out keys."""

    def __init__(self, pairs: Callable[[], Iterable[tuple[str, str]]], fractions: Mapping[str, float]) -> None:
        """`pairs()` starts a new pass over (English, other) texts; `fractions` has 'valid' and 'test'."""
        self.fractions = dict(fractions)
        counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        for pair in pairs():
            for count, text in zip(counts, pair, strict=True):
                count.update(words_of(text))
        self.frequent = tuple(frozenset(word for word in count if count[word] >= RARE_BELOW) for count in counts)
        self._variants: dict[str, tuple[set[Key], set[Key]]] = {"valid": (set(), set()), "test": (set(), set())}
        for pair in pairs():
            keys = self.keys_of(*pair)
            split = split_of(keys[0], self.fractions)
            if split != "train":
                for variants, key in zip(self._variants[split], keys, strict=True):
                    variants.update(variants_of(key))

    def keys_of(self, english: str, other: str) -> tuple[Key, Key]:
        """Masked keys of both sides of a pair."""
        return masked_key(english, self.frequent[0]), masked_key(other, self.frequent[1])

    def place(self, english: str, other: str) -> Place:
        """Split of a pair of the corpus, and whether it is a near-duplicate of a pair held out from that split."""
        keys = self.keys_of(english, other)
        split = split_of(keys[0], self.fractions)
        held_out = {"train": ("valid", "test"), "valid": ("test",), "test": ()}[split]
        near = any(
            variant in variants
            for name in held_out
            for variants, key in zip(self._variants[name], keys, strict=True)
            for variant in variants_of(key)
        )
        return Place(split, near)
