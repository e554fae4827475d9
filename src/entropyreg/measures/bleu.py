"""Corpus BLEU by sacrebleu, never without its signature."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sacrebleu.metrics import BLEU

from entropyreg.measures.checks import check_counts


class Bleu(NamedTuple):
    """`score` in 0..100 and sacrebleu's signature (case, tokeniser, smoothing, version)."""

    score: float
    signature: str


def corpus_bleu(
    hypotheses: Sequence[str], references: Sequence[str], *, lowercase: bool = False, tokenizer: str = "13a"
) -> Bleu:
    """BLEU of one reference a sentence, with sacrebleu's defaults (tokeniser 13a, exponential smoothing).

    `lowercase` compares case-insensitively (`case:lc`), for tasks whose text was lower-cased. On detokenised text this
    is the comparable BLEU; on text that is already tokenised it is what the code of Meister et al. 2020 computed
    (`bleu_as_published`: tokenised twice). `tokenizer` 'intl' with `lowercase` is tensor2tensor's uncased BLEU, which
    Müller et al. 2019 report: the same international tokenisation and smoothing.
    Raises ValueError if the numbers of sentences differ or are zero.
    """
    if len(hypotheses) != len(references) or not references:
        raise ValueError(
            f"{len(hypotheses)} hypotheses for {len(references)} references; they must be as many, and some."
        )
    # force: tokenised text is meant here, sacrebleu only warns about it
    metric = BLEU(lowercase=lowercase, force=True, tokenize=tokenizer)
    score = metric.corpus_score(list(hypotheses), [list(references)])
    return Bleu(float(score.score), str(metric.get_signature()))


def bleu_of_statistics(totals: Sequence[int], *, lowercase: bool = False, tokenizer: str = "13a") -> Bleu:
    """`corpus_bleu` of the sentences whose `sentence_statistics` have these ten sums; ValueError for other numbers."""
    found = np.asarray(totals)
    if found.shape != (10,) or not np.issubdtype(found.dtype, np.integer):
        raise ValueError(f"totals must be the ten sums of sentence_statistics, integers; got {found.tolist()}.")
    check_counts(totals=found)
    metric = BLEU(lowercase=lowercase, force=True, tokenize=tokenizer)
    metric.num_refs = 1  # for the signature, which is otherwise known after scoring
    lengths, correct, total = totals[:2], list(totals[2:6]), list(totals[6:])
    options = {"smooth_method": metric.smooth_method, "smooth_value": metric.smooth_value}
    score = BLEU.compute_bleu(correct, total, sys_len=lengths[0], ref_len=lengths[1], **options)
    return Bleu(float(score.score), str(metric.get_signature()))


def sentence_statistics(
    hypotheses: Sequence[str], references: Sequence[str], *, lowercase: bool = False, tokenizer: str = "13a"
) -> np.ndarray:
    """The counts that corpus BLEU is computed from, (n, 10): their sum over sentences gives its score.

    Columns: hypothesis length, reference length, matching 1- to 4-grams, 1- to 4-grams of the hypothesis.
    """
    # effective_order: as sacrebleu asks for single sentences
    metric = BLEU(lowercase=lowercase, force=True, tokenize=tokenizer, effective_order=True)
    scores = [metric.sentence_score(one, [other]) for one, other in zip(hypotheses, references, strict=True)]
    rows = [(score.sys_len, score.ref_len, *score.counts, *score.totals) for score in scores]
    return np.array(rows, dtype=np.int32).reshape(-1, 10)
