"""Mutual information between the index of a training image and a network's output (Müller et al. 2019, Figure 6).

    I = 1/N sum_x [ -(f_x - mu_x)^2 / (2 s^2) - log( 1/N sum_x' exp(-(f_x - mu_x')^2 / (2 s^2)) ) ]        nats

f is the difference of the logits of two classes for a randomly augmented image x, mu_x its mean over L draws of the
augmentation, s^2 the mean over x of (f_x - mu_x)^2. The output is thus taken for a Gaussian channel and the N images
for a mixture. At most log N; log 2 when only the class is left of the image.

- The sum's 1/N is the paper's. The slides' formula lacks it: their values are lower by log N (`without_one_over_n`).
- f_x should be a *fresh* draw, none of the L in mu_x: a mean lies nearer to its own draws than to others, so s^2 comes
  out low and I high (`same_draw_information`, most at small L). With a fresh draw the error of mu_x widens s^2 by
  1 + 1/L and I comes out low. Neither is clipped: around 0 a fresh draw can give slightly less than 0.
"""

import math
from typing import Literal

import numpy as np
from scipy.special import logsumexp

from entropyreg.measures.checks import check_finite

Variance = Literal["shared", "per_input"]
VARIANCES = ("shared", "per_input")


def mutual_information(draws: np.ndarray, evaluated: np.ndarray, variance: Variance = "shared") -> float:
    """The estimator above, in nats; at most log N.

    `draws` (N, L): f of each input under L draws, for mu_x. `evaluated` (N,) or (N, R): f under one or R fresh draws,
    averaged over. `variance`: 'shared', the paper's; 'per_input': s_x^2 = sum_l (f_xl - mu_x)^2 / (L - 1) for each
    input, from `draws`, hence densities with their own normalisation (needs L >= 2; poor below about 10 draws).
    Raises ValueError for other shapes, values that are not finite or another `variance`.
    """
    evaluated = evaluated[:, None] if evaluated.ndim == 1 else evaluated
    if draws.ndim != 2 or evaluated.ndim != 2 or len(draws) != len(evaluated) or not draws.size or not evaluated.size:
        raise ValueError(f"draws must be (N, L) and evaluated (N, R); got {draws.shape} and {evaluated.shape}.")
    if variance not in VARIANCES or (variance == "per_input" and draws.shape[1] < 2):
        raise ValueError(f"variance must be one of {', '.join(VARIANCES)}, with L >= 2 per input; got {variance!r}.")
    draws, evaluated = draws.astype(np.float64), evaluated.astype(np.float64)
    check_finite(draws=draws, evaluated=evaluated)
    mean = draws.mean(axis=1)  # (N,)
    if variance == "shared":
        spread = np.full(len(mean), np.mean((evaluated - mean[:, None]) ** 2))
    else:
        spread = draws.var(axis=1, ddof=1)
    # without noise the kernel becomes an indicator of equal means: a floor far below any difference between inputs
    scale = max(np.ptp(mean), np.ptp(evaluated))
    spread = np.maximum(spread, (1e-9 * scale) ** 2 if scale > 0 else 1.0)  # (N,)
    terms = [_log_ratio(column, mean, spread) for column in evaluated.T]
    return float(np.mean(terms))


def same_draw_information(draws: np.ndarray, variance: Variance = "shared") -> float:
    """The estimator with the same L draws (N, L) in mu_x and as evaluated samples: biased upwards, for comparison."""
    return mutual_information(draws, draws, variance)


def without_one_over_n(information: float, n_inputs: int) -> float:
    """Convert `information` by the paper's formula to that by the slides', which lacks the 1/N inside the logarithm."""
    check_finite(information=information)
    return information - upper_bound(n_inputs)


def upper_bound(n_inputs: int) -> float:
    """log N, nats: no estimate from `n_inputs` inputs exceeds it. Raises ValueError for less than one."""
    if not n_inputs >= 1:
        raise ValueError(f"n_inputs must be at least 1; got {n_inputs}.")
    return math.log(n_inputs)


def _log_ratio(values: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """log p(f_x | x) - log 1/N sum_x' p(f_x | x'), shape (N,); the constant of the Gaussian cancels."""
    own = -((values - mean) ** 2) / (2 * spread) - 0.5 * np.log(spread)
    others = -((values[:, None] - mean[None, :]) ** 2) / (2 * spread) - 0.5 * np.log(spread)  # (N, N)
    return own - logsumexp(others, axis=1) + math.log(len(mean))
