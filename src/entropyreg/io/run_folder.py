"""Guards a run's folder while it is trained: one trainer at a time, no checkpoint of another recipe, no partial file.

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
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from entropyreg.io.errors import UserError, blaming
from entropyreg.io.files import read_json, sync_folder, write_atomically, write_json

LOCK, HOLDER = ".lock", ".lock.holder"  # the locked file; the name of the process that holds it
STAGES_HOLDER = ".of-stage"  # suffix of the file that names the process of another stage
KILLERS = "by hand, by a power cut, or by the system because memory ran out"
PATIENCE = 2.0  # seconds before a run counts as busy: `is_locked` holds its lock for a moment
WRITTEN = ("model.pt", "training.json", "training.provenance.json")  # written by training, beside its checkpoints
ASIDE = ".of-another-recipe"  # suffix of a folder of checkpoints that must not be resumed from
MOST_THREADS = 4096


class Busy(UserError):
    """Another process trains the run, which is no failure of the run."""


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
        write_atomically(holder, own_name())
        yield
    finally:
        with suppress(OSError):  # an error of the training is the one to report
            holder.unlink(missing_ok=True)
        lock.release()


@contextmanager
def named(run_dir: Path | None, stage: str) -> Iterator[None]:
    """While a stage works on a run, keep its process's name in the run's folder, where a kill leaves it.

    The file is locked, which only a living process can do. Training uses `run_lock`, which does both. Where the
    folder cannot be written, the stage works without.
    """
    with ExitStack() as held:
        if run_dir is not None and place_of(stage) > 0:
            path = run_dir / f".{stage}{STAGES_HOLDER}"
            with suppress(OSError):
                file = held.enter_context(path.open("ab", buffering=0))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held.callback(path.unlink, missing_ok=True)
                file.truncate(0)
                file.write(own_name().encode())
        yield


def own_name() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def name_in(holder: Path) -> str:
    """Name of the process that holds the lock; its file appears just after the lock and goes just before it."""
    try:
        return holder.read_text(encoding="utf-8") or "another process"
    except (OSError, ValueError):
        return "another process"


def killed(run_dir: Path) -> str | None:
    """The process that was killed while training the run, if nobody trains it now; None if the last trainer could end.

    A kill runs no handler, so its only trace is the file that the trainer would have deleted.
    """
    holder = run_dir / HOLDER
    if not holder.exists():
        return None
    return f"{name_in(holder)} was killed: {KILLERS}"


def killed_stages(run_dir: Path) -> list[str]:
    """The stages other than training that were killed and not run again since, with the process of each."""
    found = []
    for path in sorted(run_dir.glob(f".*{STAGES_HOLDER}")):
        if not is_locked(run_dir, path.name):
            stage = path.name.removesuffix(STAGES_HOLDER)[1:].replace(".", " ")
            found.append(f"{stage}: {name_in(path)} was killed: {KILLERS}")
    return found


def is_locked(run_dir: Path, name: str = LOCK) -> bool:
    """Whether a live process trains the run; a kill frees its lock. Nothing is written: the folder may be read-only.

    The check takes a shared lock for some microseconds, for which `run_lock` waits.
    """
    try:
        descriptor = os.open(run_dir / name, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except (BlockingIOError, PermissionError):  # some file systems raise EACCES for a lock that another process holds
        return True
    finally:
        os.close(descriptor)


def delete_leftovers(run_dir: Path) -> None:
    """Delete files that killed trainers left unfinished (a checkpoint has hundreds of MB); only for the lock's holder.

    In the folder of checkpoints only the holder writes; beside it only files named as training names them are deleted,
    since measuring and predicting write to the run's folder without its lock.
    """
    patterns = [f".{name}.*.tmp" for name in (*WRITTEN, HOLDER)] + ["predictions/*/.trajectory.npz.*.tmp"]
    patterns += ["checkpoints/.*.tmp", "checkpoints/checkpoint*.pt.tmp"]  # the latter is written by fairseq itself
    for pattern in patterns:
        for path in run_dir.glob(pattern):
            path.unlink(missing_ok=True)


def failure_path(run_dir: Path, stage: str) -> Path:
    """The file in which a stage (`train`, `predict.test`) notes that its last attempt failed; each has its own."""
    return run_dir / f"failed.{stage}.json"


def note_failure(run_dir: Path, stage: str, error: str) -> None:
    """Note an error in the run's folder, for `entropyreg status`; never raises an error itself (a full disk)."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    with suppress(OSError):
        write_json(failure_path(run_dir, stage), {"stage": stage, "time": time, "error": error})


def forget_failures(run_dir: Path, stage: str) -> None:
    """After a stage succeeded, delete its own note and those of the stages that it needs; after a training, all."""
    with suppress(OSError):
        failure_path(run_dir, stage).unlink(missing_ok=True)
        for path in failure_files(run_dir):
            if place_of(stage) == 0 or place_of(path.name.removeprefix("failed.")) < place_of(stage):
                path.unlink(missing_ok=True)


def place_of(stage: str) -> int:
    """Position of a stage: training, then predicting, then the stages that read predictions."""
    return {"train": 0, "predict": 1}.get(re.split("[-.]", stage)[0], 2)


def failure_files(run_dir: Path) -> list[Path]:
    return sorted(run_dir.glob("failed.*.json"))


def failures(run_dir: Path) -> list[dict[str, str]]:
    """The failed attempts that no later one has repaired, the last one first: stage, time, error."""
    found = []
    for path in failure_files(run_dir):
        with blaming(path):
            found.append({key: str(read_json(path)[key]) for key in ("stage", "time", "error")})
    return sorted(found, key=lambda failure: failure["time"], reverse=True)


def set_other_recipes_aside(recipe: Mapping[str, Any], checkpoints: Path) -> int | None:
    """Rename checkpoints made with other settings, data or code: resuming from them would mix two runs.

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
    """The threads of the recipe in a folder that `set_other_recipes_aside` kept; for the training's other processes."""
    return read_json(checkpoints / "recipe.json")["threads"]


def recorded_recipe(marker: Path) -> dict[str, Any] | None:
    """The content of `recipe.json`; None if it is missing or damaged."""
    try:
        found = json.loads(marker.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted names of the keys that differ, sorted: ["code.torch", "settings.model.lr"]."""
    changed = []
    for key in sorted(old.keys() | new.keys()):
        if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
            changed += changed_keys(old[key], new[key], f"{prefix}{key}.")
        elif key not in old or key not in new or json.dumps(old[key]) != json.dumps(new[key]):  # True is not 1
            changed.append(f"{prefix}{key}")
    return changed


def shortened(names: Sequence[str], most: int = 6, what: str = "keys") -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more {what}" if len(names) > most else "")


def is_number_of_threads(value: Any) -> bool:
    """Whether torch accepts it as a number of threads; a damaged recipe may hold anything."""
    return type(value) is int and 1 <= value <= MOST_THREADS


def keep_aside(checkpoints: Path, reason: str) -> None:
    """Rename the folder, replacing an older one of that name, and print why."""
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
            starts = file.read(4) == b"PK\x03\x04"  # Python ignores bytes before an archive, torch does not
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
