"""Quality of hypotheses against references: BLEU of translations, ROUGE of summaries, with statistics of sentences.

Memory: some thousands of sentences at a time; the statistics of sentences lie in files.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from entropyreg.data import gpt2_bpe
from entropyreg.data.detokenization import detokenize
from entropyreg.data.languages import bleu_tokenizer, language_code
from entropyreg.data.raw_words import text_of
from entropyreg.data.subwords import undo
from entropyreg.io.columns import Column, blocks
from entropyreg.io.errors import UserError
from entropyreg.measures import in_blocks

AT_ONCE = 2000  # sentences


class Sentences(Protocol):
    """Texts that can be read more than once: a list, or the lines of a file."""

    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> Sequence[str]: ...


class Lines:
    """The lines of a UTF-8 file that end in LF (other line separators belong to the text), read at every pass."""

    def __init__(self, path: Path, part: Callable[[Iterator[str]], Iterator[str]] = iter) -> None:
        """`part` makes of all lines what is wanted of each."""
        self._path, self._part, self._length = path, part, None

    def __iter__(self) -> Iterator[str]:
        return self._part(lines_of(self._path))

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(1 for _ in self)
        return self._length

    def __getitem__(self, part: slice) -> list[str]:
        return list(islice(self, part.start, part.stop, part.step))


class Texts(NamedTuple):
    """References of one split: untouched, and tokenised as the model saw them."""

    references: Sentences
    tokenized: Sentences
    folder: Path  # of the prepared text

    def first(self, n: int | None) -> "Texts":
        """Those of the first `n` sentences; None: of all."""
        return Texts(self.references[:n], self.tokenized[:n], self.folder)


class Part(NamedTuple):
    """Some sentences: hypotheses as plain text and as words between spaces, and both kinds of references."""

    plain: list[str]
    words: list[str]
    references: list[str]
    tokenized: list[str]


def score_texts(
    settings: Mapping[str, Any], hypotheses: Sentences, texts: Texts, place: str
) -> tuple[dict[str, Any], dict[str, Column]]:
    """Corpus scores with their signatures, and by name the statistics of each sentence (n, ...).

    `hypotheses` are subword tokens of the file `place`. Raises `UserError` if there are not as many references.
    """
    if not len(hypotheses) == len(texts.references) == len(texts.tokenized):
        found = f"{len(hypotheses)} hypotheses for {len(texts.references)} references"
        raise UserError(f"{place}: {found}: delete the file and run again.")
    if not len(hypotheses):
        raise ValueError(f"{place}: there is no sentence to score.")
    decode = gpt2_bpe.decoder(texts.folder) if settings["subwords"] == "gpt2" else None
    score = score_summaries if settings["metric"] == "rouge" else score_translations
    language = language_code(settings["target_language"])
    is_raw = settings.get("tokenizer") == "none"
    to_text = text_of if is_raw else partial(detokenize, language=language)

    def parts() -> Iterator[Part]:
        everything = zip(hypotheses, texts.references, texts.tokenized, strict=True)
        while rows := list(islice(everything, AT_ONCE)):
            lines, references, tokenized = map(list, zip(*rows, strict=True))
            if decode:
                words = plain = [decode(line) for line in lines]
            else:
                words = [undo(line) for line in lines]
                plain = [to_text(line) for line in words]
                if is_raw:
                    words, tokenized = plain, [text_of(line) for line in tokenized]
            yield Part(plain, words, references, tokenized)

    return score(parts(), settings, language)


def score_translations(
    parts: Iterable[Part], settings: Mapping[str, Any], language: str
) -> tuple[dict[str, Any], dict[str, Column]]:
    """BLEU of detokenised text by the tokenizer of its language, and as a paper computed it.

    `bleu_as_published`: tokenized (on tokenised text, paper A), tensor2tensor (uncased, international tokens, paper B).
    """
    from entropyreg.measures.bleu import bleu_of_statistics, sentence_statistics

    tokenizer = settings.get("bleu_tokenizer") or bleu_tokenizer(language)
    own: dict[str, Any] = {"lowercase": settings["lowercase"], "tokenizer": tokenizer}
    published: dict[str, Any] = {}
    if settings["bleu_as_published"] == "tensor2tensor":
        published = {"lowercase": True, "tokenizer": "intl"}
    statistics = {name: Column(np.int32, (10,)) for name in ("bleu", "bleu_as_published")}
    for part in parts:
        pair = (part.plain, part.references) if published else (part.words, part.tokenized)
        statistics["bleu"].append(sentence_statistics(part.plain, part.references, **own))
        statistics["bleu_as_published"].append(sentence_statistics(*pair, **published))
    scores = {}
    for (name, column), options in zip(statistics.items(), (own, published), strict=True):
        totals = sum(block[""].sum(axis=0, dtype=np.int64) for block in blocks({"": column}))
        found = bleu_of_statistics(totals.tolist(), **options)
        scores |= {name: found.score, f"{name}_signature": found.signature}
    return scores, statistics


def score_summaries(
    parts: Iterable[Part], settings: Mapping[str, Any], language: str
) -> tuple[dict[str, Any], dict[str, Column]]:
    """ROUGE-1, -2 and -L: means over the summaries."""
    from entropyreg.measures.rouge import TYPES, corpus_rouge, signature

    statistics = {name: Column(np.float64) for name in TYPES}
    for part in parts:
        for name, values in corpus_rouge(part.plain, part.references, language=language).sentence_scores.items():
            statistics[name].append(values)
    scores = {name: in_blocks.mean(column) for name, column in statistics.items()}
    return {**scores, "rouge_signature": signature(language=language)}, statistics


def lines_of(path: Path) -> Iterator[str]:
    """The lines of `read_lines`, one at a time."""
    line = None
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield line.removesuffix("\n")
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is missing or damaged ({error}).") from None
    if line is None:  # an empty file has one empty line
        yield ""


def read_lines(path: Path) -> list[str]:
    """Lines of a UTF-8 file that end in LF (other line separators belong to the text)."""
    return list(lines_of(path))
