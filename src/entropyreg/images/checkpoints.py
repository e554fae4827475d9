"""The checkpoint of a training: every tensor, generator and count that the next epoch depends on, in one file.

`last.pt` is replaced atomically after an epoch; a training that is killed goes on from the last whole one with the bits
of one that was not. `recipe.json` beside it says what made it: checkpoints of another recipe are put aside.
"""

import pickle
from pathlib import Path
from typing import Any

import torch

from entropyreg.images.models.groups import Group
from entropyreg.images.optimisation import Average
from entropyreg.images.streams import Streams
from entropyreg.io.errors import MALFORMED, UserError
from entropyreg.io.files import one_line, write_tensors
from entropyreg.io.run_folder import is_whole

LAST = "last.pt"


def save_checkpoint(
    folder: Path,
    epoch: int,
    group: Group,
    optimiser: torch.optim.Optimizer,
    average: Average | None,
    streams: Streams,
    history: list[dict[str, Any]],
) -> None:
    """Write the state after `epoch` epochs."""
    state = {
        "epoch": epoch,
        "weights": group.state_dict(),
        "optimiser": optimiser.state_dict(),
        "average": None if average is None else average.group.state_dict(),
        "generators": streams.state(),
        "history": history,
    }
    write_tensors(folder / LAST, state)


def resume(
    folder: Path, group: Group, optimiser: torch.optim.Optimizer, average: Average | None, streams: Streams
) -> tuple[int, list[dict[str, Any]]]:
    """Put everything where the checkpoint left it; return its epochs and history, (0, []) if there is none.

    Raises `UserError` for a whole file that is no checkpoint of this training.
    """
    if not is_whole(folder / LAST):
        return 0, []
    try:
        state = torch.load(folder / LAST, map_location="cpu", weights_only=True)
        group.load_state_dict(state["weights"])
        optimiser.load_state_dict(state["optimiser"])
        if average is not None:
            average.group.load_state_dict(state["average"])
        streams.restore(state["generators"])
        return state["epoch"], state["history"]
    except (pickle.UnpicklingError, RuntimeError, *MALFORMED) as error:
        place = folder / LAST
        raise UserError(f"{place} is no checkpoint of this training ({one_line(error)[:200]}): delete it.") from None
