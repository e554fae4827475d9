"""Where a training runs: one CPU process by itself, or GPUs and bfloat16 through Hugging Face accelerate.

accelerate is an optional dependency, imported for device 'cuda', precision 'bfloat16' or several processes alone.
Several GPUs: start the command by torchrun or `accelerate launch`; every process takes its share of each batch, and

    gradient of a batch of B images = mean over P processes of  (P B_p / B) * gradient of the mean over its B_p images

so the weights are those of one process, but for rounding, for dropout's draws and for the statistics of batch
normalisation, which are those of a share. Weights stay float32; bfloat16 is autocast's, so no loss scaling is needed.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from entropyreg.io.devices import is_launched
from entropyreg.io.errors import UserError

PRECISIONS = {"float32": "no", "bfloat16": "bf16"}


class Plain:
    """One process on the CPU in float32: nothing is wrapped."""

    rank, processes, device = 0, 1, torch.device("cpu")

    def prepare(self, model: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[nn.Module, Any]:
        return model, optimiser

    def autocast(self) -> AbstractContextManager:
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def mean(self, values: Tensor) -> Tensor:
        """The average of the processes' values, the same for all of them."""
        return values

    def wait(self) -> None:
        """Until every process is here."""


class Accelerated:
    """What `Plain` does, by accelerate."""

    def __init__(self, device: str, precision: str) -> None:
        try:
            from accelerate import Accelerator
        except ImportError:
            raise UserError(
                f"device '{device}' with precision '{precision}' needs the package accelerate: pip install accelerate."
            ) from None
        self.accelerator = Accelerator(cpu=device == "cpu", mixed_precision=PRECISIONS[precision])
        self.rank, self.processes = self.accelerator.process_index, self.accelerator.num_processes
        self.device = self.accelerator.device

    def prepare(self, model: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[nn.Module, Any]:
        return self.accelerator.prepare(model, optimiser)

    def autocast(self) -> AbstractContextManager:
        return self.accelerator.autocast()

    def backward(self, loss: Tensor) -> None:
        self.accelerator.backward(loss)

    def mean(self, values: Tensor) -> Tensor:
        return self.accelerator.reduce(values, "mean")

    def wait(self) -> None:
        self.accelerator.wait_for_everyone()


def engine_for(device: str, precision: str = "float32") -> Plain | Accelerated:
    """The engine of a device ('cpu', 'cuda') and a precision ('float32', 'bfloat16')."""
    if precision not in PRECISIONS:
        raise UserError(f"precision is {precision!r}; allowed: {', '.join(PRECISIONS)}.")
    plain = device == "cpu" and precision == "float32" and not is_launched()
    return Plain() if plain else Accelerated(device, precision)
