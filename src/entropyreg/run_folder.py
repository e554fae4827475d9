"""A run's folder while it is trained: one trainer at a time, no checkpoint of another recipe, no half-written file.

Shared by translation and images; it loads neither fairseq nor, before a digest is asked for, torch.
"""

import hashlib
import json
import os
import socket
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from entropyreg.errors import UserError
from entropyreg.files import write_atomically, write_json

FAILURE = "failed.json"  # in a run's folder: the command that stopped last, when, and why


class Busy(UserError):
    """Another process trains the run: no failure of the run's."""


@contextmanager
def run_lock(run_dir: Path) -> Iterator[None]:
    """Hold the run's folder; a second trainer gets a `Busy` that names the first. A kill frees it."""
    run_dir.mkdir(parents=True, exist_ok=True)
    holder = run_dir / ".lock.holder"
    try:
        with FileLock(run_dir / ".lock", timeout=0):
            write_atomically(holder, f"process {os.getpid()} on {socket.gethostname()}")
            yield
            holder.unlink(missing_ok=True)
    except Timeout:
        who = holder.read_text(encoding="utf-8") if holder.exists() else "another process"
        raise Busy(f"{run_dir} is being trained by {who}: wait for it or stop it, then run again.") from None


def note_failure(run_dir: Path, command: str, error: str) -> None:
    """Leave word of an error in the run's folder, for `entropyreg status`; never fails itself (a full disk)."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    with suppress(OSError):
        write_json(run_dir / FAILURE, {"command": command, "time": time, "error": error})


def forget_failure(run_dir: Path) -> None:
    with suppress(OSError):
        (run_dir / FAILURE).unlink(missing_ok=True)


def forget_other_recipes(recipe: Mapping[str, Any], checkpoints: Path) -> None:
    """Delete checkpoints made with other settings, data or code: resuming from them would mix two runs."""
    marker, text = checkpoints / "recipe.json", json.dumps(recipe, sort_keys=True)
    if not marker.exists() or marker.read_bytes() != text.encode():
        delete_checkpoints(checkpoints)
    write_atomically(marker, text)


def delete_checkpoints(checkpoints: Path) -> None:
    """Empty the folder, the marker last: a kill in between leaves nothing that could be resumed wrongly."""
    for path in sorted(checkpoints.iterdir(), key=lambda path: path.name == "recipe.json"):
        path.unlink()


def is_whole(path: Path) -> bool:
    """True if `path` is a complete zip archive from its first byte on, every member of which matches its checksum."""
    try:
        with path.open("rb") as file:
            starts = file.read(4) == b"PK\x03\x04"  # what stands before an archive is no matter to Python, but to torch
        with zipfile.ZipFile(path) as archive:
            return starts and archive.testzip() is None
    except (OSError, zipfile.BadZipFile, EOFError, RuntimeError, ValueError, NotImplementedError):
        return False


def weights_digest(weights: Mapping[str, Any]) -> str:
    """sha256 over names, types, shapes and bytes of the tensors (files also hold paths and times)."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()
