"""Targets of every integer type: each means what it means as int64, or is refused, at every public entry."""

import inspect
import subprocess

import pytest
import torch

from entropyreg import regularizers as r
from entropyreg.regularizers import build, native
from entropyreg.regularizers.arguments import INDEX_TYPES
from entropyreg.regularizers.functional import skew_objective

needs_kernel = pytest.mark.skipif(build.library().handle is None, reason=f"no kernel: {build.library().problem}")
SETTINGS = {"skew": 0.5, "strength": 0.7, "smoothing": 0.1}


def entries():
    """Every public function and module that takes targets, by name, with its settings filled in."""
    found = {}
    for name in r.__all__:
        value = getattr(r, name)
        if isinstance(value, type) and issubclass(value, torch.nn.Module):
            wanted = inspect.signature(value).parameters
            value = value(**{key: SETTINGS[key] for key in SETTINGS if key in wanted})
            parameters = inspect.signature(value.forward).parameters
            settings = {}
        else:
            parameters = inspect.signature(value).parameters
            settings = {key: SETTINGS[key] for key in SETTINGS if key in parameters}
        if "targets" in parameters:
            found[name] = (value, "hidden" in parameters, settings)
    return found


ENTRIES = entries()
every_entry = pytest.mark.parametrize("name", ENTRIES)


def results(name, targets, n_classes, **more):
    """Value and gradients of an entry for logits that depend on the shapes alone."""
    function, projects, settings = ENTRIES[name]
    generator = torch.Generator().manual_seed(1)
    if projects:
        tensors = {
            "hidden": torch.randn(len(targets), 3, generator=generator, requires_grad=True),
            "weight": torch.randn(n_classes, 3, generator=generator, requires_grad=True),
        }
    else:
        tensors = {"logits": torch.randn(len(targets), n_classes, generator=generator, requires_grad=True)}
    value = function(**tensors, targets=targets, **settings, **more)
    if not isinstance(value, torch.Tensor):
        return tuple(value)
    value.sum().backward()
    return value.detach(), *(tensor.grad for tensor in tensors.values())


def test_the_entries_are_the_public_losses_and_the_statistics():
    assert len(ENTRIES) == 11 and "token_statistics" in ENTRIES and "LabelSmoothingCrossEntropy" in ENTRIES


@pytest.mark.parametrize("path", ["torch", "auto"])
@pytest.mark.parametrize("dtype", INDEX_TYPES, ids=str)
@every_entry
def test_every_integer_type_means_what_it_means_as_int64(name, dtype, path, monkeypatch):
    monkeypatch.setenv("ENTROPYREG_KERNEL", path)
    n_classes, values = 200, [0, 99, 3, 100]
    if dtype != torch.int8:
        values += [156]  # equals -100 in uint8
    if dtype in (torch.uint16, torch.uint32, torch.int32, torch.int64):
        n_classes, values = 65500, [*values, 65436]  # equals -100 in uint16
    if dtype.is_signed and name != "token_statistics":
        values += [-100]
    targets = torch.tensor(values)
    for got, expected in zip(
        results(name, targets.to(dtype), n_classes), results(name, targets, n_classes), strict=True
    ):
        assert torch.equal(got, expected)


@every_entry
def test_a_narrow_type_cannot_hide_a_target_outside_the_classes(name):
    with pytest.raises(ValueError, match=r"targets must lie in \[0, 100\).*got 156"):
        results(name, torch.tensor([0, 156, 3, 99], dtype=torch.uint8), 100)
    with pytest.raises(ValueError, match=r"targets must hold integer .* got torch\.uint64"):
        results(name, torch.tensor([0, 3], dtype=torch.uint64), 100)


@pytest.mark.parametrize("ignore_index", [300, -200, 2**40])
def test_an_ignore_index_that_the_type_cannot_hold_ignores_nothing(ignore_index):
    targets = torch.tensor([44, 56, 0], dtype=torch.uint8)
    got = results("entropy_regularized_cross_entropy", targets, 100, ignore_index=ignore_index)
    assert all(map(torch.equal, got, results("entropy_regularized_cross_entropy", targets.long(), 100)))


@needs_kernel
@pytest.mark.parametrize("target", [-1, -(2**62), 5, 2**62, -100])
@pytest.mark.parametrize("skew", [0.0, 0.5, 1.0])
def test_the_native_kernel_stays_in_its_row_whatever_the_targets_hold(skew, target):
    memory = torch.arange(35.0).reshape(7, 5).sin()
    before, logits = memory.clone(), memory[2:5]
    targets = torch.tensor([1, target, 3])
    terms = native.sweep(logits, targets, None, skew_objective(logits, skew, 0.7, None), logits, None)
    assert torch.equal(memory[[0, 1, 5, 6]], before[[0, 1, 5, 6]])
    assert torch.isnan(logits).all(1).tolist() == [False, True, False]
    for values in terms:
        assert torch.isnan(values).tolist() == [False, True, False]
    columns, rank = torch.zeros(1, 3, 4), torch.zeros(3, dtype=torch.long)
    native.statistics(before[2:5], targets, [0.1], [1.0], columns, rank)
    assert torch.isnan(columns[0]).all(1).tolist() == [False, True, False]
    assert rank[1] == -1 and (rank[[0, 2]] >= 0).all()


SANITIZED = r"""
#include "kernel.cpp"
#include <cstdio>

int main() {
  const int64_t rows = 7, hostile[] = {0, -1, 4, 5, -(int64_t{1} << 62), int64_t{1} << 62, INT64_MIN};
  for (int64_t classes : {1, 5, 700}) {
    for (double skew : {0.0, 0.02, 0.3, 0.7, 0.98, 1.0}) {
      for (int in_place : {0, 1}) {
        for (int given : {0, 1}) {
          const std::vector<int64_t> targets(hostile, hostile + rows);  // on the heap, exactly as long as needed
          std::vector<float> logits(rows * classes, 0.25f), gradient(rows * classes), nll(rows), divergence(rows);
          for (size_t k = 0; k < logits.size(); k += 3) logits[k] = -100.0f;
          const std::vector<float> baseline(classes, 1.0f / classes), logs(classes, -std::log(1.0f * classes));
          LossTask task{rows, classes, classes, classes, logits.data(), in_place ? logits.data() : gradient.data(),
                        targets.data(), nullptr, given ? baseline.data() : nullptr, given ? logs.data() : nullptr,
                        nll.data(), divergence.data(), skew, 0.7, 1.0, 1.0, 0, 0, 2};
          if (entropyreg_loss(&task)) return 1;
          const double temperature[] = {1.0, 2.0}, threshold[] = {0.1};
          std::vector<float> columns(2 * rows * 4);
          std::vector<int64_t> rank(rows);
          StatisticsTask statistics{rows, classes, classes, rows * 4, 2, 1, logits.data(), targets.data(), temperature,
                                    threshold, columns.data(), rank.data(), 2};
          if (entropyreg_statistics(&statistics)) return 2;
          for (int64_t i = 0; i < rows; ++i) {
            const bool inside = hostile[i] >= 0 && hostile[i] < classes;
            if (std::isnan(nll[i]) == inside) return 3;
            if (!in_place && std::isnan(columns[i * 4]) == inside) return 4;
          }
        }
      }
    }
  }
  std::puts("clean");
}
"""


@needs_kernel
@pytest.mark.slow
def test_the_address_sanitizer_finds_nothing_for_hostile_targets(tmp_path):
    source, program = tmp_path / "main.cpp", tmp_path / "program"
    source.write_text(SANITIZED)
    flags = ["-std=c++17", "-O1", "-fopenmp-simd", "-pthread"]
    checks = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    command = [*build.find_compiler(), *flags, *checks, f"-I{build.SOURCES}", str(source), "-o", str(program)]
    subprocess.run(command, check=True, timeout=300)
    done = subprocess.run([program], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "clean\n", "")
