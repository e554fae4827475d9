"""Moses tokenisation by sacremoses, as in the papers' preparation scripts.

Normalise punctuation, tokenise, escape (`&apos;`, `&quot;`, `&amp;`, `&#124;`, `&lt;`, `&gt;`, `&#91;`, `&#93;`).
Escaping is what tokenizer.perl does unless told `-no-escape`, and the papers' scripts (fairseq's prepare-iwslt14.sh and
prepare-wmt14en2de.sh) do not tell it; it also keeps fairseq's own symbols (`<unk>`, `<pad>`) out of the text.
`detokenization.detokenize` unescapes.

Combining marks and joiners stay on their character. Moses takes those that no composed character holds for symbols
between words, which cuts the words of Thai, Khmer, Lao, Burmese, Tibetan and Persian into pieces that cannot be joined
again.
"""

import re
import sys
import unicodedata
from functools import cache

from sacremoses import MosesPunctNormalizer, MosesTokenizer

JOINERS = "\u200c\u200d"


class Tokenizer:
    """Turns text of one language into space-separated tokens."""

    def __init__(self, language: str, normalize_punctuation: bool = True, aggressive_hyphens: bool = False) -> None:
        """`aggressive_hyphens` is tokenizer.perl's `-a`: "low-cost" becomes "low @-@ cost"."""
        self._normalizer = MosesPunctNormalizer(lang=language) if normalize_punctuation else None
        self._tokenizer = MosesTokenizer(lang=language)
        symbol, padded = self._tokenizer.PAD_NOT_ISALNUM  # ([^...])
        with_marks = symbol.pattern.replace("([^", f"([^{_marks()}", 1).removesuffix(")") + f"[{_marks()}]*)"
        self._tokenizer.PAD_NOT_ISALNUM = re.compile(with_marks), padded
        self._aggressive_hyphens = aggressive_hyphens

    def __call__(self, text: str) -> list[str]:
        if self._normalizer:
            text = self._normalizer.normalize(text)
        return self._tokenizer.tokenize(text, aggressive_dash_splits=self._aggressive_hyphens, escape=True)


@cache
def _marks() -> str:
    """All combining marks and joiners, as they stand in a set of a regular expression."""
    return JOINERS + "".join(filter(lambda one: unicodedata.category(one)[0] == "M", map(chr, range(sys.maxunicode))))
