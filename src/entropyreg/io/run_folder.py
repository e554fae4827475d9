"""A run's folder while it is trained: one trainer at a time, no checkpoint of another recipe, no half-written file.

Shared by translation and images; it loads neither fairseq nor, before a digest is asked for, torch.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from entropyreg.io.errors import UserError, blaming
from entropyreg.io.files import read_json, sync_folder, write_atomically, write_json

LOCK, HOLDER = ".lock", ".lock.holder"  # the locked file; the name of the process that holds it
PATIENCE = 2.0  # seconds before a run is called busy: who looks at it (`is_locked`) holds its lock for a moment
WRITTEN = ("model.pt", "training.json", "training.provenance.json")  # by training, beside its checkpoints
ASIDE = ".of-another-recipe"  # after the name of a folder of checkpoints: those that may not be resumed from
MOST_THREADS = 4096


class Busy(UserError):
    """Another process trains the run: no failure of the run's."""


@contextmanager
def run_lock(run_dir: Path) -> Iterator[None]:
    """Hold the run's folder; a second trainer gets a `Busy` that names the first. A kill frees it."""
    run_dir.mkdir(parents=True, exist_ok=True)
    holder = run_dir / HOLDER
    lock = FileLock(run_dir / LOCK, timeout=PATIENCE)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(
            f"{run_dir} is being trained by {name_in(holder)}: wait for it or stop it, then run again."
        ) from None
    try:
        if told := killed(run_dir):
            say(f"{run_dir}: {told}.")
        delete_leftovers(run_dir)
        write_atomically(holder, f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        with suppress(OSError):  # an error of the training is the one to be told
            holder.unlink(missing_ok=True)
        lock.release()


def name_in(holder: Path) -> str:
    """Who holds the lock; the file comes a moment after the lock, and goes a moment before it."""
    try:
        return holder.read_text(encoding="utf-8") or "another process"
    except (OSError, ValueError):
        return "another process"


def killed(run_dir: Path) -> str | None:
    """Says who was killed while training the run, which nobody trains now; None if the last trainer could end.

    A kill runs no handler, so all that is left of it is the name that the trainer itself would have deleted.
    """
    holder = run_dir / HOLDER
    if not holder.exists():
        return None
    return f"{name_in(holder)} was killed: by hand, by a power cut, or by the system because memory ran out"


def is_locked(run_dir: Path) -> bool:
    """Whether a live process trains the run; a kill frees its lock. Nothing is written: the folder may be read-only.

    The look itself takes a share of the lock for some microseconds, which `run_lock` waits out.
    """
    try:
        descriptor = os.open(run_dir / LOCK, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except (BlockingIOError, PermissionError):  # some file systems say EACCES of a lock that another holds
        return True
    finally:
        os.close(descriptor)


def delete_leftovers(run_dir: Path) -> None:
    """Delete what killed trainers had not finished writing: hundreds of MB for a checkpoint. For the lock's holder.

    In the folder of checkpoints only the holder writes; beside it only the names that training writes are taken, since
    measuring and predicting write to the run's folder without its lock.
    """
    patterns = [f".{name}.*.tmp" for name in (*WRITTEN, HOLDER)] + ["predictions/*/.trajectory.npz.*.tmp"]
    patterns += ["checkpoints/.*.tmp", "checkpoints/checkpoint*.pt.tmp"]  # the latter by fairseq itself
    for pattern in patterns:
        for path in run_dir.glob(pattern):
            path.unlink(missing_ok=True)


def failure_path(run_dir: Path, stage: str) -> Path:
    """Where the last attempt at a stage (`train`, `predict.test`) leaves word that it failed; others have their own."""
    return run_dir / f"failed.{stage}.json"


def note_failure(run_dir: Path, stage: str, error: str) -> None:
    """Leave word of an error in the run's folder, for `entropyreg status`; never fails itself (a full disk)."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    with suppress(OSError):
        write_json(failure_path(run_dir, stage), {"stage": stage, "time": time, "error": error})


def forget_failures(run_dir: Path, stage: str) -> None:
    """Take back, after a stage that succeeded, its own word and those of what it needs; after a training, all."""
    with suppress(OSError):
        failure_path(run_dir, stage).unlink(missing_ok=True)
        for path in failure_files(run_dir):
            if place_of(stage) == 0 or place_of(path.name.removeprefix("failed.")) < place_of(stage):
                path.unlink(missing_ok=True)


def place_of(stage: str) -> int:
    """Of training, predicting, and what reads predictions."""
    return {"train": 0, "predict": 1}.get(re.split("[-.]", stage)[0], 2)


def failure_files(run_dir: Path) -> list[Path]:
    return sorted(run_dir.glob("failed.*.json"))


def failures(run_dir: Path) -> list[dict[str, str]]:
    """The failed attempts that no later one has made good, the last one first: stage, time, error."""
    found = []
    for path in failure_files(run_dir):
        with blaming(path):
            found.append({key: str(read_json(path)[key]) for key in ("stage", "time", "error")})
    return sorted(found, key=lambda failure: failure["time"], reverse=True)


def set_other_recipes_aside(recipe: Mapping[str, Any], checkpoints: Path) -> int | None:
    """Keep checkpoints made with other settings, data or code under another name: resuming would mix two runs.

    Returns the threads to train with: those of the recipe that the checkpoints were made with, if nothing else differs.
    The number of threads changes the last bits and is often not chosen (Snakemake lowers it to its cores), so it is no
    reason to lose a training.
    """
    marker, recipe = checkpoints / "recipe.json", json.loads(json.dumps(recipe))
    recorded, resumable = recorded_recipe(marker), any(checkpoints.glob("*.pt"))
    changed = changed_keys(recorded or {}, recipe)
    if resumable and changed == ["threads"] and is_number_of_threads(recorded.get("threads")):
        threads, given = recorded["threads"], recipe["threads"]
        counted = f"{threads} thread{'' if threads == 1 else 's'}"
        say(f"{checkpoints} was made with {counted}: training goes on with {threads}, not with {given}.")
        return threads
    if resumable and changed:
        reason = f"{shortened(changed)} changed" if recorded else "recipe.json is missing or damaged"
        keep_aside(checkpoints, reason)
    if changed:
        delete_checkpoints(checkpoints)
        write_atomically(marker, json.dumps(recipe, sort_keys=True))
    return recipe.get("threads")


def recorded_threads(checkpoints: Path) -> int:
    """The threads of the recipe in a folder that `set_other_recipes_aside` has left: for its fellow processes."""
    return read_json(checkpoints / "recipe.json")["threads"]


def recorded_recipe(marker: Path) -> dict[str, Any] | None:
    """What `recipe.json` holds; None if it is missing or damaged."""
    try:
        found = json.loads(marker.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted names of what differs, sorted: ["code.torch", "settings.model.lr"]."""
    changed = []
    for key in sorted(old.keys() | new.keys()):
        if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
            changed += changed_keys(old[key], new[key], f"{prefix}{key}.")
        elif key not in old or key not in new or json.dumps(old[key]) != json.dumps(new[key]):  # True is not 1 there
            changed.append(f"{prefix}{key}")
    return changed


def shortened(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more keys" if len(names) > most else "")


def is_number_of_threads(value: Any) -> bool:
    """Whether torch can be set to it; a damaged recipe may say anything."""
    return type(value) is int and 1 <= value <= MOST_THREADS


def keep_aside(checkpoints: Path, reason: str) -> None:
    """Give the folder another name, in place of an older one of that name, and say why."""
    aside = checkpoints.with_name(checkpoints.name + ASIDE)
    if aside.exists():
        shutil.rmtree(aside)
    checkpoints.rename(aside)
    checkpoints.mkdir()
    sync_folder(checkpoints.parent)
    say(f"{checkpoints} was made with another recipe ({reason}): it is kept as {aside.name}, and training starts anew.")


def say(sentence: str) -> None:
    print(f"entropyreg: {sentence}", file=sys.stderr, flush=True)


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
