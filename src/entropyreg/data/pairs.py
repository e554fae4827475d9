"""Defines what every corpus gives to preparation: raw sentence pairs, their splits, and how splits are treated."""

import unicodedata
from typing import NamedTuple


class PlacedPair(NamedTuple):
    """A raw pair in the direction of the task, its split, the set that it came from, and why it is dropped, if it is.

    `drop`: 'near_duplicate' where a near-duplicate of it is held out (embedded sets only), 'unmatched' where a test set
    has it in one language only, which `origin` then names with its place; None for all others.
    """

    split: str
    source: str
    target: str
    origin: str
    drop: str | None = None

    def in_nfc(self) -> "PlacedPair":
        """The pair with composed characters, in which 'u' and its diaeresis are one character."""
        source, target = (unicodedata.normalize("NFC", text) for text in (self.source, self.target))
        return self._replace(source=source, target=target)


class Treatment(NamedTuple):
    """Which steps of the preparation a split gets, where the task asks for them."""

    length: bool  # drop pairs outside the length limits
    ratio: bool  # drop pairs of too different lengths
    normalize: bool = True  # normalise punctuation


TRAINING = Treatment(length=True, ratio=True)
PUBLISHED = Treatment(length=False, ratio=False)  # a published set is never filtered
BENCHMARK = {"train": TRAINING, "valid": PUBLISHED, "test": PUBLISHED}
