"""Words of a translation that the reference has, by TER's alignment."""

import random

import pytest
from sacrebleu.metrics.lib_ter import translation_edit_rate

from entropyreg.measures.edit_alignment import right_words


def right(hypothesis, reference):
    return "".join("+" if one else "-" for one in right_words(hypothesis.split(), reference.split()))


@pytest.mark.parametrize(
    ("hypothesis", "reference", "expected"),
    [
        ("a b c", "a b c", "+++"),
        ("a x c", "a b c", "+-+"),
        ("a c", "a b c", "++"),  # an omission is no word of the hypothesis
        ("a b x c", "a b c", "++-+"),
        ("d e f a b c", "a b c d e f", "++++++"),  # a block in another place
        ("c x a b", "a b y c", "+-++"),  # as above, told where each word stood before the shift
        ("a a a", "a", "--+"),  # one word of the reference is used once
        ("A", "a", "-"),
        ("", "a", ""),
        ("a b", "", "--"),
    ],
)
def test_words_are_right_where_the_reference_has_them(hypothesis, reference, expected):
    assert right(hypothesis, reference) == expected


def test_wrong_words_are_no_more_than_the_edits_of_ter():
    """Each wrong word is a substitution or an insertion; the rest of the edits are omissions and shifts."""
    generator = random.Random(3)
    for _ in range(200):
        pair = [[generator.choice("abcdef") for _ in range(generator.randint(1, 9))] for _ in range(2)]
        found = right_words(*pair)
        edits, _ = translation_edit_rate(*pair)
        omitted = len(pair[1]) - found.sum() - (~found).sum()
        assert len(found) == len(pair[0]) and (~found).sum() <= edits
        assert max(omitted, 0) + (~found).sum() <= edits
        # no more words are right than there are of each in the reference
        for word in set(pair[0]):
            mine = sum(ok for ok, one in zip(found, pair[0], strict=True) if one == word)
            assert mine <= pair[1].count(word)
