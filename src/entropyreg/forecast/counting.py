"""Counts the operations of a model without computing: it is called on meta tensors, which have shapes and no values.

Matrix products and convolutions are counted, by the formulas of `torch.utils.flop_counter` (a multiplication and an
addition are two operations); norms, activations and pooling are not.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

aten, META = torch.ops.aten, torch.device("meta")


def conv_tbc_operations(x: Tensor, weight: Tensor, *_: Any, out_val: Tensor) -> int:
    """fairseq's convolution, which torch has no formula for: out (T, B, C_out), weight (kernel, C_in, C_out)."""
    kernel, n_in, _ = weight.shape
    return 2 * out_val.numel() * kernel * n_in


FORMULAS = {**flop_registry, aten.conv_tbc: conv_tbc_operations}


class Count(TorchDispatchMode):
    """Counts what is called under it: operations, and the products that have them.

    Models ask for values that meta tensors lack: fairseq's whether a token is padding (none is), its initialisation of
    BART for a copy on the CPU (it stays where it is).
    """

    operations = products = 0
    result: Any = None  # of `count`

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is aten._local_scalar_dense.default and args[0].is_meta:
            return 0
        if function is aten._to_copy.default and args[0].is_meta:
            kwargs = kwargs | {"device": META}
        result = function(*args, **kwargs)
        if formula := FORMULAS.get(function.overloadpacket):
            self.operations += formula(*args, **kwargs, out_val=result)
            self.products += 1
        return result


def count(function: Callable, *args: Any, **kwargs: Any) -> Count:
    """Call `function`, with attention in single products: a fused kernel would be one of another count."""
    with sdpa_kernel(SDPBackend.MATH), Count() as counted:
        counted.result = function(*args, **kwargs)
    return counted


@contextmanager
def without_values() -> Iterator[None]:
    """Models that are built here have all their tensors on meta."""
    with META, Count():
        yield
