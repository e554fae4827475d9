r"""ROUGE-1, ROUGE-2 and ROUGE-L (F1, times 100) by rouge-score, never without the settings they were computed with.

ROUGE-n is the F1 of shared n-grams, ROUGE-L that of a longest common subsequence (Lin 2004), per summary; the score of
a corpus is the mean over its summaries. Text is lower-cased, everything but letters and digits of ASCII is a space, and
words of four letters and more are stemmed (Porter), as ROUGE-1.5.5 does with `-m`.

ROUGE-L is *summary-level* (`rougeLsum`): the union of the subsequences of each reference sentence with each sentence of
the hypothesis. That is what ROUGE-1.5.5 computes on a sentence a line and hence what is published for CNN/DailyMail:
BART's 40.90 is of this kind, and `rougeL`, one subsequence of the whole text, gives about 30 to the same summaries.
For summaries of one sentence both are equal. A sentence ends at '.', '!' or '?' before a space: abbreviations end one
too, in hypothesis and reference alike.
"""

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

TYPES = {"rouge1": "rouge1", "rouge2": "rouge2", "rouge_l": "rougeLsum"}  # our name: rouge-score's
_SENTENCE_END = re.compile(r"([.!?][\"'\u201d\u2019)\]]*)\s+")


class Rouge(NamedTuple):
    """`scores` in 0..100 and `sentence_scores` (N,) by measure ('rouge1', 'rouge2', 'rouge_l'), and their settings."""

    scores: dict[str, float]
    sentence_scores: dict[str, np.ndarray]
    signature: str


def corpus_rouge(hypotheses: Sequence[str], references: Sequence[str], *, stemmer: bool = True) -> Rouge:
    """ROUGE of plain (detokenised) summaries against one reference each.

    The corpus score is the mean of the sentence scores, so that a bootstrap may resample those; an empty hypothesis
    scores 0. Raises ValueError if the numbers of summaries differ or are zero.
    """
    if len(hypotheses) != len(references) or not references:
        raise ValueError(
            f"{len(hypotheses)} hypotheses for {len(references)} references; they must be as many, and some."
        )
    from rouge_score.rouge_scorer import RougeScorer  # here: it loads nltk, which takes seconds

    scorer = RougeScorer(list(TYPES.values()), use_stemmer=stemmer)
    found = [scorer.score(lines(one), lines(other)) for one, other in zip(references, hypotheses, strict=True)]
    per_sentence = {  # (N,); rouge-score's zeros are integers
        name: np.array([100 * one[kind].fmeasure for one in found], np.float64) for name, kind in TYPES.items()
    }
    scores = {name: float(values.mean()) for name, values in per_sentence.items()}
    return Rouge(scores, per_sentence, signature(stemmer))


def lines(text: str) -> str:
    """A summary with a sentence a line, as `rougeLsum` reads it."""
    return _SENTENCE_END.sub("\\1\n", text.strip())


def signature(stemmer: bool) -> str:
    """The settings, in the manner of sacrebleu's signatures."""
    stem = "porter" if stemmer else "no"
    return f"score:f1|refs:1|mean:sentence|stem:{stem}|L:rougeLsum|sentences:.!?|rouge-score:{version('rouge-score')}"
