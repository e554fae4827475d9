"""CNN/DailyMail 3.0.0 from its parquet files: article and highlights, a line each, cased and not tokenised.

As fairseq's recipe for BART requires: raw text, the highlights' sentences joined by spaces. The full stop that the
data set's script set off by a space where a highlight had none ("... on Monday .") is joined to its word again, since
GPT-2's subwords tell " ." from ".". Articles without text are left to the cleaning of training pairs.
Columns of the files: article, highlights, id. Memory: one batch of rows.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from entropyreg.data.pairs import BENCHMARK, PlacedPair
from entropyreg.data.parquet_rows import read_rows
from entropyreg.io.files import sha256_of

FOLDER = "cnn_dailymail"
FILES = {  # split: the published files, in their order
    "train": [f"train-0000{number}-of-00003.parquet" for number in range(3)],
    "valid": ["validation-00000-of-00001.parquet"],
    "test": ["test-00000-of-00001.parquet"],
}
NAMES = tuple(name for names in FILES.values() for name in names)
COLUMNS = ("article", "highlights", "id")
_SEPARATE_STOP = re.compile(r"\s+\.$")


class CnnDailymail:
    """The three splits; iterating yields train, then valid, then test. The origin of a pair is the article's id."""

    treatment = BENCHMARK
    hold_out_every = None

    def __init__(self, paths: Mapping[str, Path]) -> None:
        """`paths` has every file of `NAMES`; `sha256` records what they are."""
        self.paths = dict(paths)
        self.sha256 = {name: sha256_of(self.paths[name]) for name in NAMES}

    def __iter__(self) -> Iterator[PlacedPair]:
        for split, names in FILES.items():
            for name in names:
                for article, highlights, number in read_rows(self.paths[name], COLUMNS):
                    yield PlacedPair(split, one_line(article), summary_line(highlights), number)


def one_line(text: str) -> str:
    """The words of a text with one space between them."""
    return " ".join(text.split())


def summary_line(highlights: str) -> str:
    """The highlights, one a line, as one line."""
    return " ".join(_SEPARATE_STOP.sub(".", one_line(line)) for line in highlights.split("\n") if line.strip())
