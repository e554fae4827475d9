"""Defines variants that `regularizers_cpu.py` times: each table is a dictionary; the first variant is the reference.

Every variant is a function without arguments that runs once and returns the seconds of CPU time it took.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F

from entropyreg import regularizers

SKEWS = (0.0, 0.5, 0.97, 1.0)
WIDTH = 512  # width of the hidden states, for the fused projection
THRESHOLDS = (4.5e-5, 3.1e-7)  # e^-10 and e^-15
Timed = Callable[[], float]


def fairseq_label_smoothing(logits, targets, smoothing=0.1):
    """fairseq's label smoothing: log-probabilities, their gathered and their summed negatives, weighted."""
    log_p = F.log_softmax(logits, dim=-1)
    nll = -log_p.gather(1, targets[:, None])
    each = smoothing / (logits.shape[1] - 1)
    return ((1.0 - smoothing - each) * nll.sum() + each * -log_p.sum(-1, keepdim=True).sum()) / len(targets)


def naive(logits, targets, skew=0.5, strength=0.5):
    """The definition, J = KL(u || m) / skew + KL(p || m) / (1-skew), by differentiable operations."""
    log_p = F.log_softmax(logits, dim=-1)
    p, u = log_p.exp(), 1.0 / logits.shape[1]
    log_m = ((1.0 - skew) * u + skew * p).log()
    kl_u_m, kl_p_m = (u * (torch.log(p.new_tensor(u)) - log_m)).sum(-1), (p * (log_p - log_m)).sum(-1)
    return F.nll_loss(log_p, targets) + strength * (kl_u_m / skew + kl_p_m / (1.0 - skew)).mean()


def original_sequence(logits, targets, skew=0.5, strength=0.5):
    """The operations of the authors' criterion in their order, in our words: every distribution is a whole array."""
    log_p = F.log_softmax(logits, dim=-1)
    nll = -log_p.gather(1, targets[:, None]).sum()
    p = log_p.exp()
    base = torch.full_like(p, 1.0 / p.shape[1])
    mixture = (1.0 - skew) * base + skew * p
    gap = skew * (p * p.log()).sum(-1) - (mixture * mixture.log()).sum(-1)  # the term in u alone is left out there
    return (nll + strength * (gap / (skew * (1.0 - skew))).sum()) / len(targets)


def loss_table(rows: int, classes: int, compiled: bool) -> dict[str, Timed]:
    """Forward and backward to the logits; computing the logits is not timed."""
    leaf, targets = (3.0 * torch.randn(rows, classes)).requires_grad_(), torch.randint(0, classes, (rows,))
    losses = {
        "F.cross_entropy": F.cross_entropy,
        "F.cross_entropy, label_smoothing": lambda z, y: F.cross_entropy(z, y, label_smoothing=0.1),
        "label smoothing, fairseq's formula": fairseq_label_smoothing,
        "naive autograd of the definition, skew 0.5": naive,
        "the original code's operations, skew 0.5": original_sequence,
    }
    if compiled:
        losses["torch.compile of the naive form, skew 0.5"] = torch.compile(naive, dynamic=False)
    for path in usable_paths():
        for overwrite in (True, False):
            for skew in SKEWS:
                name = f"ours, {path}, skew {skew:g}, {'overwriting' if overwrite else 'new array'}"
                losses[name] = _our_loss(path, skew, overwrite)
    return {name: _timed_loss(loss, leaf, targets) for name, loss in losses.items()}


def linear_table(rows: int, classes: int) -> dict[str, Timed]:
    """Projection and loss, forward and backward to the hidden states and the weight."""
    hidden, targets = torch.randn(rows, WIDTH).requires_grad_(), torch.randint(0, classes, (rows,))
    weight = (WIDTH**-0.5 * torch.randn(classes, WIDTH)).requires_grad_()

    def timed(loss: Callable) -> Timed:
        return lambda: seconds_of(lambda: torch.autograd.grad(loss(), (hidden, weight)))

    def fused(path: str, skew: float) -> Callable:
        def loss():
            with kernel(path):
                return regularizers.linear_entropy_regularized_cross_entropy(
                    hidden, weight, targets, skew=skew, strength=0.5
                )

        return loss

    variants = {"F.linear + F.cross_entropy": timed(lambda: F.cross_entropy(F.linear(hidden, weight), targets))}
    return variants | {f"fused linear, {path}, skew 0.5": timed(fused(path, 0.5)) for path in usable_paths()}


def statistics_table(rows: int, classes: int) -> dict[str, Timed]:
    """Forward only."""
    logits, targets = 3.0 * torch.randn(rows, classes), torch.randint(0, classes, (rows,))
    settings = {
        "no threshold": {},
        "two thresholds": {"thresholds": THRESHOLDS},
        "two thresholds, five temperatures": {"thresholds": THRESHOLDS, "temperatures": (0.5, 0.75, 1.0, 1.5, 2.0)},
    }

    def timed(path: str, chosen: dict) -> Timed:
        def run() -> float:
            with kernel(path):
                return seconds_of(lambda: regularizers.token_statistics(logits, targets, **chosen))

        return run

    variants = {"F.cross_entropy, forward only": lambda: seconds_of(lambda: F.cross_entropy(logits, targets))}
    for path in usable_paths():
        variants |= {f"token_statistics, {path}, {label}": timed(path, chosen) for label, chosen in settings.items()}
    return variants


def usable_paths() -> list[str]:
    with kernel("auto"):
        return ["native", "torch"] if regularizers.kernel_in_use().path == "native" else ["torch"]


@contextmanager
def kernel(path: str) -> Iterator[None]:
    """Choose the kernel for a while."""
    before = os.environ.get("ENTROPYREG_KERNEL", "")
    os.environ["ENTROPYREG_KERNEL"] = path
    try:
        yield
    finally:
        os.environ["ENTROPYREG_KERNEL"] = before


def seconds_of(function: Callable) -> float:
    """CPU time of a call, without that of freeing its result."""
    start = time.thread_time()
    result = function()
    seconds = time.thread_time() - start
    del result
    return seconds


def _timed_loss(loss: Callable, leaf: torch.Tensor, targets: torch.Tensor) -> Timed:
    def run() -> float:
        logits = leaf + 0.0
        return seconds_of(lambda: torch.autograd.grad(loss(logits, targets), logits))

    return run


def _our_loss(path: str, skew: float, overwrite: bool) -> Callable:
    def loss(logits, targets):
        with kernel(path):
            return regularizers.entropy_regularized_cross_entropy(
                logits, targets, skew=skew, strength=0.5, overwrite_logits=overwrite
            )

    return loss
