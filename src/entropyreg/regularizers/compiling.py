"""Makes public functions compute eagerly, with the device's kernel, even when their caller is compiled.

torch.compile ends its graph before such a call and begins another after it. To trace the losses instead would bake the
values of some Python numbers into the graph, and is slower than the kernel. So `fullgraph=True` is refused, by
torch's own error with the reason below; torch.export, which has no eager part, traces the composed operations.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def eager(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The function, which torch.compile calls and does not trace."""

    @wraps(function)
    def entry(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if torch.compiler.is_compiling():  # only then: torch._dynamo takes two seconds to import
            from entropyreg.regularizers.uncompiled import call

            return call(function, *args, **kwargs)
        return function(*args, **kwargs)

    return entry
