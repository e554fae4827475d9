"""Moses tokenisation as in the papers' scripts, and back."""

import itertools

import pytest

from entropyreg.data import embedded
from entropyreg.data.detokenization import detokenize
from entropyreg.data.tokenization import Tokenizer


@pytest.mark.parametrize(
    "language, text, tokens",
    [
        ("en", "Don't stop, it's 3.5 km!", "Don &apos;t stop , it &apos;s 3.5 km !"),
        ("en", 'Press "OK" & <unk> [1]', "Press &quot; OK &quot; &amp; &lt; unk &gt; &#91; 1 &#93;"),
        ("de", "Das Gerät (z. B. eine Lampe) ist aus.", "Das Gerät ( z. B. eine Lampe ) ist aus ."),
        ("de", "„Größe“ \u2013 5 %", "&quot; Größe &quot; - 5 %"),
        ("fr", "L'entrée n'est pas valide.", "L&apos; entrée n&apos; est pas valide ."),
        ("en", "", ""),
    ],
)
def test_tokens_of_literal_sentences(language, text, tokens):
    assert " ".join(Tokenizer(language)(text)) == tokens


def test_options():
    assert Tokenizer("en", normalize_punctuation=False)("“low-cost”") == ["“", "low-cost", "”"]
    assert Tokenizer("en", aggressive_hyphens=True)("low-cost") == ["low", "@-@", "cost"]


@pytest.mark.parametrize(
    "language, text",
    [
        ("en", "Don't stop, it's 3.5 km!"),
        ("en", 'Press "OK" & save the file (again).'),
        ("de", "Das Gerät (eine Lampe) ist aus; warum?"),
        ("fr", "L'entrée n'est pas valide."),
    ],
)
def test_literal_sentences_are_restored(language, text):
    assert detokenize(Tokenizer(language)(text), language) == text
    assert detokenize(" ".join(Tokenizer(language)(text)), language) == text


@pytest.mark.parametrize("column, language", [(0, "de"), (1, "en")])
def test_most_of_a_shipped_corpus_is_restored(column, language):
    texts = [row[column] for row in itertools.islice(embedded.read_pairs("registry.de-en"), 1500)]
    tokenizer = Tokenizer(language, normalize_punctuation=False)
    lines = [tokenizer(text) for text in texts]
    assert not any(
        "&" in detokenize(line, language) for line, text in zip(lines, texts, strict=True) if "&" not in text
    )
    restored = sum(detokenize(line, language) == text for line, text in zip(lines, texts, strict=True))
    assert restored / len(texts) > 0.95  # the rest: spaces at slashes, plus signs, dots
