"""NLL + strength * J and its gradient in one Triton kernel for CUDA: what `sweep` does in chunks, one program a row.

    p = e^x / S,  x = z - max z,    t = x - log w + log(M / S),  M = sum of the weights w of the allowed symbols
    d(nll_weight * NLL + strength * J)/dz = p * (nll_weight + strength * (g - <g>_p)) - nll_weight * onehot(y)

Source: Meister et al. 2020 (the objective); the forms of J and g are those of `divergence`. Logits are float32, float16
or bfloat16, computed inside in float32. A row of up to LARGEST_ON_CHIP symbols is read once and stays in registers; a
longer one is read in blocks, twice at skew 0 and 1, three times inside the interval or where J's gradient must be
precise, and the last pass writes. The gradient may go over the logits: each is read before the write that replaces it.
Nothing stops the device; extra memory is the terms of the rows. Limits as in `sweep`, except that a target outside
[0, V) that is not ignored makes the NLL of its row NaN.

Importing this module needs triton: import it only where it is used. ITS SPEED WAS NOT MEASURED: it has run in Triton's
interpreter only, and was compiled for sm_80 and sm_90: 32 to 138 registers a thread, at most 4 KiB of shared memory,
spills only in blocks of 16,384 (inside the interval: up to 48 bytes a thread, up to 176 where J must be precise).
"""

import functools
import hashlib
import os
import shutil
from contextlib import nullcontext
from pathlib import Path

import torch
import triton
import triton.language as tl
from torch import Tensor

from entropyreg.regularizers.divergence import NEAR_END, SkewJensen
from entropyreg.regularizers.sweep import Objective, RowTerms, RowWeights, needs_precision

LARGEST_ON_CHIP = 16384  # symbols of a row that is held in registers
BLOCK = 4096  # symbols of a block of a longer row

PENALTY = tl.constexpr(0)  # the form of J: skew 0,
LOWER = tl.constexpr(1)  # between 0 and 1/2,
UPPER = tl.constexpr(2)  # from 1/2 to 1,
SMOOTHING = tl.constexpr(3)  # and 1


@functools.cache
def unavailable() -> str | None:
    """Why the kernel cannot be used here, or None."""
    if not torch.cuda.is_available() or torch.version.hip:
        return "torch finds no NVIDIA GPU"
    if torch.cuda.get_device_capability() < (8, 0):
        return f"the Triton kernel needs compute capability 8.0, the GPU has {torch.cuda.get_device_capability()}"
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return "Triton needs a C compiler to launch kernels: neither CC nor gcc nor clang was found"
    return None


@functools.cache
def version() -> str:
    """Changes whenever the bits of the results may."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]}, triton {triton.__version__}, {gpu}"


def sweep(
    logits: Tensor,
    targets: Tensor | None,
    ignored: Tensor | None,
    objective: Objective,
    gradient: Tensor | None,
    factor: Tensor | None = None,
    weights: RowWeights | None = None,
) -> RowTerms | None:
    """See `kernels.Kernel`; None for float64, members other than `SkewJensen`, and rows that are not contiguous."""
    n_rows, n_classes = logits.shape
    for tensor in (logits, logits if gradient is None else gradient):
        if tensor.dtype == torch.float64 or (n_classes > 1 and tensor.stride(1) != 1):
            return None
    if not isinstance(objective.member, SkewJensen):
        return None
    terms = RowTerms(*torch.empty((2, n_rows), dtype=torch.float32, device=logits.device))
    if n_rows == 0:
        return terms
    u = None if objective.baseline is None else objective.baseline.to(torch.float32, logits.device)
    soft = targets is not None and targets.dim() == 2
    of_rows = [None if weights is None else values.to(torch.float32).contiguous() for values in weights or (None, None)]
    with torch.cuda.device(logits.device) if logits.is_cuda else nullcontext():
        _row[(n_rows,)](
            logits,
            gradient,
            None if targets is None or soft else targets.long().contiguous(),
            targets.contiguous() if soft else None,
            None if ignored is None else ignored.contiguous().view(torch.uint8),
            None if factor is None else factor.to(torch.float32),
            *of_rows,
            None if u is None else u.probabilities.contiguous(),
            None if u is None else u.log_probabilities.contiguous(),
            *terms,
            logits.stride(0),
            0 if gradient is None else gradient.stride(0),
            n_classes,
            **constants(objective, weights),
            **layout(n_classes),
            enable_fp_fusion=True,
        )
    if gradient is not None:
        torch.autograd.graph.increment_version(gradient)
    return terms


def layout(n_classes: int) -> dict:
    """How the kernel holds rows of `n_classes` symbols: 16 values a thread at most."""
    if n_classes > LARGEST_ON_CHIP:
        return {"ON_CHIP": False, "BLOCK": BLOCK, "num_warps": 8}
    block = max(triton.next_power_of_2(n_classes), 128)
    return {"ON_CHIP": True, "BLOCK": block, "num_warps": max(block // 512, 4)}


def constants(objective: Objective, weights: RowWeights | None = None) -> dict:
    """The arguments of the kernel that depend on the objective alone: J = per_p * <v>_p + per_u * <share>_u."""
    skew, rest = objective.member.skew, 1.0 - objective.member.skew
    if skew == 0.0:
        form, part, per_p, per_u = PENALTY, 0.0, 1.0, 1.0
    elif skew < 0.5:
        form, part, per_p, per_u = LOWER, skew, 1.0 / rest, -1.0 / skew
    elif skew < 1.0:
        form, part, per_p, per_u = UPPER, rest, -1.0 / rest, 1.0 / skew
    else:
        form, part, per_p, per_u = SMOOTHING, 0.0, 0.0, 1.0
    strength = objective.strength if weights is None else 1.0
    numbers = {"part": part, "per_p": per_p, "per_u": per_u, "scale": strength * objective.member.scale}
    precise = needs_precision(objective, weights)
    flags = {"FORM": form.value, "NEAR": part < NEAR_END, "PRECISE": precise, "SIGN": objective.entropy_sign}
    return {**numbers, "nll_weight": float(objective.nll_weight), **flags}


@triton.jit
def _expm1(x):
    """e^x - 1, by Taylor's series where x is small."""
    high = 1 / 24 + x * (1 / 120 + x * (1 / 720 + x * (1 / 5040 + x * (1 / 40320))))
    series = x * (1.0 + x * (0.5 + x * (1 / 6 + x * high)))
    return tl.where(tl.abs(x) < 0.5, series, tl.exp(x) - 1.0)


@triton.jit
def _log1p(x):
    """log(1 + x), by the series of 2 artanh(x / (2 + x)) where x is small."""
    s = x / (2.0 + x)
    q = s * s
    series = 2.0 * s * (1.0 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7))))
    return tl.where(tl.abs(x) < 0.25, series, tl.log(1.0 + x))


@triton.jit
def _log_mixture(exponent, part, NEAR: tl.constexpr, PRECISE: tl.constexpr):
    """log(1 + part * (e^exponent - 1))."""
    if PRECISE:
        return _log1p(part * _expm1(exponent))
    elif NEAR:
        return _log1p(part * tl.exp(exponent) - part)
    else:
        return tl.log(part * tl.exp(exponent) + (1.0 - part))


@triton.jit
def _member(t, part, FORM: tl.constexpr, NEAR: tl.constexpr, PRECISE: tl.constexpr):
    """From t = log(p / u): v of the gradient scale * p * (v - <v>_p), and the share of J that is averaged under u."""
    if FORM == LOWER:
        log_m = _log_mixture(t, part, NEAR, PRECISE)  # log(m / u)
        return t - log_m, log_m
    elif FORM == UPPER:
        minus_t = tl.where(t < -80.0, 80.0, -t)  # e^80 is finite, and p under e^-80 adds nothing
        log_m = _log_mixture(minus_t, part, NEAR, PRECISE)  # log(m / p)
        return log_m, minus_t - log_m
    else:
        surplus = _expm1(t) if PRECISE else t * 0.0  # p / u - 1: its mean under u is 0 but for rounding
        return t if FORM == PENALTY else surplus, -surplus if FORM == PENALTY else surplus - t


@triton.jit
def _load(logits, weights, log_weights, columns, n_classes):
    """Logits, weights and log weights of a block: where forbidden or outside, logits are -inf and weights 0."""
    inside = columns < n_classes
    z = tl.load(logits + columns, mask=inside, other=-float("inf")).to(tl.float32)
    allowed = z != -float("inf")
    if weights is None:
        return z, allowed.to(tl.float32), tl.zeros_like(z)
    else:
        weight = tl.load(weights + columns, mask=inside, other=0.0)
        return z, tl.where(allowed, weight, 0.0), tl.load(log_weights + columns, mask=inside, other=0.0)


@triton.jit
def _below(z, top):
    """z - top, bounded so that 0 times it is 0."""
    x = z - tl.where(top == -float("inf"), 0.0, top)
    return tl.where(x < -3e38, -3e38, x)


@triton.jit
def _take(z, weight, log_weight, top, likeliest, total, mass, sum_t, FORM: tl.constexpr, PRECISE: tl.constexpr):
    """Add a block to what is known of a row, relative to its highest logit so far: `top`; -log weight there; sum e^x;
    sum of weights; and at skew 0 and 1 the sum of e^x (x - log weight), or of weight (x - log weight)."""
    higher = tl.maximum(top, tl.max(z, 0))
    x = _below(z, higher)
    exp, drop = tl.exp(x), _below(top, higher)
    decay = tl.exp(drop)
    if FORM == PENALTY:
        sum_t = decay * (sum_t + tl.maximum(drop, -200.0) * total) + tl.sum(exp * (x - log_weight), 0)
    elif FORM == SMOOTHING:
        sum_t += drop * mass + tl.sum(weight * (x - log_weight), 0)
    if PRECISE:
        here = tl.max(tl.where(z == higher, -log_weight, -float("inf")), 0)
        likeliest = tl.where(higher > top, here, tl.maximum(likeliest, here))
    return higher, likeliest, decay * total + tl.sum(exp, 0), mass + tl.sum(weight, 0), sum_t


@triton.jit
def _terms(
    z, weight, log_weight, top, shift, centre, ratio, part,
    FORM: tl.constexpr, NEAR: tl.constexpr, PRECISE: tl.constexpr,
):  # fmt: skip
    """Of a block: e^x, e^x (v - centre), weight * share. At skew 1, v is -u / p, or 1 - u / p if it must be precise."""
    x = _below(z, top)
    exp = tl.exp(x)
    value, share = _member(x - log_weight + shift, part, FORM, NEAR, PRECISE)
    products = exp * (value - centre) if FORM != SMOOTHING else weight * ratio * (value if PRECISE else -1.0)
    return exp, products, weight * share


@triton.jit
def _probabilities(probabilities, columns, n_classes):
    """Those of a block, 0 outside."""
    return tl.load(probabilities + columns, mask=columns < n_classes, other=0.0).to(tl.float32)


@triton.jit
def _store(gradient, columns, n_classes, counts, target, probabilities, exp, products, per_exp, per_product, weight):
    """Write a block of the gradient: p * (weight * mass + scale * (v - <v>_p)) - weight * target."""
    values = exp * per_exp + products * per_product
    if probabilities is not None:
        values -= weight * _probabilities(probabilities, columns, n_classes)
    values = tl.where(columns == target, values - weight, values)
    tl.store(gradient + columns, tl.where(counts, values, 0.0), mask=columns < n_classes)


@triton.jit
def _row(
    logits, gradient, targets, probabilities, ignored, factor, nll_weights, strengths, weights, log_weights,
    nll, divergence,
    logits_stride, gradient_stride, n_classes, part, per_p, per_u, scale, nll_weight,
    FORM: tl.constexpr, NEAR: tl.constexpr, PRECISE: tl.constexpr, SIGN: tl.constexpr,
    ON_CHIP: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)  # rows times V may exceed 2^31
    logits += row * logits_stride
    counts = row >= 0 if ignored is None else tl.load(ignored + row) == 0
    times = 1.0 if factor is None else tl.load(factor)
    per_nll = nll_weight * times if nll_weights is None else tl.load(nll_weights + row)
    per_j = scale * times if strengths is None else scale * tl.load(strengths + row)
    target, chosen = -1, 0.0
    if targets is not None:
        target = tl.load(targets + row)
        target = tl.where((target >= 0) & (target < n_classes), target, -1).to(tl.int32)
        chosen = tl.load(logits + target, mask=target >= 0, other=float("nan")).to(tl.float32)
        tl.debug_barrier()  # before another thread writes there
    n_read = tl.where(counts, n_classes, 0)
    columns = tl.arange(0, BLOCK)
    total = tl.zeros((), tl.float32)
    top, likeliest, mass, sum_t = total - float("inf"), total - float("inf"), total, total
    if ON_CHIP:
        z, w, log_w = _load(logits, weights, log_weights, columns, n_read)
        top, likeliest, total, mass, sum_t = _take(z, w, log_w, top, likeliest, total, mass, sum_t, FORM, PRECISE)
    else:
        for start in range(0, n_read, BLOCK):
            z, w, log_w = _load(logits, weights, log_weights, start + columns, n_read)
            top, likeliest, total, mass, sum_t = _take(z, w, log_w, top, likeliest, total, mass, sum_t, FORM, PRECISE)
    target_mass, target_mean = 1.0, chosen - top
    if probabilities is not None:
        probabilities += row * n_classes
        under_q, under_x = tl.zeros((BLOCK,), tl.float32), tl.zeros((BLOCK,), tl.float32)
        for start in range(0, n_read, BLOCK):
            q = _probabilities(probabilities, start + columns, n_read)
            x = tl.load(logits + start + columns, mask=start + columns < n_read, other=0.0).to(tl.float32) - top
            under_q += q
            under_x += tl.where(q == 0.0, 0.0, q * x)
        target_mass, target_mean = tl.sum(under_q, 0), tl.sum(under_x, 0)
        tl.debug_barrier()  # before another thread writes there
    log_total, ratio = tl.log(total), total / mass
    shift = tl.log(mass) - log_total
    centre, mean_u = 0.0, 0.0
    if PRECISE or (FORM != PENALTY and FORM != SMOOTHING):
        if PRECISE and FORM != SMOOTHING:  # v of the likeliest symbol: <v>_p then loses no digits
            centre = _member(likeliest + shift, part, FORM, NEAR, PRECISE)[0]
        if ON_CHIP:
            _exp, under_p, under_u = _terms(z, w, log_w, top, shift, centre, ratio, part, FORM, NEAR, PRECISE)
        else:
            under_p, under_u = tl.zeros((BLOCK,), tl.float32), tl.zeros((BLOCK,), tl.float32)
            for start in range(0, n_read, BLOCK):
                z, w, log_w = _load(logits, weights, log_weights, start + columns, n_read)
                _exp, p, u = _terms(z, w, log_w, top, shift, centre, ratio, part, FORM, NEAR, PRECISE)
                under_p += p
                under_u += u
        mean, mean_u = tl.sum(under_p, 0) / total, tl.sum(under_u, 0) / mass
    elif FORM == PENALTY:
        mean = sum_t / total + shift
    else:
        mean, mean_u = total * 0.0 - 1.0, -(sum_t / mass + shift)
    j = per_p * (mean + centre) + per_u * mean_u
    j = tl.where(j < 0.0, 0.0, j) if SIGN == 0 else j + SIGN * tl.log(mass)  # J >= 0 but for rounding
    own_nll = 0.0 if targets is None and probabilities is None else target_mass * log_total - target_mean
    tl.store(nll + row, tl.where(counts, own_nll, 0.0))
    tl.store(divergence + row, tl.where(counts, j, 0.0))
    if gradient is not None:
        gradient += row * gradient_stride
        onehot = 0.0 if targets is None and probabilities is None else per_nll
        per_product = per_j / total
        per_exp = onehot * target_mass / total - per_product * mean
        if ON_CHIP:
            exp, products, _share = _terms(z, w, log_w, top, shift, centre, ratio, part, FORM, NEAR, PRECISE)
            _store(
                gradient, columns, n_classes, counts, target, probabilities, exp, products, per_exp, per_product, onehot
            )
        else:
            for start in range(0, n_classes, BLOCK):
                block = start + columns
                z, w, log_w = _load(logits, weights, log_weights, block, n_read)
                exp, products, _share = _terms(z, w, log_w, top, shift, centre, ratio, part, FORM, NEAR, PRECISE)
                _store(
                    gradient,
                    block,
                    n_classes,
                    counts,
                    target,
                    probabilities,
                    exp,
                    products,
                    per_exp,
                    per_product,
                    onehot,
                )
