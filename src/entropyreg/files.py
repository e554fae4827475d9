"""Files that are whole or absent: atomic writing, checksums, deterministic JSON."""

import ast
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from entropyreg.errors import UserError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well it is synced to disk and renamed to `path`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)  # mkstemp gives 0600, which would lock out the rest of a group on a cluster
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write text (UTF-8, LF) or bytes to `path`, which is never seen half written."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON whose bytes depend on the value alone (sorted keys; NaN and infinity are refused)."""
    write_atomically(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def write_npz(path: str | Path, columns: Mapping[str, Any]) -> None:
    """Write a compressed npz whose bytes depend on the values alone (np.savez stamps no time)."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: np.asarray(columns[name]) for name in sorted(columns)})
    write_atomically(path, buffer.getvalue())


def read_npz(path: str | Path) -> dict[str, Any]:
    """The arrays of an npz without pickles; a missing or damaged one is a `UserError` that names it."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:  # zip, zlib and numpy each raise their own
        raise UserError(f"{path} is missing or damaged ({error}): delete it and run again.") from None


def read_json(path: str | Path) -> Any:
    """Read a JSON file; a missing or damaged one is a `UserError` that names it."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it and run again to make it anew.") from None


def sha256_of(path: str | Path) -> str:
    """Hexadecimal sha256 of a file's content."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def meaning_digest(paths: Iterable[Path]) -> str:
    """sha256 of Python files by what they do: comments, docstrings and formatting do not count."""
    digest = hashlib.sha256()
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(
                node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            ) and ast.get_docstring(node):
                node.body = node.body[1:] or [ast.Pass()]
        digest.update(f"{path.name}\n{ast.unparse(tree)}\n".encode())
    return digest.hexdigest()
