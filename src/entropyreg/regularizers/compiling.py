"""Makes a function compute eagerly, with the device's kernel, even when its caller is compiled.

torch.compile ends its graph before such a call and begins another after it. The losses need none of this, as their
kernels are operators that a graph can hold; statistics, which no training waits for, have it.
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
