"""Words of text that is not tokenised (`tokenizer: none`), escaped so that no later stage takes one for its own symbol.

fairseq reads `<s>`, `</s>`, `<pad>` and `<unk>` as its symbols; subword-nmt marks the inside of a word with `@@` and
its end with `</w>`. Every `<` is written as `&#60;`, an `@` before another one as `&#64;`, and every `&` as `&#38;`, so
that the escaped word can be read back. Moses escapes `&` and `<` by itself and never leaves `@@` together.
"""

import re

_SIGNS = re.compile("&|<|@(?=@)")
_ESCAPED = re.compile("&#(38|60|64);")


def words_of(text: str) -> list[str]:
    """The words between spaces of a raw text, escaped."""
    return [_SIGNS.sub(lambda sign: f"&#{ord(sign[0])};", word) for word in text.split()]


def text_of(words: str) -> str:
    """The raw text of escaped words between spaces; the inverse of `words_of`."""
    return _ESCAPED.sub(lambda escaped: chr(int(escaped[1])), words)
