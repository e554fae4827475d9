"""Words of text that is not tokenised (`tokenizer: none`), escaped so that no later stage takes one for its own sign.

fairseq reads `<s>`, `</s>`, `<pad>` and `<unk>` as its symbols, and `madeupword0000` as an entry that fills up the
dictionary; subword-nmt marks the inside of a word with `@@` and its end with `</w>`. In a word that would be one of
these the character that makes it so is written as `&#60;` (`<`), `&#64;` (`@`) or `&#109;` (`m`), and every `&` as
`&#38;`, so that the escaped word can be read back. Moses escapes `&` and `<` by itself and never leaves `@@` together.
"""

import re

_SIGNS = re.compile(r"&|<|@(?=@)|^m(?=adeupword[0-9]+$)", re.IGNORECASE)  # words may be lower-cased afterwards
_ESCAPED = re.compile(r"&#(38|60|64|77|109);")


def words_of(text: str) -> list[str]:
    """The words between spaces of a raw text, escaped."""
    return [_SIGNS.sub(lambda sign: f"&#{ord(sign[0])};", word) for word in text.split()]


def text_of(words: str) -> str:
    """The raw text of escaped words between spaces; whatever `words_of` gave comes back."""
    return _ESCAPED.sub(lambda escaped: chr(int(escaped[1])), words)
