"""fairseq's checkpoints: which one to resume from, how far it is, and the selected weights as a plain file.

fairseq writes an interval checkpoint and copies it to `checkpoint_best.pt` and `checkpoint_last.pt`. After a kill in
between a copy may be missing, and disks err: a checkpoint counts only if its zip archive is complete.
"""

import argparse
import pickle
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from entropyreg.io.errors import MALFORMED, UserError
from entropyreg.io.files import atomic_path, one_line, write_tensors
from entropyreg.io.run_folder import is_whole, weights_digest

# What fairseq's checkpoints hold besides tensors: torch.load refuses it since 2.6. Allowing these harmless classes
# keeps torch's protection against arbitrary pickles for everything else. The numpy ones come with validation by BLEU.
multiarray = np._core.multiarray
torch.serialization.add_safe_globals(
    [argparse.Namespace, np.ndarray, np.dtype, multiarray._reconstruct, multiarray.scalar]
)
torch.serialization.add_safe_globals([type(np.dtype(name)) for name in ("float64", "float32", "int64", "int32")])
LAST = "checkpoint_last.pt"
BEST = "checkpoint_best.pt"


def state_of(path: Path) -> dict[str, Any]:
    """What a checkpoint holds; tensors stay on the disk until they are read."""
    return torch.load(path, map_location="cpu", weights_only=True, mmap=True)


def updates_of(path: Path) -> int:
    """Number of updates after which the checkpoint was written; a `UserError` if a whole file is no checkpoint."""
    with blaming_checkpoint(path):
        return int(state_of(path)["optimizer_history"][-1]["num_updates"])


def epochs_of(path: Path) -> int:
    """Epochs that had ended when the checkpoint was written."""
    with blaming_checkpoint(path):
        return int(state_of(path)["extra_state"]["train_iterator"]["epoch"]) - 1


def values_of(path: Path) -> tuple[float | None, float | None]:
    """The checkpoint's own validation, by the metric of the selection, and the best one up to it; None for none."""
    with blaming_checkpoint(path):
        extra = state_of(path)["extra_state"]
        return extra.get("val_loss"), extra.get("best")


@contextmanager
def blaming_checkpoint(path: Path) -> Iterator[None]:
    try:
        yield
    except (pickle.UnpicklingError, RuntimeError, *MALFORMED) as error:
        raise UserError(f"{path} is no checkpoint of fairseq's ({one_line(error)[:200]}): delete it.") from None


def repair_last(folder: Path) -> int:
    """Make `checkpoint_last.pt` the newest whole checkpoint of `folder`; return its updates (0: start anew).

    A damaged last checkpoint is replaced by a copy of the newest whole interval or epoch checkpoint.
    """
    last = folder / LAST
    if is_whole(last):
        return updates_of(last)
    last.unlink(missing_ok=True)
    reached = {path: updates_of(path) for path in kept_checkpoints(folder)}
    if not reached:
        return 0
    newest = max(reached, key=lambda path: (reached[path], path.name))
    copy_whole(newest, last)
    return reached[newest]


def repair_best(folder: Path) -> bool:
    """Make `checkpoint_best.pt` whole, if it is not, as a copy of what it was a copy of; False if that is gone.

    It was the last checkpoint whose own validation is the best one up to `checkpoint_last.pt`, which must be whole.
    """
    best, last = folder / BEST, folder / LAST
    if is_whole(best):
        return True
    best.unlink(missing_ok=True)
    wanted, reached = values_of(last)[1], updates_of(last)
    if wanted is None or wanted != wanted:  # no validation yet, or none that is a number: fairseq has kept none either
        return True
    updates = {path: updates_of(path) for path in (*kept_checkpoints(folder), last) if values_of(path)[0] == wanted}
    same = [path for path in updates if updates[path] <= reached]
    if same:
        copy_whole(max(same, key=lambda path: (updates[path], path.name)), best)
    return bool(same)


def kept_checkpoints(folder: Path) -> list[Path]:
    """Whole checkpoints of intervals and epochs, from which the others are copied."""
    pattern = r"checkpoint\d+(_\d+_?\d*)?|checkpoint_\d+_\d+"
    return [path for path in folder.glob("checkpoint*.pt") if re.fullmatch(pattern, path.stem) and is_whole(path)]


def copy_whole(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def export_weights(checkpoint: Path, path: Path) -> dict[str, object]:
    """Write the checkpoint's tensors as a plain {name: tensor} file; return its updates and the tensors' sha256."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    weights = {name: tensor.clone() for name, tensor in sorted(state["model"].items())}
    write_tensors(path, weights)
    return {"updates": int(state["optimizer_history"][-1]["num_updates"]), "weights_sha256": weights_digest(weights)}
