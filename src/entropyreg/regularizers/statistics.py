"""All teacher-forced statistics of a token in one pass over its logits, chunk by chunk while each is in cache.

With p = softmax(z / temperature), x = (z - max z) / temperature and S = sum_k e^(x_k):

    nll = log S - x_y,   entropy = log S - <x>_p,   max_prob = 1 / S,   share(e) = |{k: p_k < e}| / V

Source: the measures of Meister et al. 2020 (entropy, rank of the reference, share of words under a threshold) and of
Mueller et al. 2019 (confidence and correctness for calibration, temperature sweeps). Written so that nothing cancels:
log-sum-exp minus a mean of logits would. Limits: a temperature to 0 is argmax, to infinity the uniform distribution.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from entropyreg.regularizers import kernels
from entropyreg.regularizers.arguments import check_logits, check_number, checked_targets
from entropyreg.regularizers.compiling import eager
from entropyreg.regularizers.sweep import chunk_rows, computation_dtype

_FINITE = -1e20  # in place of -inf: its probability is 0, and 0 * _FINITE is 0


class TokenStatistics(NamedTuple):
    """Per-row tensors of the shape (...) of the targets; with several temperatures, (n_temperatures, ...)."""

    nll: Tensor  # nats
    entropy: Tensor  # nats
    max_prob: Tensor  # the confidence
    correct: Tensor  # bool: the target is the argmax (of ties, the first symbol)
    rank: Tensor  # int64, 0 = top, -1 = undefined: how many symbols come before the target, by logit, then by index
    share: Tensor  # (..., n_thresholds): fraction of the V symbols with probability below each threshold


@eager
@torch.no_grad()
def token_statistics(
    logits: Tensor, targets: Tensor, thresholds: Sequence[float] = (), temperatures: Sequence[float] = (1.0,)
) -> TokenStatistics:
    """Statistics of logits (N, V) or (..., V), which are not changed, for integer targets (N,) or (...).

    With one temperature, the default, every result has the shape (...); with several, a first axis over them (`correct`
    and `rank`, which no temperature changes, are repeated as views). Padding is not treated: leave those rows out.
    Computed in float32 (float64 for float64 logits). Forbidden symbols (-inf) have probability 0, below any threshold,
    and infinite NLL. A row that holds NaN or +inf, or nothing but -inf, is NaN in every column, of rank -1 and not
    correct.
    Raises ValueError for wrong shapes or types, targets outside [0, V), thresholds outside (0, 1] and temperatures
    that are not positive and finite.
    """
    check_logits(logits)
    targets = checked_targets(targets, logits.shape, logits.device, None)
    thresholds = [_checked("thresholds", value, 1.0) for value in thresholds]
    temperatures = [_checked("temperatures", value, math.inf) for value in temperatures]
    if not temperatures:
        raise ValueError("temperatures must hold at least one number, got none")
    leading, n_classes = logits.shape[:-1], logits.shape[-1]
    logits, targets = logits.detach().reshape(-1, n_classes), targets.reshape(-1)
    dtype, n_rows, n_temperatures = computation_dtype(logits), logits.shape[0], len(temperatures)
    columns = torch.empty((n_temperatures, n_rows, 3 + len(thresholds)), dtype=dtype, device=logits.device)
    rank = torch.empty((n_rows,), dtype=torch.int64, device=logits.device)
    fill = getattr(kernels.kernel_for(logits), "statistics", _fill_by_chunks)
    fill(logits, targets, thresholds, temperatures, columns, rank)
    shape = leading if n_temperatures == 1 else (n_temperatures, *leading)
    nll, entropy, max_prob = (column.reshape(shape) for column in columns[..., :3].unbind(-1))
    rank = rank.reshape(leading).expand(shape)
    return TokenStatistics(nll, entropy, max_prob, rank == 0, rank, columns[..., 3:].reshape(*shape, len(thresholds)))


def _fill_by_chunks(
    logits: Tensor,
    targets: Tensor,
    thresholds: list[float],
    temperatures: list[float],
    columns: Tensor,
    rank: Tensor,
) -> None:
    """Fill `columns` (T, N, 3 + thresholds) and `rank` (N,) from logits (N, V) and targets (N,)."""
    (n_rows, n_classes), dtype = logits.shape, columns.dtype
    step = chunk_rows(n_classes, logits.device)
    work, buffer = torch.empty((2, min(step, n_rows), n_classes), dtype=dtype, device=logits.device)
    for start in range(0, n_rows, step):
        chunk = slice(start, start + step)
        z = logits[chunk].to(dtype)  # (n, V)
        x, spare = work[: z.shape[0]], buffer[: z.shape[0]]
        own = targets[chunk, None]
        rank[chunk] = _rank(z, own, spare)[:, 0]
        torch.sub(z, z.amax(-1, keepdim=True), out=x)
        impossible = x.gather(1, own) == -math.inf  # (n, 1)
        x.clamp_min_(_FINITE)
        previous = 1.0
        for temperature, column in zip(temperatures, columns, strict=True):
            if temperature != previous:
                x.mul_(previous / temperature)
                previous = temperature
            _fill(column[chunk], x, own, impossible, thresholds, spare)
        rank[chunk].masked_fill_(columns[0, chunk, 2].isnan(), -1)


def _fill(out: Tensor, x: Tensor, targets: Tensor, impossible: Tensor, thresholds: list[float], spare: Tensor) -> None:
    """nll, entropy, max_prob and the shares of a chunk x (n, V) at one temperature, into the columns of `out`."""
    n_classes = x.shape[-1]
    exp = torch.exp(x, out=spare)
    total = exp.sum(-1, keepdim=True)  # (n, 1)
    log_total = total.log()
    out[:, 0:1] = (log_total - x.gather(1, targets)).masked_fill_(impossible, math.inf)
    out[:, 1:2] = log_total - exp.mul_(x).sum(-1, keepdim=True) / total
    out[:, 2:3] = total.reciprocal()
    for index, threshold in enumerate(thresholds):
        below = torch.lt(x, log_total + math.log(threshold), out=spare)  # 1.0 or 0.0: summed faster than booleans
        out[:, 3 + index : 4 + index] = below.sum(-1, keepdim=True) / n_classes
    out.masked_fill_(total.isnan(), math.nan)


def _rank(z: Tensor, targets: Tensor, spare: Tensor) -> Tensor:
    """(n, 1): the number of symbols with a higher logit than the target's, or the same logit and a lower index."""
    own = z.gather(1, targets)
    above = _count(torch.gt(z, own, out=spare))
    tied = (_count(torch.ge(z, own, out=spare)) - above > 1)[:, 0].nonzero()[:, 0]  # rare: no cost without ties
    if tied.numel():
        earlier = torch.arange(z.shape[1], device=z.device) < targets[tied]
        above[tied] += ((z[tied] == own[tied]) & earlier).sum(-1, keepdim=True)
    return above


def _count(ones: Tensor) -> Tensor:
    """(n, 1): the sum of 0s and 1s; exact in float32 below 2^24 symbols."""
    return ones.sum(-1, keepdim=True).long()


def _checked(name: str, value: float, highest: float) -> float:
    number = check_number(name, value)
    if not 0.0 < number <= highest or math.isinf(number):
        allowed = "positive and finite" if math.isinf(highest) else f"in (0, {highest:g}]"
        raise ValueError(f"{name} must be {allowed}, got {value!r}")
    return number
