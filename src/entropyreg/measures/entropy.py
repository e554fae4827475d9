"""Normalised entropy of next-token distributions.

    H_norm = mean over tokens of H(p(. | x, y_<t)) / log V        (Meister et al. 2020; the normalisation is ours)

V is the size of the softmax. The conditioning is the gold prefix; the end of sentence counts as a token.
"""

import math

import numpy as np

from entropyreg.measures.checks import check_counts

ROUNDING = 1 + 1e-4  # of entropies in float32


def normalized_entropy(entropy: np.ndarray, vocabulary_size: int) -> float:
    """Mean of `entropy` (nats, shape (N,)) over log `vocabulary_size`; in [0, 1].

    Raises ValueError for no tokens, a vocabulary below 2, and entropies that no distribution over V symbols has.
    """
    if entropy.size == 0 or vocabulary_size < 2:
        raise ValueError(
            f"normalised entropy needs tokens and V >= 2; got {entropy.size} tokens, V = {vocabulary_size}."
        )
    check_counts(entropy=entropy)
    if np.max(entropy) > math.log(vocabulary_size) * ROUNDING:
        raise ValueError(f"entropy must be at most log V = {math.log(vocabulary_size)}; got {np.max(entropy)}.")
    return float(np.mean(entropy, dtype=np.float64) / math.log(vocabulary_size))
