"""Divergences between the uniform distribution u and a Bernoulli distribution p over two classes, in nats.

    J_skew(u || p) = KL(u || m) / skew + KL(p || m) / (1-skew),    m = (1-skew) u + skew p,    u = (1/2, 1/2)

Source: Meister et al. 2020, definition of D_J with G = negative Shannon entropy, and with G = ||.||^2 (Euclidean).
Limits: skew 0 is KL(p || u), "exclusive" in the terms of Minka 2005, and skew 1 is KL(u || p), "inclusive"; skew 1/2
is four times the Jensen-Shannon divergence. As p tends to 0 or 1 only skew 1 tends to infinity.
"""

import numpy as np

UNIFORM = 0.5


def skew_jensen(p: np.ndarray, skew: float) -> np.ndarray:
    """J(u || p) for p = P(X = 1) in [0, 1], any shape, and skew in [0, 1]; infinite at p = 0 and 1 for skew 1.

    Raises ValueError naming the argument that is wrong, its value and what is allowed.
    """
    p = _probabilities(p)
    if not 0.0 <= skew <= 1.0:
        raise ValueError(f"skew must lie in [0, 1], got {skew!r}")
    return _one_class(p, skew) + _one_class(1.0 - p, skew)


def euclidean(p: np.ndarray) -> np.ndarray:
    """||u - p||^2 for p = P(X = 1) in [0, 1], any shape: the same for every skew."""
    return 2.0 * (_probabilities(p) - UNIFORM) ** 2


def entropy(p: np.ndarray) -> np.ndarray:
    """H(p) = log 2 - KL(p || u) for p = P(X = 1) in [0, 1], any shape."""
    return np.log(2.0) - skew_jensen(p, 0.0)


def _one_class(p: np.ndarray, skew: float) -> np.ndarray:
    """The term of a class of probability p: -u log(m / u) / skew - p log(m / p) / (1-skew), or its limit in skew."""
    ratio = p / UNIFORM
    if skew == 0.0:  # the limit of the first term is u - p, which sums to 0
        return p * np.log(ratio, out=np.zeros_like(p), where=p > 0.0)
    with np.errstate(divide="ignore"):
        if skew == 1.0:
            return -UNIFORM * np.log(ratio)
        log_m_u = np.log1p(skew * (ratio - 1.0))
        log_m_p = np.log1p((1.0 - skew) * (1.0 / ratio - 1.0))
    from_p = np.multiply(p, log_m_p, out=np.zeros_like(p), where=p > 0.0)
    return -UNIFORM * log_m_u / skew - from_p / (1.0 - skew)


def _probabilities(p: np.ndarray) -> np.ndarray:
    p = np.asarray(p, dtype=np.float64)
    if not np.all((p >= 0.0) & (p <= 1.0)):
        raise ValueError(f"p must lie in [0, 1], got values from {p.min()} to {p.max()}")
    return p
