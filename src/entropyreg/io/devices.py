"""The device of a job: that it exists, and that two jobs of one machine do not take the same GPU."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from entropyreg.io.errors import UserError


def is_launched() -> bool:
    """True in a process of torchrun or `accelerate launch`, which number their processes and give each its GPU."""
    return "WORLD_SIZE" in os.environ and "LOCAL_RANK" in os.environ


def check_device(device: str) -> None:
    """Raise `UserError` if `device` is 'cuda' and torch sees no GPU: there is no silent fallback."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("device is 'cuda', but torch sees no GPU; allowed here: --config device=cpu.")


@contextmanager
def one_device(device: str, locks: Path | None = None) -> Iterator[None]:
    """Give this process one GPU of its own (CUDA_VISIBLE_DEVICES) while the block runs; nothing to do for 'cpu'.

    Takes the first visible GPU that no other job of the same user holds; with all held it shares the first. Call it
    before torch starts CUDA. A lock is freed by the system when its holder ends, however it ends.
    """
    if device == "cpu":
        yield
        return
    locks = locks or Path(tempfile.gettempdir())
    visible = visible_devices()
    for name in visible:  # parts of a GPU may have slashes in their names; files of other users cannot be locked
        lock = FileLock(locks / f"entropyreg-{os.getuid()}-gpu-{name.replace('/', '-')}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            continue
        os.environ["CUDA_VISIBLE_DEVICES"] = name
        try:
            yield
        finally:
            lock.release()
        return
    os.environ["CUDA_VISIBLE_DEVICES"] = visible[0] if visible else ""
    yield


def visible_devices() -> list[str]:
    """Names for CUDA_VISIBLE_DEVICES: those that the variable lists, else 0, 1, ... of the driver's device files."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        return [name.strip() for name in listed.split(",") if name.strip()]
    count = len([path for path in Path("/dev").glob("nvidia*") if path.name[6:].isdigit()])
    return [str(index) for index in range(count)]
