"""Files that are whole or absent: atomic writing, checksums, deterministic JSON."""

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from entropyreg.io.errors import UserError, blaming


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well it is synced to disk and renamed to `path`.

    An `OSError` of writing (a full disk, a read-only folder) is raised again with the name of `path`.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # not the suffix of `path`: nobody should take what a killed writer leaves for a record, table or array
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)  # mkstemp gives 0600, which would lock out the rest of a group on a cluster
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        unnamed = error.filename is None or Path(str(error.filename)).name.startswith(f".{path.name}.")
        if error.errno is not None and unnamed:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder outlast a power cut; some file systems refuse, and do not need it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write text (UTF-8, LF) or bytes to `path`, which is never seen half written."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON whose bytes depend on the value alone (sorted keys; NaN and infinity are refused)."""
    write_atomically(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def write_npz(path: str | Path, columns: Mapping[str, Any]) -> None:
    """Write a compressed npz whose bytes depend on the values, and on the release of Python, but on no time."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: np.asarray(columns[name]) for name in sorted(columns)})
    write_atomically(path, buffer.getvalue())


def write_tensors(path: str | Path, tensors: Mapping[str, Any]) -> None:
    """Write maps of tensors and numbers as a torch file whose bytes depend on them alone.

    torch gets an open file: given a path it would put the file's name, which is random here, into the archive.
    """
    import torch

    with atomic_path(path) as temporary, temporary.open("wb") as file:
        torch.save(tensors, file)


def arrays_sha256(arrays: Mapping[str, Any]) -> str:
    """sha256 of the names, types, shapes and values of arrays: the same whichever Python zipped them."""
    import numpy as np

    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8))
    return digest.hexdigest()


class Content(dict):
    """A map from a file that a stage wrote; reading a missing key raises a `UserError` with the file and the place."""

    place: str

    def __missing__(self, key: object) -> NoReturn:
        raise UserError(f"{self.place} lacks the key {key!r}: delete the file and run again.")


def content_of(value: Any, place: str) -> Any:
    """`value` with every map as `Content` that knows its place: 'run.json: data.classes'."""
    if isinstance(value, list):
        return [content_of(part, f"{place}[{number}]") for number, part in enumerate(value)]
    if not isinstance(value, dict):
        return value
    separator = "." if ": " in place else ": "
    content = Content({key: content_of(part, f"{place}{separator}{key}") for key, part in value.items()})
    content.place = place
    return content


def read_npz(path: str | Path) -> Mapping[str, Any]:
    """The arrays of an npz without pickles; a missing or damaged file, or a missing array, is a `UserError`."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            return content_of({name: archive[name] for name in archive.files}, str(path))
    except Exception as error:  # zip, zlib and numpy each raise their own errors
        raise UserError(f"{path} is missing or damaged ({one_line(error)}): delete it and run again.") from None


def read_json(path: str | Path) -> Any:
    """Read a JSON file; a missing or damaged file, or a missing key, is a `UserError` that names it."""
    path = Path(path)
    try:
        return content_of(json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse_constant), str(path))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (ValueError, RecursionError, IsADirectoryError) as error:
        raise UserError(f"{path} is damaged ({one_line(error)}): delete it and run again to make it anew.") from None


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and infinity, which are not JSON and which `write_json` never writes."""
    raise ValueError(f"{name} is not JSON")


def one_line(error: BaseException) -> str:
    """Another library's error message in one line, for the middle of a sentence."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def sha256_of(path: str | Path) -> str:
    """Hexadecimal sha256 of a file's content."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Sums:
    """sha256 of files: one is read again only when its size or date is another; at `path` those of earlier looks."""

    def __init__(self, path: Path | None = None) -> None:
        self.path, self.known, self.read_anew = path, {}, False
        if path is not None:
            with suppress(OSError, ValueError):
                self.known = json.loads(path.read_bytes())

    def of(self, path: str | Path) -> str:
        stat = Path(path).stat()
        known = self.known.get(str(path), [])
        if known[:2] != [stat.st_size, stat.st_mtime_ns]:
            known = self.known[str(path)] = [stat.st_size, stat.st_mtime_ns, sha256_of(path)]
            self.read_anew = True
        return known[2]

    def keep(self) -> None:
        """Write them down for the next look."""
        if self.read_anew:
            with suppress(OSError):
                write_atomically(self.path, json.dumps(self.known))


sum_of = Sums().of  # of this process alone: a job trusts no other's look


def verify_outputs(folder: str | Path, starts: tuple[str, ...] = ("",)) -> None:
    """Raise `UserError` unless the files whose names have one of `starts` are those that `summary.json` lists."""
    folder = Path(folder)
    summary = read_json(folder / "summary.json")
    with blaming(folder / "summary.json"):
        wanted = {name: sum for name, sum in summary["outputs_sha256"].items() if name.startswith(starts)}
    for name, expected in wanted.items():
        if not (folder / name).is_file() or sha256_of(folder / name) != expected:
            remedy = f"delete {folder / 'summary.json'} and run again, which makes both anew"
            raise UserError(f"{folder / name} is missing or damaged: {remedy}.")
