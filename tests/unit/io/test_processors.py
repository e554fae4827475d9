"""The type of processor that a job ran on."""

import sys
from types import SimpleNamespace

import pytest

from entropyreg.io.processors import processor_type, used_processors


@pytest.mark.parametrize(("used", "told"), [(True, "; A GPU"), (False, "")])
def test_a_gpu_is_named_where_the_process_computed_on_it(monkeypatch, used, told):
    cuda = SimpleNamespace(is_initialized=lambda: used, get_device_name=lambda: "A GPU")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert used_processors() == processor_type() + told


def test_without_torch_it_is_the_machine_s_own(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert used_processors() == processor_type() != ""
