"""The Triton kernel: against the torch path in float64 in Triton's interpreter, and compiled for sm_80 and sm_90.

The interpreter must be chosen before triton is imported, so `TestInterpreted` runs in a process of its own, which
`test_numbers_in_the_interpreter` starts; to run it by hand, set TRITON_INTERPRET=1. No GPU is needed.
"""

import inspect
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

triton = pytest.importorskip("triton", reason="triton is not installed (it needs no GPU: `pip install triton`)")

from entropyreg.regularizers import autograd, entropy_regularized_cross_entropy, skew_jensen  # noqa: E402
from entropyreg.regularizers.baselines import given_baseline  # noqa: E402
from entropyreg.regularizers.euclidean import Euclidean  # noqa: E402
from entropyreg.regularizers.functional import skew_objective  # noqa: E402
from entropyreg.regularizers.kernels import triton as triton_kernel  # noqa: E402
from entropyreg.regularizers.sweep import Objective, sweep  # noqa: E402

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
ROOT = Path(__file__).resolve().parents[3]
LOWEST = torch.finfo(torch.float32).min
every_skew = pytest.mark.parametrize("skew", [0.0, 1e-6, 0.1, 0.5, 0.9, 0.95, 0.96, 0.999, 1.0 - 1e-6, 1.0])
every_form = pytest.mark.parametrize("skew", [0.0, 0.02, 0.3, 0.5, 0.97, 1.0])


@pytest.fixture(params=["on chip", "in blocks"])
def layout(request, monkeypatch):
    """Rows held in registers, or read in blocks of 64 symbols."""
    if request.param == "in blocks":
        monkeypatch.setattr(triton_kernel, "LARGEST_ON_CHIP", 1)
        monkeypatch.setattr(triton_kernel, "BLOCK", 64)


def example(rows=5, n_classes=150, spread=4.0):
    """Logits, of which a seventh is forbidden, and targets that are allowed."""
    logits, targets = spread * torch.randn(rows, n_classes), torch.randint(0, n_classes, (rows,))
    own = logits.gather(1, targets[:, None])
    logits[:, ::7] = -math.inf
    return logits.scatter_(1, targets[:, None], own), targets


def some_baseline(n_classes):
    weights = torch.rand(n_classes, dtype=torch.float64) + 0.01
    return given_baseline(weights / weights.sum())


def check(logits, targets, objective, ignored=None, in_place=False, factor=None, within=2e-6):
    """The kernel's terms and gradient, which must be those of the torch path in float64 for the same numbers."""
    exact, before = logits.double(), logits.clone()
    baseline = objective.baseline and objective.baseline.to(torch.float64, logits.device)
    double = factor if factor is None else factor.double()
    expected = sweep(exact, targets, ignored, objective._replace(baseline=baseline), exact, double)
    gradient = logits if in_place else torch.full_like(logits, math.nan)
    terms = triton_kernel.sweep(logits, targets, ignored, objective, gradient, factor)
    for got, wanted in zip(terms, expected, strict=True):
        assert got.dtype == torch.float32
        torch.testing.assert_close(got.double(), wanted, rtol=4e-6, atol=4e-6)
    assert (gradient.double() - exact).norm().item() <= within * exact.norm().item()
    if not in_place:
        torch.testing.assert_close(logits, before, rtol=0.0, atol=0.0, equal_nan=True)
    return terms, gradient


class TestInterpreted:
    __test__ = INTERPRETED

    @every_skew
    @pytest.mark.parametrize("strength", [0.7, 20.0], ids=["beside the NLL", "precise"])
    @pytest.mark.parametrize("baseline", ["uniform", "given"])
    def test_terms_and_gradient(self, layout, skew, strength, baseline):
        logits, targets = example(rows=2)
        objective = skew_objective(logits, skew, strength, None if baseline == "uniform" else some_baseline(150))
        ignored = torch.tensor([False, True])
        for in_place in (False, True):
            check(logits.clone(), targets, objective, None, in_place)
            dirty = logits.clone()
            dirty[1] = math.nan
            terms, gradient = check(dirty, targets, objective, ignored, in_place, factor=torch.tensor(1.0 / 2.0))
            assert not torch.stack(terms)[:, ignored].any() and not gradient[ignored].any()

    @every_form
    @pytest.mark.parametrize(("dtype", "within"), [(torch.bfloat16, 2**-7), (torch.float16, 2**-10)], ids=str)
    def test_half_precision_is_computed_in_float32(self, layout, dtype, within, skew):
        logits, targets = example()
        for in_place in (False, True):
            objective = skew_objective(logits, skew, 0.7, None)
            check(logits.to(dtype), targets, objective, in_place=in_place, within=within)

    @every_form
    @pytest.mark.parametrize("n_classes", [1, 2, 63, 64, 65, 300])
    def test_any_number_of_classes(self, layout, n_classes, skew):
        logits, targets = torch.randn(2, n_classes), torch.randint(0, n_classes, (2,))
        check(logits, targets, skew_objective(logits, skew, 0.7, some_baseline(n_classes)), in_place=True)

    @every_form
    def test_four_thousand_classes_as_they_are_laid_out_on_a_gpu(self, skew):
        logits, targets = example(rows=16, n_classes=4000)
        check(logits, targets, skew_objective(logits, skew, 0.7, None), in_place=True)

    @every_skew
    @pytest.mark.parametrize("baseline", ["uniform", "given"])
    def test_whole_blocks_forbidden_or_out_of_reach(self, layout, skew, baseline):
        logits, _ = example(rows=6)
        logits[0, :130], logits[1, 64:], logits[2] = -math.inf, -math.inf, -math.inf
        logits[2, 100], logits[3] = 5.0, 100.0 * torch.rand(150) - 50.0
        targets = torch.tensor([149, 20, 100, 3, 7, 140])
        logits[torch.arange(6), targets] = 1.0
        objective = skew_objective(logits, skew, 0.7, None if baseline == "uniform" else some_baseline(150))
        _, gradient = check(logits, targets, objective)
        assert not gradient[logits == -math.inf].any()
        logits = torch.full((1, 150), LOWEST)  # as finite masks are written
        logits[0, 140:] = torch.randn(10)
        terms, gradient = triton_kernel.sweep(logits, targets[5:], None, objective, logits), logits
        assert gradient.isfinite().all() and terms.nll.isfinite().all() and not torch.stack(terms).isnan().any()

    @every_skew
    def test_near_the_baseline_nothing_cancels(self, layout, skew):
        logits = 1e-3 * torch.randn(2, 150)
        objective = skew_objective(logits, skew, 1.0, None, nll_weight=0.0)
        terms, _ = check(logits, None, objective)
        exact = skew_jensen(logits.double(), skew)
        assert ((terms.divergence - exact).abs() < 5e-3 * exact).all() and not terms.nll.any()
        terms = triton_kernel.sweep(torch.full((2, 150), 3.0), None, None, objective, None)
        assert (terms.divergence >= 0.0).all() and (terms.divergence < 1e-7).all()

    @every_skew
    def test_far_from_the_baseline_nothing_cancels(self, layout, skew):
        logits = torch.randn(2, 150)
        logits[:, 77] += 14.0
        check(logits, None, skew_objective(logits, skew, 1.0, some_baseline(150), nll_weight=0.0))

    def test_other_weights_and_signs(self, layout):
        logits, targets = example()
        for sign in (-1, 0, 1):
            objective = skew_objective(logits, 0.5, 0.7, None)._replace(nll_weight=0.3, entropy_sign=sign)
            check(logits, targets, objective)

    def test_a_row_without_allowed_symbols_or_with_nan_or_infinity_is_nan(self, layout):
        logits, targets = example()
        logits[1], logits[3, 100], logits[4, 7] = -math.inf, math.nan, math.inf
        targets, gradient = targets.to(torch.uint8), torch.empty_like(logits)
        for skew in (0.0, 0.3, 0.5, 1.0):
            objective = skew_objective(logits, skew, 0.7, None)
            terms = triton_kernel.sweep(logits, targets, None, objective, gradient)
            wrong = torch.tensor([False, True, False, True, True])
            assert torch.equal(torch.stack(terms).isnan(), wrong.expand(2, 5))
            assert torch.equal(gradient.isnan(), wrong[:, None].expand(5, 150))

    def test_a_forbidden_target_is_infinite_and_one_out_of_range_is_nan(self, layout):
        logits, targets = example()
        targets[0], targets[1], targets[2] = 150, -5, 7
        logits[2, 7] = -math.inf
        nll = triton_kernel.sweep(logits, targets, None, skew_objective(logits, 0.5, 0.7, None), None).nll
        assert nll[:2].isnan().all() and nll[2] == math.inf and nll[3:].isfinite().all()

    def test_rows_apart_from_each_other_and_nothing_written_between(self, layout):
        wide = torch.randn(5, 200)
        before, targets = wide.clone(), torch.randint(0, 150, (5,))
        check(wide[:, 20:170], targets, skew_objective(wide[:, :150], 0.5, 0.7, None), in_place=True)
        assert torch.equal(wide[:, :20], before[:, :20]) and torch.equal(wide[:, 170:], before[:, 170:])

    def test_offsets_beyond_32_bits(self, layout):
        memory = torch.empty(2**31 + 1000, dtype=torch.bfloat16)  # 4 GiB of addresses, of which a few KiB are touched
        logits = memory.as_strided((3, 150), (2**30, 1))
        logits.copy_(torch.randn(3, 150))
        check(logits, torch.tensor([1, 2, 3]), skew_objective(logits, 0.5, 0.7, None), in_place=True, within=2**-7)

    def test_no_rows_and_no_gradient(self, layout):
        logits, targets = example()
        objective = skew_objective(logits, 0.5, 0.7, None)
        none = triton_kernel.sweep(logits[:0], targets[:0], None, objective, logits[:0])
        assert [len(term) for term in none] == [0, 0]
        with_gradient, _ = check(logits, targets, objective)
        without = triton_kernel.sweep(logits, targets, None, objective, None)
        assert torch.equal(torch.stack(without), torch.stack(with_gradient))

    def test_the_version_counter_of_the_gradient_is_raised(self, monkeypatch):
        logits, targets = example()
        objective, gradient = skew_objective(logits, 0.5, 0.7, None), torch.empty_like(logits)
        versions = logits._version, gradient._version
        triton_kernel.sweep(logits, targets, None, objective, gradient)
        assert (logits._version, gradient._version) == (versions[0], versions[1] + 1)
        monkeypatch.setattr(autograd, "sweep", triton_kernel.sweep)
        leaf, targets = torch.randn(5, 8, requires_grad=True), torch.randint(0, 8, (5,))
        settings = {"skew": 0.5, "strength": 0.7, "overwrite_logits": True}
        entropy_regularized_cross_entropy(leaf + 0.0, targets, **settings).backward()
        assert leaf.grad.isfinite().all()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            entropy_regularized_cross_entropy(leaf.tanh(), targets, **settings).backward()


class TestNotInterpreted:
    __test__ = not INTERPRETED

    def test_numbers_in_the_interpreter(self):
        environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1", "PYTEST_ADDOPTS": ""}
        options = ["-p", "no:cacheprovider", "-W", "ignore::RuntimeWarning", "--rootdir", str(ROOT)]
        command = [sys.executable, "-m", "pytest", *options, __file__]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
        assert " passed" in done.stdout and "skipped" not in done.stdout

    @pytest.mark.parametrize("capability", [80, 90])
    @pytest.mark.parametrize("dtype", ["fp32", "bf16"])
    @pytest.mark.parametrize("n_classes", [10_000, 50_000], ids=["on chip", "in blocks"])
    @pytest.mark.parametrize(("skew", "baseline"), [(0.0, False), (0.02, True), (0.5, False), (1.0, False)])
    def test_compiles_ahead_of_time(self, capability, dtype, n_classes, skew, baseline, tmp_path, monkeypatch):
        monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
        compiled = compile_for(
            capability, dtype, n_classes, skew_objective(torch.zeros(1, 2), skew, 0.7, None), baseline
        )
        assert compiled.asm["cubin"].startswith(b"\x7fELF")
        assert f".target sm_{capability}" in compiled.asm["ptx"]
        assert "f64" not in compiled.asm["ptx"]

    def test_without_a_gpu_it_says_so(self):
        if not torch.cuda.is_available():
            assert "GPU" in triton_kernel.unavailable()
        assert triton.__version__ in triton_kernel.version()

    def test_unsupported_cases_are_declined(self):
        logits, targets = torch.randn(4, 8), torch.zeros(4, dtype=torch.long)
        objective = skew_objective(logits, 0.5, 0.7, None)
        assert triton_kernel.sweep(logits.double(), targets, None, objective, None) is None
        assert triton_kernel.sweep(logits.t(), targets.repeat(2), None, objective, None) is None
        assert triton_kernel.sweep(logits, targets, None, objective, torch.empty(8, 4).t()) is None
        assert triton_kernel.sweep(logits, targets, None, Objective(Euclidean(), 0.7), None) is None


def compile_for(capability, dtype, n_classes, objective, baseline):
    """The kernel, compiled for a GPU that need not be there, with every optional argument but perhaps the baseline."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    layout = triton_kernel.layout(n_classes)
    fixed = {**triton_kernel.constants(objective), **layout}
    types = {name: "*fp32" for name in ("factor", "weights", "log_weights", "nll", "divergence")}
    types |= {"logits": f"*{dtype}", "gradient": f"*{dtype}", "targets": "*i64", "ignored": "*u8"}
    types |= {name: "i32" for name in ("logits_stride", "gradient_stride", "n_classes")}
    types |= {name: "fp32" for name in ("part", "per_p", "per_u", "scale", "nll_weight")}
    if not baseline:
        fixed |= {"weights": None, "log_weights": None}
        types |= {"weights": "constexpr", "log_weights": "constexpr"}
    names = list(inspect.signature(triton_kernel._row.fn).parameters)
    signature = {name: types.get(name, "constexpr") for name in names}
    constants = {name: fixed[name] for name in names if signature[name] == "constexpr"}
    aligned = {(i,): [["tt.divisibility", 16]] for i, name in enumerate(names) if signature[name][0] in "*i"}
    source = ASTSource(fn=triton_kernel._row, signature=signature, constexprs=constants, attrs=aligned)
    target = GPUTarget("cuda", capability, 32)
    return triton.compile(source, target=target, options={"num_warps": layout["num_warps"], "enable_fp_fusion": True})
