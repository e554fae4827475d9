"""Calls that torch.compile does not trace; imported only where torch._dynamo already is."""

import torch

OVERWRITING = "overwrite_logits=True is not allowed inside torch.compile: its graphs may keep the logits for backward"


@torch.compiler.disable(reason="entropyreg computes statistics eagerly, by the kernel of the device")
def call(function, *args, **kwargs):
    """`function(*args, **kwargs)`, run outside the compiled graphs."""
    return function(*args, **kwargs)


@torch.compiler.disable(reason=OVERWRITING)
def refuse_overwriting() -> None:
    """Raise the error when the graph runs: one that is raised while it is traced would only end the graph."""
    raise ValueError(OVERWRITING)
