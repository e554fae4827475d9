"""fairseq's checkpoints: which one to resume from, how far it is, and the selected weights as a plain file.

fairseq writes an interval checkpoint atomically but copies it to `checkpoint_last.pt` and `checkpoint_best.pt`, so
after a kill either copy may be cut short. A checkpoint counts only if its zip archive is complete.
"""

import argparse
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import torch

from entropyreg.errors import MALFORMED, UserError
from entropyreg.files import atomic_path, one_line
from entropyreg.run_folder import is_whole, weights_digest

# What fairseq's checkpoints hold besides tensors: torch.load refuses it since 2.6. Allowing these harmless classes
# keeps torch's protection against arbitrary pickles for everything else. The numpy ones come with validation by BLEU.
multiarray = np._core.multiarray
torch.serialization.add_safe_globals(
    [argparse.Namespace, np.ndarray, np.dtype, multiarray._reconstruct, multiarray.scalar]
)
torch.serialization.add_safe_globals([type(np.dtype(name)) for name in ("float64", "float32", "int64", "int32")])
LAST = "checkpoint_last.pt"
BEST = "checkpoint_best.pt"


def updates_of(path: Path) -> int:
    """Number of updates after which the checkpoint was written; a `UserError` if a whole file is no checkpoint."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return int(state["optimizer_history"][-1]["num_updates"])
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
    candidates = [
        path
        for path in folder.glob("checkpoint*.pt")
        if re.fullmatch(r"checkpoint\d+(_\d+_?\d*)?|checkpoint_\d+_\d+", path.stem)
    ]
    reached = {path: updates_of(path) for path in candidates if is_whole(path)}
    if not reached:
        return 0
    newest = max(reached, key=lambda path: (reached[path], path.name))
    with atomic_path(last) as temporary:
        shutil.copyfile(newest, temporary)
    return reached[newest]


def export_weights(checkpoint: Path, path: Path) -> dict[str, object]:
    """Write the checkpoint's tensors as a plain {name: tensor} file; return its updates and the tensors' sha256."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    weights = {name: tensor.clone() for name, tensor in sorted(state["model"].items())}
    with atomic_path(path) as temporary:
        torch.save(weights, temporary)
    return {"updates": int(state["optimizer_history"][-1]["num_updates"]), "weights_sha256": weights_digest(weights)}
