"""The temperature at which a teacher's answers have a wanted entropy.

    H(T) = mean over examples of H(softmax(z / T)) / log K,    T* with H(T*) = wanted

H rises with T, from 0 (where the largest logit is unique) to 1, so there is one T*. It brings teachers of different
regularizers to equal entropy, where only the shape of their answers still differs (CLAIMS C5).
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import entr, softmax

from entropyreg.measures.logits import BLOCK_ENTRIES, check_temperature

BOUNDS = (1e-3, 1e3)


def mean_normalized_entropy(logits: np.ndarray, temperature: float = 1.0) -> float:
    """Mean over rows of H(softmax(`logits` / `temperature`)) / log K, in [0, 1]; `logits` (N, K), K >= 2."""
    check_temperature(temperature)
    if logits.ndim != 2 or logits.shape[0] < 1 or logits.shape[1] < 2 or not np.isfinite(logits).all():
        raise ValueError(f"logits must be finite and of shape (N, K), N >= 1, K >= 2; got {logits.shape}.")
    rows, total = max(1, BLOCK_ENTRIES // logits.shape[1]), 0.0
    for start in range(0, len(logits), rows):
        total += float(entr(softmax(logits[start : start + rows].astype(np.float64) / temperature, axis=1)).sum())
    return total / (len(logits) * np.log(logits.shape[1]))


def temperature_of_entropy(logits: np.ndarray, wanted: float) -> float:
    """T* of `logits` (N, K) for a normalised entropy `wanted`; raises ValueError if no T from .001 to 1,000 has it."""
    if not 0 <= wanted <= 1:  # also for nan
        raise ValueError(f"wanted must lie in [0, 1]; got {wanted}.")

    def excess(log_temperature: float) -> float:
        return mean_normalized_entropy(logits, float(np.exp(log_temperature))) - wanted

    low, high = np.log(BOUNDS)
    if excess(low) > 0 or excess(high) < 0:
        raise ValueError(f"no temperature from {BOUNDS[0]} to {BOUNDS[1]} gives the normalised entropy {wanted}.")
    return float(np.exp(brentq(excess, low, high, xtol=1e-10)))
