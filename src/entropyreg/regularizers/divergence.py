"""Rowwise mathematics of the divergence J(u || p) between a baseline u and p = softmax(z), for rows held in cache.

    m = (1-skew) u + skew p,    J = KL(u || m) / skew + KL(p || m) / (1-skew)
    dJ/dz = p * (g - <g>_p),    g = (log p - log m) / (1-skew),    <g>_p = sum_j p_j g_j

With t = log(p / u), and <.>_u, <.>_p means under u and p:

    skew = 0        g = t                                                        J = <t>_p
    skew < 1/2      g = (t - L) / (1-skew),  L = log(1 + skew (e^t - 1))         J = <g>_p - <L>_u / skew
    skew >= 1/2     g = -W / (1-skew),       W = log(1 + (1-skew) (e^-t - 1))    J = <g>_p - <t + W>_u / skew
    skew = 1        g = -u / p + constant                                        J = -<t>_u

Source: Meister et al. 2020, definition of D_J with G = negative Shannon entropy. The forms are a rewriting of it that
is free of the cancellation which the definition suffers in float32 near both ends. The limits are exact, and no skew is
replaced by a limit that differs from it (for a peaked p, J at 1 - 1e-6 is far from J at 1).

Masking and normalisation are in `Rows` and nowhere else; values that are the same all over a row drop out of
v - <v>_p, so the quick forms leave them out of v and put them back into J.
"""

import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from entropyreg.regularizers.rows import LARGEST, Rows

LIMIT_IS_EXACT = 1e-30  # below this skew, 1 + skew * (p / u - 1) is 1 to the last bit of float64, and J is J at skew 0
NEAR_END = 0.05  # closer than this to an end of [0, 1], log(1 + x) is taken by log1p


class Terms(NamedTuple):
    """The result of a member: J, and dJ/dz = scale * p * (v - <v>_p) by way of products = exp * v."""

    divergence: Tensor  # (n, 1)
    products: Tensor  # (n, V) in `work` or `scratch`, or (n, 1)
    mean: Tensor  # (n, 1), <v>_p


class Member(Protocol):
    """A member of the family: the few operations in which members differ."""

    @property
    def scale(self) -> float:
        """The factor of `Terms`."""

    def terms(self, rows: Rows, precise: bool) -> Terms:
        """J and its gradient; `precise` asks for a gradient that is accurate even where J is nearly 0."""

    def composed(self, log_ratio: Tensor, p: Tensor, u: Tensor) -> Tensor:
        """J (...,) by differentiable operations from t, p and u (..., V); t = p = u = 0 for forbidden symbols."""


class SkewJensen(NamedTuple):
    """The skew-Jensen divergence J at one skew in [0, 1]."""

    skew: float

    @property
    def scale(self) -> float:
        if self.skew in (0.0, 1.0):
            return 1.0
        return 1.0 / (1.0 - self.skew) if self.skew < 0.5 else -1.0 / (1.0 - self.skew)

    def terms(self, rows: Rows, precise: bool) -> Terms:
        if self.skew == 0.0:
            return self._confidence_penalty(rows, precise)
        if self.skew == 1.0:
            return self._label_smoothing(rows, precise)
        if rows.plain and not precise:
            return self._quick_lower(rows) if self.skew < 0.5 else self._quick_upper(rows)
        return self._lower(rows, precise) if self.skew < 0.5 else self._upper(rows, precise)

    def composed(self, log_ratio: Tensor, p: Tensor, u: Tensor) -> Tensor:
        if self.skew == 0.0:
            return (p * log_ratio).sum(-1)
        if self.skew == 1.0:
            return -(u * log_ratio).sum(-1)
        rest = 1.0 - self.skew
        if self.skew < 0.5:
            log_m = torch.log1p(self.skew * torch.expm1(log_ratio))  # log(m / u)
            return (p * (log_ratio - log_m)).sum(-1) / rest - (u * log_m).sum(-1) / self.skew
        minus_t = (-log_ratio).clamp_max(LARGEST)
        log_m = torch.log1p(rest * torch.expm1(minus_t))  # log(m / p)
        return (u * (minus_t - log_m)).sum(-1) / self.skew - (p * log_m).sum(-1) / rest

    def _confidence_penalty(self, rows: Rows, precise: bool) -> Terms:
        t = rows.log_ratio(shifted=precise)
        surplus = rows.mean_under_u(torch.expm1(t, out=rows.scratch)) if precise else -rows.shift  # 0 up to rounding
        products = t.mul_(rows.exp)
        mean = rows.mean_under_p(products)
        return Terms(mean - surplus, products, mean)

    def _label_smoothing(self, rows: Rows, precise: bool) -> Terms:
        divergence = -rows.mean_under_u(rows.log_ratio(shifted=precise))
        if precise:
            products = rows.work.expm1_()  # p - u = u (e^t - 1)
            divergence += rows.mean_under_u(products)
            rows.times_baseline(products).mul_(rows.total)
            return Terms(divergence, products, rows.mean_under_p(products))
        products = -rows.total  # v = -u / p, so that the products are -u total
        products = products / rows.mass if rows.plain else rows.times_baseline(rows.work.fill_(1.0)).mul_(products)
        return Terms(divergence - rows.shift, products, -torch.ones_like(divergence))

    def _lower(self, rows: Rows, precise: bool) -> Terms:
        rest = 1.0 - self.skew
        t = rows.log_ratio()
        log_m = _log_mixture(t, self.skew, rows.scratch, precise)  # log(m / u)
        mean_log_m = rows.mean_under_u(log_m)
        values = t.sub_(log_m)
        centre = rows.centred(values) if precise else 0.0
        products = values.mul_(rows.exp)
        mean = rows.mean_under_p(products)
        return Terms((mean + centre) / rest - mean_log_m / self.skew, products, mean)

    def _upper(self, rows: Rows, precise: bool) -> Terms:
        rest = 1.0 - self.skew
        minus_t = rows.negative_log_ratio()
        log_m = _log_mixture(minus_t, rest, rows.scratch, precise)  # log(m / p)
        kl_u_m = (rows.mean_under_u(minus_t) - rows.mean_under_u(log_m)) / self.skew
        centre = rows.centred(log_m) if precise else 0.0
        products = log_m.mul_(rows.exp)
        mean = rows.mean_under_p(products)
        return Terms(kl_u_m - (mean + centre) / rest, products, mean)

    def _quick_lower(self, rows: Rows) -> Terms:
        """log(m / u) = l + k, l = log(exp + c) with c = total (1-skew) / (skew V), k = log skew + shift; near skew 0,
        l = log1p(skew (exp V / total - 1)), k = 0; v = work - l."""
        rest = 1.0 - self.skew
        if self.skew < NEAR_END:
            log_sum = torch.mul(rows.exp, rows.per_total * (self.skew * rows.mass), out=rows.scratch)
            log_sum, constant = log_sum.sub_(self.skew).log1p_(), 0.0
        else:
            c = rows.total * (rest / (self.skew * rows.mass))
            log_sum, constant = torch.add(rows.exp, c, out=rows.scratch).log_(), rows.shift.add_(math.log(self.skew))
        kl_u_m = rows.mean_under_u(log_sum).add_(constant)  # times -skew
        products = rows.work.sub_(log_sum).mul_(rows.exp)
        mean = rows.mean_under_p(products)
        kl_p_m = mean + rows.shift - constant  # times 1-skew
        return Terms(kl_p_m.div_(rest).sub_(kl_u_m, alpha=1.0 / self.skew), products, mean)

    def _quick_upper(self, rows: Rows) -> Terms:
        """log(m / p) = v + k, v = log(1/exp + c) with c = skew V / (total (1-skew)), k = log(1-skew) - shift; near
        skew 1, v = log1p((1-skew) (total / (exp V) - 1)), k = 0."""
        rest = 1.0 - self.skew
        mean_t = rows.mean_under_u(rows.work).add_(rows.shift)
        values = torch.reciprocal(rows.exp, out=rows.work)
        if rest < NEAR_END:
            values, constant = values.mul_(rows.total * (rest / rows.mass)).sub_(rest).log1p_(), 0.0
        else:
            values = values.add_(rows.per_total * (self.skew * rows.mass / rest)).log_()
            constant = math.log1p(-self.skew) - rows.shift
        kl_u_m = mean_t.add_(rows.mean_under_u(values)).add_(constant)  # times -skew
        products = values.mul_(rows.exp)
        mean = rows.mean_under_p(products)
        kl_p_m = mean + constant  # times -(1-skew)
        return Terms(kl_p_m.div_(-rest).sub_(kl_u_m, alpha=1.0 / self.skew), products, mean)


def at_skew(skew: float) -> SkewJensen:
    """The member at a skew, or the limit where the two cannot be told apart."""
    return SkewJensen(0.0 if skew < LIMIT_IS_EXACT else skew)


def _log_mixture(exponent: Tensor, part: float, out: Tensor, precise: bool) -> Tensor:
    """log(1 + part * (e^exponent - 1)) into `out`: by expm1 and log1p only where exp and log would lose digits."""
    if precise:
        return torch.expm1(exponent, out=out).mul_(part).log1p_()
    torch.exp(exponent, out=out).mul_(part)
    return out.sub_(part).log1p_() if part < NEAR_END else out.add_(1.0 - part).log_()
