"""Predicts, before any training, the entropy that a regularizer leads to: two levels of probability and one equation.

For a one-hot target over V classes, NLL + strength * J(u || p), u uniform, is least, by symmetry, at p_y for the target
and the same floor a = (1 - p_y) / (V - 1) for every other class. Along these points dJ/dp_y = g(p_y) - g(a), so that

    strength * p_y * (g(p_y) - g(a)) = 1,    g(p) = log(p / m) / (1-skew),    H = -(p_y log p_y + (V-1) a log a) / log V

whose left side grows with p_y from 0 to infinity: one root, found by bisection on log(1 - p_y), which resolves every
floor.

Source: our own result on the objective of Meister et al. 2020. Needs no torch.
Limits: strength 0 is p_y = 1, H = 0; an infinite strength is p = u, H = 1; at skew 1, g(p) = -u / p up to a constant,
and the minimum is label smoothing's mixture, p_y = (1 + strength / V) / (1 + strength).
"""

import math
from collections.abc import Callable
from typing import NamedTuple


class Equilibrium(NamedTuple):
    """The minimiser: p_y, the probability of every other class, and the entropy divided by log V."""

    target_probability: float
    floor: float
    normalized_entropy: float


def equilibrium(skew: float, strength: float, vocabulary_size: int) -> Equilibrium:
    """Target probability, floor and normalised entropy at the minimum, for skew in [0, 1] and strength >= 0.

    Raises ValueError naming the argument that is wrong, its value and what is allowed.
    """
    skew, strength = _number("skew", skew, 0.0, 1.0), _number("strength", strength, 0.0, math.inf)
    size = _vocabulary_size(vocabulary_size)
    if strength == 0.0:
        return Equilibrium(1.0, 0.0, 0.0)
    lowest = -1500.0 - 2.0 / strength  # there g(a) <= -1/strength, whatever the skew
    log_rest = _bisect(lambda x: 1.0 - strength * _pull(x, skew, size), lowest, _log_rest_of_uniform(size))
    return _point(log_rest, size)


def strength_for_entropy(skew: float, entropy: float, vocabulary_size: int) -> float:
    """The strength whose equilibrium has this normalised entropy, in [0, 1): the inverse of `equilibrium`.

    The entropy gives p_y whatever the skew, and the equation above then gives the strength in closed form.
    """
    skew, entropy = _number("skew", skew, 0.0, 1.0), _number("entropy", entropy, 0.0, 1.0)
    size = _vocabulary_size(vocabulary_size)
    if entropy == 1.0:
        raise ValueError("entropy must be less than 1 (which takes an infinite strength), got 1.0")
    if entropy == 0.0:
        return 0.0
    log_rest = _bisect(lambda x: _point(x, size).normalized_entropy - entropy, -745.0, _log_rest_of_uniform(size))
    pull = _pull(log_rest, skew, size)
    if pull <= 0.0:
        raise ValueError(f"entropy must be distinguishable from 1 in float64, got {entropy!r}")
    return 1.0 / pull


def _point(log_rest: float, size: int) -> Equilibrium:
    """The two-level distribution with log(1 - p_y) = log_rest."""
    rest, log_floor = math.exp(log_rest), log_rest - math.log(size - 1)
    nats = -(1.0 - rest) * math.log1p(-rest) - rest * log_floor
    return Equilibrium(1.0 - rest, math.exp(log_floor), min(nats / math.log(size), 1.0))


def _pull(log_rest: float, skew: float, size: int) -> float:
    """p_y * (g(p_y) - g(a)): the regularizer's pull, which times its strength balances the NLL's pull of 1."""
    rest, log_size = math.exp(log_rest), math.log(size)
    t_target, t_floor = math.log1p(-rest) + log_size, log_rest - math.log(size - 1) + log_size  # log(p / u)
    return (1.0 - rest) * (_gradient(t_target, skew) - _gradient(t_floor, skew))


def _gradient(t: float, skew: float) -> float:
    """g at t = log(p / u), up to a constant; the stable forms of `divergence`."""
    rest = 1.0 - skew
    if skew == 1.0:
        return -math.exp(min(-t, 700.0))
    if skew < 0.5:
        return (t - math.log1p(skew * math.expm1(t))) / rest
    if t < -1.0:
        return (t - math.log(rest + skew * math.exp(t))) / rest
    return -math.log1p(rest * math.expm1(-t)) / rest


def _log_rest_of_uniform(size: int) -> float:
    return math.log1p(-1.0 / size)


def _bisect(increasing: Callable[[float], float], low: float, high: float) -> float:
    """The root of an increasing function, to the last bit; an end of the interval where it has none inside."""
    while True:
        middle = 0.5 * (low + high)
        if not low < middle < high:
            return middle
        if increasing(middle) < 0.0:
            low = middle
        else:
            high = middle


def _number(name: str, value: float, low: float, high: float) -> float:
    if getattr(value, "requires_grad", False):
        raise ValueError(f"{name} must not require a gradient, as none is computed for it: pass {name}.detach()")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number, got {value!r}") from None
    if not low <= number <= high or math.isinf(number):
        allowed = f"lie in [{low:g}, {high:g}]" if math.isfinite(high) else f"be finite and at least {low:g}"
        raise ValueError(f"{name} must {allowed}, got {value!r}")
    return number


def _vocabulary_size(value: int) -> int:
    if isinstance(value, bool) or not 2 <= value < math.inf or value != int(value):
        raise ValueError(f"vocabulary_size must be an integer of at least 2, got {value!r}")
    return int(value)
