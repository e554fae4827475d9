"""Quality of hypotheses against references: BLEU of translations, ROUGE of summaries, with statistics of sentences."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from entropyreg.data import gpt2_bpe
from entropyreg.data.detokenization import detokenize
from entropyreg.data.subwords import undo
from entropyreg.errors import UserError


class Texts(NamedTuple):
    """References of one split: untouched, and tokenised as the model saw them."""

    references: list[str]
    tokenized: list[str]
    folder: Path  # of the prepared text

    def first(self, n: int) -> "Texts":
        return Texts(self.references[:n], self.tokenized[:n], self.folder)


def score_texts(
    settings: Mapping[str, Any], hypotheses: Sequence[str], texts: Texts, place: str
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Corpus scores with their signatures, and by name the statistics of each sentence (n, ...).

    `hypotheses` are subword tokens. Raises `UserError` if their number is not that of the references.
    """
    if not len(hypotheses) == len(texts.references) == len(texts.tokenized):
        raise UserError(f"{place}: {len(hypotheses)} hypotheses for {len(texts.references)} references: predict again.")
    if settings["subwords"] == "gpt2":
        decode = gpt2_bpe.decoder(texts.folder)
        words = plain = [decode(line) for line in hypotheses]
    else:
        words = [undo(line) for line in hypotheses]
        plain = [detokenize(line.split(), settings["target_language"]) for line in words]
    if settings["metric"] == "rouge":
        return score_summaries(plain, texts.references)
    return score_translations(plain, words, texts, settings["lowercase"], settings["bleu_as_published"])


def score_translations(
    plain: Sequence[str], words: Sequence[str], texts: Texts, lowercase: bool, as_published: str
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """BLEU of detokenised text, and as a paper computed it.

    `as_published`: tokenized (on tokenised text, paper A), tensor2tensor (uncased, international tokens, paper B).
    """
    from entropyreg.measures.bleu import corpus_bleu, sentence_statistics

    bleu = corpus_bleu(plain, texts.references, lowercase=lowercase)
    pair, options = (words, texts.tokenized), {}
    if as_published == "tensor2tensor":
        pair, options = (plain, texts.references), {"lowercase": True, "tokenizer": "intl"}
    published = corpus_bleu(*pair, **options)
    scores = {
        "bleu": bleu.score,
        "bleu_signature": bleu.signature,
        "bleu_as_published": published.score,
        "bleu_as_published_signature": published.signature,
    }
    return scores, {
        "bleu": sentence_statistics(plain, texts.references, lowercase=lowercase),
        "bleu_as_published": sentence_statistics(*pair, **options),
    }


def score_summaries(
    summaries: Sequence[str], references: Sequence[str]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """ROUGE-1, -2 and -L."""
    from entropyreg.measures.rouge import corpus_rouge

    found = corpus_rouge(summaries, references)
    return {**found.scores, "rouge_signature": found.signature}, dict(found.sentence_scores)


def read_lines(path: Path) -> list[str]:
    """Lines of a UTF-8 file that end in LF (other line separators belong to the text)."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is missing or damaged ({error}).") from None
    return text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")
