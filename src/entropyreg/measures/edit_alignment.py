"""Finds the words of a translation that the reference also has, by the edit alignment of TER.

TER (Snover et al. 2006) shifts blocks of the hypothesis as long as this shortens the edit distance and aligns the rest
word by word. A word of the hypothesis counts as right if it then stands at a word of the reference that equals it,
wherever it stood before (Wang et al. 2020, "On the inference calibration of neural machine translation", who label
tokens with the original TER tool). Their script also calls the word behind an omission wrong; here each word is judged
by itself. Shifts and alignment: sacrebleu's TER library, case-sensitive, without its tokeniser.
"""

from collections.abc import Sequence

import numpy as np
from sacrebleu.metrics import lib_ter


class PlacedWord(str):
    """A word that remembers where it stood in the hypothesis; it compares as its text."""

    place: int


def right_words(hypothesis: Sequence[str], reference: Sequence[str]) -> np.ndarray:
    """Mask (N,) of the words of `hypothesis` (N of them, in their own order) that `reference` has, aligned by TER."""
    right = np.zeros(len(hypothesis), bool)
    if not hypothesis or not reference:
        return right
    distance = lib_ter.BeamEditDistance(list(reference))
    words = shifted(hypothesis, list(reference), distance)
    _, trace = distance(words)
    # the library's trace leads from the reference to the hypothesis; flipped, the last list is about the hypothesis
    _, _, wrong = lib_ter.trace_to_alignment(lib_ter._flip_trace(trace))
    right[[word.place for word in words]] = np.array(wrong) == 0
    return right


def shifted(hypothesis: Sequence[str], reference: list[str], distance: lib_ter.BeamEditDistance) -> list[PlacedWord]:
    """The words after the shifts of TER: the loop of the library's `translation_edit_rate`, which only counts them."""
    words = []
    for place, word in enumerate(hypothesis):
        words.append(PlacedWord(word))
        words[-1].place = place
    checked = 0
    while True:
        gain, moved, checked = lib_ter._shift(words, reference, distance, checked)
        if gain <= 0 or checked >= lib_ter._MAX_SHIFT_CANDIDATES:
            return words
        words = moved
