"""Baselines u of the divergence J(u || p): uniform, a given distribution, or an annealed unigram.

    annealed unigram (temperature T):   u_k = c_k^(1/T) / sum_j c_j^(1/T)          (counts c)

Source: Meister et al. 2020 (u is uniform there) and the authors' code (unigram, T = 20 by default).
Limits: T = 1 is the unigram itself, T to infinity the uniform distribution (which `None` gives exactly and faster).
A zero in u is refused: KL(p || u), the divergence at skew 0, would be infinite.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from entropyreg.regularizers.arguments import check_constant, check_number, composed


class Baseline(NamedTuple):
    """A validated distribution over V classes; accepted wherever `baseline=` is, and then not validated again."""

    probabilities: Tensor  # (V,)
    log_probabilities: Tensor  # (V,)

    def to(self, dtype: torch.dtype, device: torch.device) -> "Baseline":
        if self.probabilities.dtype == dtype and self.probabilities.device == device:
            return self
        return Baseline(self.probabilities.to(device, dtype), self.log_probabilities.to(device, dtype))


def given_baseline(probabilities: Any) -> Baseline:
    """Validate a distribution (tensor, array or list of V positive numbers that sum to 1) in float64.

    Raises ValueError for zeros (use a smoothed distribution), negatives, NaN, or a sum further than 1e-3 from 1;
    the sum is then made exactly 1.
    """
    check_constant("baseline", probabilities)
    values = torch.as_tensor(probabilities, dtype=torch.float64)
    if values.dim() != 1 or values.numel() < 1:
        raise ValueError(f"baseline must have shape (V,), got {tuple(values.shape)}")
    if not composed():
        _check_positive(values, "baseline")
        total = values.sum().item()
        if abs(total - 1.0) > 1e-3:
            raise ValueError(f"baseline must sum to 1, got a sum of {total!r}")
    values = values / values.sum()
    return Baseline(values, values.log())


def annealed_unigram(counts: Any, temperature: float = 1.0) -> Baseline:
    """The unigram distribution of `counts` (V,) flattened by `temperature`: u_k proportional to c_k^(1/temperature).

    Raises ValueError for a temperature that is not positive and finite, and for counts that are not positive: give
    symbols that never occur a pseudo-count.
    """
    check_constant("counts", counts)
    values = torch.as_tensor(counts, dtype=torch.float64)
    if not 0.0 < check_number("temperature", temperature) < float("inf"):
        raise ValueError(f"temperature must be positive and finite, got {temperature!r}")
    if values.dim() != 1 or values.numel() < 1:
        raise ValueError(f"counts must have shape (V,), got {tuple(values.shape)}")
    _check_positive(values, "counts")
    log_probabilities = torch.log_softmax(values.log() / temperature, dim=0)
    return Baseline(log_probabilities.exp(), log_probabilities)


def prepare_baseline(baseline: Any, n_classes: int, dtype: torch.dtype, device: torch.device) -> Baseline | None:
    """The baseline in the dtype and on the device of the computation; `None` stands for the uniform distribution."""
    if baseline is None:
        return None
    if not isinstance(baseline, Baseline):
        baseline = given_baseline(baseline)
    for values in baseline:
        check_constant("baseline", values)
        if values.shape != (n_classes,):
            raise ValueError(
                f"baseline must have one entry for each of the {n_classes} classes of logits, "
                f"got shape {tuple(values.shape)}"
            )
    return baseline.to(dtype, device)


def _check_positive(values: Tensor, name: str) -> None:
    wrong = (~(torch.isfinite(values) & (values > 0))).nonzero()
    if len(wrong):
        index = int(wrong[0])
        raise ValueError(
            f"{name} must be positive and finite everywhere (a zero would make the divergence at skew 0 infinite), "
            f"got {values[index].item()!r} at index {index}"
        )
