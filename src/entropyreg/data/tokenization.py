"""Moses tokenisation by sacremoses, as in the papers' preparation scripts, and its undoing for scoring.

Normalise punctuation, tokenise, escape (`&apos;`, `&quot;`, `&amp;`, `&#124;`, `&lt;`, `&gt;`, `&#91;`, `&#93;`).
Escaping is what tokenizer.perl does unless told `-no-escape`, and the papers' scripts (fairseq's prepare-iwslt14.sh and
prepare-wmt14en2de.sh) do not tell it; it also keeps fairseq's own symbols (`<unk>`, `<pad>`) out of the text.
`detokenization.detokenize` unescapes.
"""

from sacremoses import MosesPunctNormalizer, MosesTokenizer


class Tokenizer:
    """Text of one language to space-separated tokens."""

    def __init__(self, language: str, normalize_punctuation: bool = True, aggressive_hyphens: bool = False) -> None:
        """`aggressive_hyphens` is tokenizer.perl's `-a`: "low-cost" becomes "low @-@ cost"."""
        self._normalizer = MosesPunctNormalizer(lang=language) if normalize_punctuation else None
        self._tokenizer = MosesTokenizer(lang=language)
        self._aggressive_hyphens = aggressive_hyphens

    def __call__(self, text: str) -> list[str]:
        if self._normalizer:
            text = self._normalizer.normalize(text)
        return self._tokenizer.tokenize(text, aggressive_dash_splits=self._aggressive_hyphens, escape=True)
