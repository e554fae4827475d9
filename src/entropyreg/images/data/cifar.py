"""CIFAR-10 and CIFAR-100 from their `python` archives, without running what a pickle may hold.

An archive holds pickled dictionaries: `data` (N, 3072) uint8, channels first, and `labels` or `fine_labels`.
Source: Krizhevsky 2009. The archive's md5 is checked before anything is unpickled, and the unpickler builds numpy
arrays and nothing else.
"""

import hashlib
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from entropyreg.io.errors import UserError

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class Layout(NamedTuple):
    """Where an archive keeps what."""

    folder: str
    train: tuple[str, ...]
    test: str
    meta: str
    label_key: bytes
    names_key: bytes
    md5: str


LAYOUTS = {
    "cifar10": Layout(
        "cifar-10-batches-py",
        tuple(f"data_batch_{number}" for number in range(1, 6)),
        "test_batch",
        "batches.meta",
        b"labels",
        b"label_names",
        "c58f30108f718f92721af3b95e74349a",
    ),
    "cifar100": Layout(
        "cifar-100-python",
        ("train",),
        "test",
        "meta",
        b"fine_labels",
        b"fine_label_names",
        "eb9058c3a382ffc7106e4002c42a8d85",
    ),
}


class _ArraysOnly(pickle.Unpickler):
    """Finds the four names that a pickled array needs; any other is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise UserError(f"A pickle asks for {module}.{name}; allowed in CIFAR's archives: numpy arrays alone.")
        return ALLOWED[module, name]


def load_pickle(content: bytes) -> Any:
    """Unpickle dictionaries, lists, numbers, bytes and numpy arrays; everything else is a `UserError`."""
    try:
        return _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
    except (pickle.UnpicklingError, EOFError, ValueError, IndexError, TypeError, AttributeError) as error:
        raise UserError(f"A pickle of CIFAR's is damaged ({error}): fetch the archive again.") from None


class CifarArchive(NamedTuple):
    """Images (N, 3, 32, 32) uint8 and labels (N,) int64 of both parts, and the names of the classes."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...]


def read_cifar(path: str | Path, name: str, md5: str | None = None) -> CifarArchive:
    """Read `cifar-10-python.tar.gz` or `cifar-100-python.tar.gz`; name is 'cifar10' or 'cifar100'.

    md5: the sum that the archive must have; None takes the published one. The sum is checked first.
    """
    layout, path = LAYOUTS[name], Path(path)
    check_md5(path, md5 or layout.md5)
    members = _members(path, layout)
    parts = [_part(members[part], layout, part) for part in (*layout.train, layout.test)]
    names = load_pickle(members[layout.meta])[layout.names_key]
    return CifarArchive(
        np.concatenate([images for images, _ in parts[:-1]]),
        np.concatenate([labels for _, labels in parts[:-1]]),
        *parts[-1],
        tuple(one.decode() if isinstance(one, bytes) else str(one) for one in names),
    )


def check_md5(path: Path, expected: str) -> None:
    """Raise `UserError` unless the file has this md5."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    if found != expected:
        raise UserError(f"{path} is not the published archive: expected md5 {expected}, found {found}; fetch it again.")


def _members(path: Path, layout: Layout) -> dict[str, bytes]:
    """Contents of the files that are needed, by their name inside the folder."""
    wanted = {f"{layout.folder}/{name}": name for name in (*layout.train, layout.test, layout.meta)}
    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name in wanted and member.isfile():
                found[wanted[member.name]] = archive.extractfile(member).read()
    missing = sorted(set(wanted.values()) - set(found))
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)} in {layout.folder}/.")
    return found


def _part(content: bytes, layout: Layout, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of one pickled part."""
    part = load_pickle(content)
    data, labels = np.asarray(part[b"data"]), np.asarray(part[layout.label_key], dtype=np.int64)
    if data.dtype != np.uint8 or data.shape != (len(labels), 3 * 32 * 32):
        raise UserError(f"{layout.folder}/{name} holds {data.dtype} {data.shape} for {len(labels)} labels.")
    return data.reshape(-1, 3, 32, 32), labels
