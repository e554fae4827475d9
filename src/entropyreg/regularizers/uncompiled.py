"""The call that torch.compile does not trace; imported only where torch._dynamo already is."""

import torch


@torch.compiler.disable(reason="entropyreg computes its losses eagerly, by the kernel of the device")
def call(function, *args, **kwargs):
    """`function(*args, **kwargs)`, run outside the compiled graphs."""
    if kwargs.get("overwrite_logits") and not torch.compiler.is_compiling():
        raise ValueError(
            "overwrite_logits=True is not allowed inside torch.compile: its graphs may keep the logits for backward"
        )
    return function(*args, **kwargs)
