r"""ROUGE-1, ROUGE-2 and ROUGE-L (F1, times 100) by rouge-score, never without the settings they were computed with.

ROUGE-n is the F1 of shared n-grams, ROUGE-L that of a longest common subsequence (Lin 2004), per summary; the score of
a corpus is the mean over its summaries. English is lower-cased, everything but letters and digits of ASCII is a space,
and words of four letters and more are stemmed (Porter), as ROUGE-1.5.5 does with `-m`. Any other language would lose
its letters that way: there a word is a run of letters, marks and digits of any script, in scripts without spaces
between words a character is one, and nothing is stemmed (`words:unicode` in the signature).

ROUGE-L is *summary-level* (`rougeLsum`): the union of the subsequences of each reference sentence with each sentence of
the hypothesis. That is what ROUGE-1.5.5 computes on a sentence a line and hence what is published for CNN/DailyMail:
BART's 40.90 is of this kind, and `rougeL`, one subsequence of the whole text, gives about 30 to the same summaries.
For summaries of one sentence both are equal. A sentence ends at '.', '!' or '?' before a space: abbreviations end one
too, in hypothesis and reference alike. Other languages than English also have the full stops of their scripts.
"""

import re
import unicodedata
from collections.abc import Sequence
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

TYPES = {"rouge1": "rouge1", "rouge2": "rouge2", "rouge_l": "rougeLsum"}  # our name: rouge-score's
_SENTENCE_END = re.compile(r"([.!?][\"'\u201d\u2019)\]]*)\s+")
_STOP_OF_SCRIPT = re.compile(
    "([\u3002\uff01\uff1f\u0964\u0965\u06d4\u061f\u1362\u104b\u17d4\u0589][\u201d\u300d\u300f\uff09]*)\\s*"
)
# Thai, Lao and Tibetan; Burmese; Khmer; Japanese; Chinese
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_JOINERS = "\u200c\u200d"


class Rouge(NamedTuple):
    """`scores` in 0..100 and `sentence_scores` (N,) by measure ('rouge1', 'rouge2', 'rouge_l'), and their settings."""

    scores: dict[str, float]
    sentence_scores: dict[str, np.ndarray]
    signature: str


class UnicodeWords:
    """The words of any script, as rouge-score asks a tokenizer for them."""

    def tokenize(self, text: str) -> list[str]:
        kept = (one if one in _JOINERS or unicodedata.category(one)[0] in "LMN" else " " for one in text.lower())
        return _WITHOUT_SPACES.sub(r" \g<0> ", "".join(kept)).split()


def corpus_rouge(
    hypotheses: Sequence[str], references: Sequence[str], *, stemmer: bool = True, language: str = "en"
) -> Rouge:
    """ROUGE of plain (detokenised) summaries against one reference each.

    `language` is a code of ISO 639-1; `stemmer` is of English, no other language is stemmed.
    The corpus score is the mean of the sentence scores, so that a bootstrap may resample those; an empty hypothesis
    scores 0. Raises ValueError if the numbers of summaries differ or are zero.
    """
    if len(hypotheses) != len(references) or not references:
        raise ValueError(
            f"{len(hypotheses)} hypotheses for {len(references)} references; they must be as many, and some."
        )
    from rouge_score.rouge_scorer import RougeScorer  # here: it loads nltk, which takes seconds

    words = None if language == "en" else UnicodeWords()
    scorer = RougeScorer(list(TYPES.values()), use_stemmer=stemmer, tokenizer=words)
    found = [
        scorer.score(lines(one, language), lines(other, language))
        for one, other in zip(references, hypotheses, strict=True)
    ]
    per_sentence = {  # (N,); rouge-score's zeros are integers
        name: np.array([100 * one[kind].fmeasure for one in found], np.float64) for name, kind in TYPES.items()
    }
    scores = {name: float(values.mean()) for name, values in per_sentence.items()}
    return Rouge(scores, per_sentence, signature(stemmer, language))


def lines(text: str, language: str = "en") -> str:
    """A summary with a sentence a line, as `rougeLsum` reads it."""
    text = text if language == "en" else _STOP_OF_SCRIPT.sub("\\1\n", text)
    return _SENTENCE_END.sub("\\1\n", text.strip())


def signature(stemmer: bool = True, language: str = "en") -> str:
    """The settings, in the manner of sacrebleu's signatures."""
    english = language == "en"
    stem, words, stops = "porter" if stemmer and english else "no", "" if english else "words:unicode|", ".!?"
    if not english:
        stops += " and those of the script"
    kinds = f"score:f1|refs:1|mean:sentence|{words}stem:{stem}|L:rougeLsum"
    return f"{kinds}|sentences:{stops}|rouge-score:{version('rouge-score')}"
