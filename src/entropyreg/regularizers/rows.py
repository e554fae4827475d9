"""Normalises and masks a chunk of rows of logits once, for every member of the family.

    p = exp / total,   exp = e^(z - max z),   total = sum_k exp_k,   t = log(p / u) = z - max z - log weight + shift

Forbidden symbols (logit -inf) have p = u = 0: the baseline, uniform or given, is renormalised over the allowed ones
(Meister et al. 2020 has no such symbols; the definition is ours), and t, which would be infinite, is set to 0, where
every term of every member vanishes. Limits: a row without any allowed symbol is NaN, as in `F.cross_entropy`.
"""

import math

import torch
from torch import Tensor

from entropyreg.regularizers import arguments
from entropyreg.regularizers.baselines import Baseline

LARGEST = 80.0  # bound of -t: e^80 is finite in float32, and p under e^-80 adds nothing


class Rows:
    """A chunk of n rows, normalised and masked. All its tensors are scratch that the members overwrite."""

    def __init__(self, logits: Tensor, work: Tensor, exp: Tensor, scratch: Tensor, baseline: Baseline | None) -> None:
        """`logits` (n, V), in the dtype of the computation, may be `work`, which takes them less their maximum."""
        self.work, self.exp, self.scratch, self.baseline = work, exp, scratch, baseline  # (n, V) each
        torch.sub(logits, logits.amax(-1, keepdim=True), out=work)
        lowest = work.amin(-1, keepdim=True)  # (n, 1)
        lowest_of_all = lowest.amin().item() if arguments.may_look(work) else -math.inf
        self.plain = lowest_of_all > -LARGEST and baseline is None  # uniform, no symbol forbidden, no overflow
        self.forbidden = None if lowest_of_all > -math.inf else work == -math.inf  # (n, V)
        if self.forbidden is not None:
            lowest = torch.where(self.forbidden, 0.0, work).amin(-1, keepdim=True)
        self.at_baseline = lowest == 0.0 if baseline is None else None  # (n, 1): p = u, so that J is 0
        self.weights = None if baseline is None else baseline.probabilities  # (V,)
        self.mass: Tensor | float = float(work.shape[-1]) if baseline is None else 1.0
        self.log_mass: Tensor | float = math.log(self.mass)  # mass: the sum of the allowed symbols' weights
        if self.forbidden is not None:
            allowed = (~self.forbidden).to(work.dtype)
            self.mass = allowed.sum(-1, keepdim=True) if baseline is None else (allowed @ self.weights)[:, None]
            self.log_mass = self.mass.log()  # (n, 1)
        torch.exp(work, out=exp)
        self.total = exp.sum(-1, keepdim=True)  # (n, 1): p = exp / total
        self.per_total = self.total.reciprocal()
        self.log_total = self.total.log()

    @property
    def shift(self) -> Tensor:
        """(n, 1): t = work - log weight + shift."""
        return self.log_mass - self.log_total

    def log_ratio(self, shifted: bool = True) -> Tensor:
        """t = log(p / u), or t - shift, in place of `work`."""
        if self.baseline is not None:
            self.work.sub_(self.baseline.log_probabilities)
        if shifted:
            self.work.add_(self.shift)
        return self.masked(self.work)

    def negative_log_ratio(self) -> Tensor:
        """-t, bounded, in place of `work`."""
        if self.baseline is not None:
            self.work.sub_(self.baseline.log_probabilities)
        torch.sub(self.log_total - self.log_mass, self.work, out=self.work)
        return self.masked(self.work if self.plain else self.work.clamp_max_(LARGEST))

    def masked(self, values: Tensor) -> Tensor:
        """`values` (n, V), made 0 for forbidden symbols in place."""
        return values if self.forbidden is None else values.masked_fill_(self.forbidden, 0.0)

    def times_baseline(self, values: Tensor) -> Tensor:
        """`values` (n, V), times u in place."""
        if self.weights is not None:
            values.mul_(self.weights)
        return self.masked(values).div_(self.mass)

    def mean_under_p(self, products: Tensor) -> Tensor:
        """<v>_p, (n, 1), from products exp * v."""
        return products.sum(-1, keepdim=True).mul_(self.per_total)

    def mean_under_u(self, values: Tensor) -> Tensor:
        """<v>_u, (n, 1), of values that are 0 for forbidden symbols."""
        if self.weights is not None:
            return torch.mv(values, self.weights)[:, None].div_(self.mass)
        if self.forbidden is None:
            return values.mean(-1, keepdim=True)
        return values.sum(-1, keepdim=True).div_(self.mass)

    def centred(self, values: Tensor) -> Tensor:
        """Subtract from `values`, in place, and return, those of the likeliest symbol: <v>_p then loses no digits."""
        centre = values.gather(1, self.exp.argmax(-1, keepdim=True))  # (n, 1)
        values.sub_(centre)
        return centre
