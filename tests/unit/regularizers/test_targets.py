"""Targets of every integer type: each means what it means as int64, or is refused, at every public entry."""

import inspect

import pytest
import torch

from entropyreg import regularizers as r
from entropyreg.regularizers.arguments import INDEX_TYPES
from entropyreg.regularizers.functional import skew_objective
from entropyreg.regularizers.kernels import native
from entropyreg.regularizers.kernels.native import build

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
@every_entry
def test_every_integer_type_means_what_it_means_as_int64(name, path, monkeypatch):
    monkeypatch.setenv("ENTROPYREG_KERNEL", path)
    for dtype in INDEX_TYPES:
        n_classes, values = 200, [0, 99, 3, 100]
        if dtype != torch.int8:
            values += [156]  # equals -100 in uint8
        if dtype in (torch.uint16, torch.uint32, torch.int32, torch.int64):
            n_classes, values = 65500, [*values, 65436]  # equals -100 in uint16
        if dtype.is_signed and name != "token_statistics":
            values += [-100]
        targets = torch.tensor(values)
        found = (results(name, given, n_classes) for given in (targets.to(dtype), targets))
        for got, expected in zip(*found, strict=True):
            assert torch.equal(got, expected), dtype


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
