"""Rank of the reference words in the model's ordering of the vocabulary (0: the model's first choice)."""

import numpy as np


def mean_reference_rank(rank: np.ndarray, sentence: np.ndarray) -> float:
    """Mean zero-based rank within each sentence (end of sentence included), then over sentences: the authors' way.

    `rank` and `sentence` have shape (N,); `sentence` numbers the sentences.
    """
    _, index = np.unique(sentence, return_inverse=True)
    sums = np.bincount(index, weights=rank.astype(np.float64))
    return float(np.mean(sums / np.bincount(index)))
