"""GPT-2's byte-level subwords, as BART reads them: the three files they consist of, and their undoing.

Radford et al. 2019: text is cut into words with the space before them, each byte of a word is one printable character,
and these are joined by the merges of `vocab.bpe`; `encoder.json` numbers the results. In fairseq a subword is written
as its number, and `dict.txt` is BART's dictionary of these. Encoding is fairseq's (`translation.gpt2_encoding`);
decoding needs the numbers alone, so that measuring needs no fairseq.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from entropyreg.io.files import sha256_of, write_atomically

NAME = "gpt2_bpe"  # the folder, of the download and in a prepared corpus
FILES = ("encoder.json", "vocab.bpe", "dict.txt")


def copy_files(paths: Mapping[str, Path], prepared_dir: str | Path) -> dict[str, str]:
    """Copy the three files into the prepared corpus, whose later stages need nothing else; return their sha256."""
    folder = Path(prepared_dir) / NAME
    for name in FILES:
        write_atomically(folder / name, paths[name].read_bytes())
    return {name: sha256_of(folder / name) for name in FILES}


def printable_bytes() -> dict[str, int]:
    """{character: byte}: Latin-1's visible characters stand for themselves, those from U+0100 on for the rest."""
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(0x100 + i): byte for i, byte in enumerate(hidden)}


def decoder(prepared_dir: str | Path) -> Callable[[str], str]:
    """A function from a line of subword numbers to text; what is no number of a subword (`<unk>`) is left out."""
    numbers = json.loads((Path(prepared_dir) / NAME / "encoder.json").read_text(encoding="utf-8"))
    subwords = {str(number): subword for subword, number in numbers.items()}
    byte_of = printable_bytes()

    def decode(line: str) -> str:
        text = "".join(subwords.get(number, "") for number in line.split())
        return bytes(byte_of[character] for character in text).decode("utf-8", errors="replace").strip()

    return decode
