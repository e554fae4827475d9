"""A slow, literal implementation of the papers' definitions in float64: loops over rows and symbols, no clever form."""

import math

import torch
from torch import Tensor


def softmax(row: Tensor) -> list[float]:
    """p of one row of logits, forbidden symbols (-inf) having probability 0."""
    values = [float(v) for v in row.double()]
    top = max(values)
    weights = [math.exp(v - top) for v in values]
    return [w / sum(weights) for w in weights]


def negative_entropy(p: list[float]) -> float:
    """G(p) = sum p log p."""
    return math.fsum(x * math.log(x) for x in p if x > 0.0)


def kl(p: list[float], q: list[float]) -> float:
    """KL(p || q) = sum p log(p / q)."""
    return math.fsum(x * math.log(x / y) for x, y in zip(p, q, strict=True) if x > 0.0)


def allowed_baseline(row: Tensor, baseline: list[float] | None) -> list[float]:
    """u of one row: the baseline (None: uniform), renormalised over the symbols whose logit is finite."""
    weights = [0.0 if math.isinf(float(z)) else (1.0 if baseline is None else baseline[k]) for k, z in enumerate(row)]
    return [w / sum(weights) for w in weights]


def divergence(u: list[float], p: list[float], skew: float) -> float:
    """J as defined: 1/(skew (1-skew)) [(1-skew) G(u) + skew G(p) - G((1-skew) u + skew p)], and its two limits."""
    if skew == 0.0:
        return kl(p, u)
    if skew == 1.0:
        return kl(u, p)
    m = [(1.0 - skew) * a + skew * b for a, b in zip(u, p, strict=True)]
    if 0.01 < skew < 0.99:
        jensen_gap = (1.0 - skew) * negative_entropy(u) + skew * negative_entropy(p) - negative_entropy(m)
        return jensen_gap / (skew * (1.0 - skew))
    return kl(u, m) / skew + kl(p, m) / (1.0 - skew)  # the same, without the division of a difference by nearly 0


def skew_jensen(logits: Tensor, skew: float, baseline: list[float] | None = None) -> Tensor:
    """J of every row of logits (N, V)."""
    return torch.tensor(
        [divergence(allowed_baseline(row, baseline), softmax(row), skew) for row in logits], dtype=torch.float64
    )


def loss(
    logits: Tensor, targets: Tensor, skew: float, strength: float, baseline=None, ignore_index=-100, reduction="mean"
) -> Tensor:
    """NLL + strength * J, reduced over the rows that are not ignored."""
    rows = []
    for row, target in zip(logits, targets.tolist(), strict=True):
        if target == ignore_index:
            rows.append(None)
            continue
        p = softmax(row)
        rows.append(-math.log(p[target]) + strength * divergence(allowed_baseline(row, baseline), p, skew))
    counted = [value for value in rows if value is not None]
    if reduction == "none":
        return torch.tensor([0.0 if value is None else value for value in rows], dtype=torch.float64)
    total = math.fsum(counted)
    return torch.tensor(total / max(len(counted), 1) if reduction == "mean" else total, dtype=torch.float64)


def naive_autograd(logits: Tensor, skew: float) -> Tensor:
    """J (N,) of float64 logits by autograd-differentiable operations, straight from the two divergences."""
    log_p = torch.log_softmax(logits, dim=-1)
    p, u = log_p.exp(), 1.0 / logits.shape[-1]
    if skew == 0.0:
        return (p * (log_p - math.log(u))).sum(-1)
    if skew == 1.0:
        return (u * (math.log(u) - log_p)).sum(-1)
    log_m = ((1.0 - skew) * u + skew * p).log()
    return (u * (math.log(u) - log_m)).sum(-1) / skew + (p * (log_p - log_m)).sum(-1) / (1.0 - skew)
