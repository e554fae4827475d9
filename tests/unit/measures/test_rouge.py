"""ROUGE by hand, by a slow reference implementation, and at its limits; the settings are always told."""

import random
from collections import Counter
from importlib.metadata import version

import numpy as np
import pytest

from entropyreg.measures.rouge import corpus_rouge, lines

pytest.importorskip("rouge_score")


def f1(shared, n_hypothesis, n_reference):
    return 200 * shared / (n_hypothesis + n_reference) if shared else 0.0


def ngrams(words, n):
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def slow_rouge_n(hypothesis, reference, n):
    one, other = ngrams(hypothesis.split(), n), ngrams(reference.split(), n)
    return f1((one & other).total(), one.total(), other.total())


def slow_lcs(one, other):
    if not one or not other:
        return 0
    if one[0] == other[0]:
        return 1 + slow_lcs(one[1:], other[1:])
    return max(slow_lcs(one[1:], other), slow_lcs(one, other[1:]))


def test_literal_scores():
    """Shared: the, cat, the, mat (of 6 and 5 words); 'the cat' (of 5 and 4 bigrams); LCS 'the cat the mat'."""
    found = corpus_rouge(["The cat sat on the mat."], ["the cat, the red mat"], stemmer=False)
    assert found.scores["rouge1"] == pytest.approx(f1(4, 6, 5))
    assert found.scores["rouge2"] == pytest.approx(f1(1, 5, 4))
    assert found.scores["rouge_l"] == pytest.approx(f1(4, 6, 5))


def test_random_sentences_agree_with_slow_definitions():
    draw = random.Random(3)
    texts = [" ".join(draw.choices("abcde", k=draw.randint(1, 9))) for _ in range(60)]
    hypotheses, references = texts[:30], texts[30:]
    found = corpus_rouge(hypotheses, references)
    pairs = list(zip(hypotheses, references, strict=True))
    lcs = [f1(slow_lcs(h.split(), r.split()), len(h.split()), len(r.split())) for h, r in pairs]
    np.testing.assert_allclose(found.sentence_scores["rouge1"], [slow_rouge_n(h, r, 1) for h, r in pairs])
    np.testing.assert_allclose(found.sentence_scores["rouge2"], [slow_rouge_n(h, r, 2) for h, r in pairs])
    np.testing.assert_allclose(found.sentence_scores["rouge_l"], lcs)


def test_the_corpus_score_is_the_mean_of_the_sentences():
    found = corpus_rouge(["a b", "a b", ""], ["a b", "c d", "e"])
    for name, values in found.sentence_scores.items():
        assert values.tolist() == [100, 0, 0]
        assert found.scores[name] == pytest.approx(100 / 3)


def test_the_order_of_sentences_does_not_matter_to_the_summary_level_score():
    """The sentence-level LCS of the whole text would be half of it."""
    found = corpus_rouge(["Four five six. One two three."], ["One two three. Four five six."])
    assert found.scores["rouge_l"] == 100
    joined = corpus_rouge(["Four five six one two three"], ["One two three four five six"])
    assert joined.scores["rouge_l"] == pytest.approx(50)


def test_the_stemmer_joins_forms_of_a_word():
    with_stems, without = (corpus_rouge(["returned arrays"], ["returns array"], stemmer=on) for on in (True, False))
    assert with_stems.scores["rouge1"] == 100 and without.scores["rouge1"] == 0


@pytest.mark.parametrize(
    "text, expected",
    [
        ("One. Two! Three? ", "One.\nTwo!\nThree?"),
        ('He said "no." She left .', 'He said "no."\nShe left .'),
        ("version 1.5 of e.g. this", "version 1.5 of e.g.\nthis"),
        ("no end", "no end"),
    ],
)
def test_sentences(text, expected):
    assert lines(text) == expected


def test_the_signature_names_version_stemmer_and_kind():
    found = corpus_rouge(["a"], ["a"]).signature
    assert f"rouge-score:{version('rouge-score')}" in found and "stem:porter" in found and "L:rougeLsum" in found
    assert "stem:no" in corpus_rouge(["a"], ["a"], stemmer=False).signature


@pytest.mark.parametrize("hypotheses, references", [(["a"], []), ([], []), (["a"], ["a", "b"])])
def test_unequal_or_no_summaries_are_an_error(hypotheses, references):
    with pytest.raises(ValueError, match="hypotheses for"):
        corpus_rouge(hypotheses, references)


def test_summaries_that_share_no_word_score_zero_as_numbers_with_a_point():
    scores = corpus_rouge(["red house", "green"], ["tall tree", "wide river"]).sentence_scores
    assert all(values.dtype == "float64" and values.tolist() == [0, 0] for values in scores.values())
