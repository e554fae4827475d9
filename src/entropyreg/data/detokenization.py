"""Undoes Moses tokenisation, by sacremoses, so that BLEU can be computed on plain text against untouched references.

Limit: information that the tokeniser lost is not restored: "on/off" returns as "on / off", "n+1" as "n + 1";
lower-casing and normalised punctuation remain.
"""

from collections.abc import Sequence
from functools import cache

from sacremoses import MosesDetokenizer


@cache
def _detokenizer(language: str) -> MosesDetokenizer:
    return MosesDetokenizer(lang=language)


def detokenize(tokens: str | Sequence[str], language: str) -> str:
    """Plain text of a tokenised line (or a list of tokens) without subword marks; escaped characters are restored."""
    words = tokens.split() if isinstance(tokens, str) else list(tokens)
    return _detokenizer(language).detokenize(words, return_str=True, unescape=True)
