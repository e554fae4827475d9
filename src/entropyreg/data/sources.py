"""Finds the files of `sources.yaml` on disk and checks that each is the published one. Uses no network.

A file is named `folder/file`. It is looked for in the user's `data_dir` first, then in the project's `download_dir`,
under that name; what lies there is checked against every sum that is known. Where none is known, the first file that is
seen is pinned: its sha256 is written to `<download_dir>/<name>.pin.json`, and a later file must have the same.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json, write_json
from entropyreg.io.schemas import suggestion

Folder = str | Path | None


@dataclass(frozen=True)
class Source:
    """One file of `sources.yaml`."""

    name: str  # folder/file
    mirrors: tuple[str, ...]  # complete addresses, in order
    bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    content_sha256: str | None = None  # checksum of the content of a .gz
    licence: str | None = None
    note: str = ""

    @property
    def is_pinned_on_first_use(self) -> bool:
        return not (self.sha256 or self.md5 or self.content_sha256)


class Located(NamedTuple):
    """A file that was found and checked; `sha256` is that of its content where the sum of the content is known."""

    path: Path
    sha256: str


@cache
def all_sources() -> dict[str, Source]:
    """Every file by its name."""
    text = files("entropyreg.data").joinpath("sources.yaml").read_text(encoding="utf-8")
    return {
        f"{folder}/{file}": _source(f"{folder}/{file}", entry, group)
        for folder, group in yaml.safe_load(text).items()
        for file, entry in group["files"].items()
    }


def source_of(name: str) -> Source:
    """The file of a name; an unknown one is a `UserError`."""
    if name not in all_sources():
        allowed = ", ".join(sorted(all_sources()))
        raise UserError(f"There is no source {name!r}{suggestion(name, all_sources())}; allowed: {allowed}.")
    return all_sources()[name]


def local_path(name: str, data_dir: Folder) -> Path | None:
    """Where a file lies in the user's folder, or None; a text with a known sum may lie unpacked, without its .gz."""
    if data_dir is None:
        return None
    path = Path(data_dir) / name
    unpacked = [path.with_suffix("")] if source_of(name).content_sha256 else []
    return next((candidate for candidate in (path, *unpacked) if candidate.is_file()), None)


def locate(name: str, data_dir: Folder, download_dir: Folder) -> Located:
    """Find and check a file in `data_dir`, else in `download_dir`; nothing is downloaded."""
    return locate_all([name], data_dir, download_dir)[name]


def locate_all(names: Iterable[str], data_dir: Folder, download_dir: Folder) -> dict[str, Located]:
    """Find and check files; one `UserError` names all that are missing."""
    if data_dir is not None and not Path(data_dir).is_dir():
        raise UserError(f"data_dir is {str(data_dir)!r}, but there is no such folder.")
    found, missing = {}, []
    for name in names:
        path = local_path(name, data_dir)
        if path is None and download_dir is not None and (Path(download_dir) / name).is_file():
            path = Path(download_dir) / name
        if path is None:
            missing.append(name)
        else:
            found[name] = path
    if missing:
        places = " nor ".join(f"{key} ({folder})" for key, folder in _places(data_dir, download_dir))
        raise UserError(
            f"{', '.join(missing)}: neither in {places}; put them there, or run "
            f"`python -m entropyreg download {' '.join(missing)}`."
        )
    return {name: Located(path, check(path, source_of(name), download_dir)) for name, path in found.items()}


def check(path: Path, source: Source, download_dir: Folder) -> str:
    """Return the sha256 of a file that is the published one, or the pinned one; anything else is a `UserError`."""
    if source.content_sha256:
        found = content_sha256(path)
        _compare(path, "sha256 of the content", source.content_sha256, found)
        return found
    if source.bytes is not None:
        _compare(path, "size in bytes", source.bytes, path.stat().st_size)
    found, found_md5 = _digests(path)
    if source.sha256:
        _compare(path, "sha256", source.sha256, found)
    if source.md5:
        _compare(path, "md5", source.md5, found_md5)
    if source.is_pinned_on_first_use and download_dir is not None:
        pinned = pin_of(source, download_dir)
        if pinned is None:
            today = datetime.now(UTC).date().isoformat()
            write_json(_pin_path(source, download_dir), {"sha256": found, "bytes": path.stat().st_size, "seen": today})
        elif found != pinned:
            raise UserError(
                f"{path} is not the file that was pinned on first use: expected sha256 {pinned}, found {found}; "
                f"delete {_pin_path(source, download_dir)} to accept it."
            )
    return found


def pin_of(source: Source, download_dir: Folder) -> str | None:
    """The sha256 that a file without a known sum had when it was first seen, or None."""
    if download_dir is None or not _pin_path(source, download_dir).is_file():
        return None
    return read_json(_pin_path(source, download_dir))["sha256"]


def content_sha256(path: Path) -> str:
    """Hexadecimal sha256 of what a .gz holds, so that packing it anew changes nothing; of any other file, of itself."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a whole gzip file ({error}): fetch it again.") from None


def _source(name: str, entry: dict[str, Any], group: dict[str, Any]) -> Source:
    file = name.partition("/")[2]
    mirrors = entry.get("mirrors", group["mirrors"])
    return Source(
        name=name,
        mirrors=tuple(mirror + file if mirror.endswith("/") else mirror for mirror in mirrors),
        licence=group["licence"],
        note="; ".join(note for note in (entry.get("note"), group["note"]) if note),
        **{key: entry.get(key) for key in ("bytes", "sha256", "md5", "content_sha256")},
    )


def _pin_path(source: Source, download_dir: str | Path) -> Path:
    return Path(download_dir) / f"{source.name}.pin.json"


def _places(data_dir: Folder, download_dir: Folder) -> list[tuple[str, str]]:
    return [
        (key, "not set" if folder is None else str(folder))
        for key, folder in (("data_dir", data_dir), ("download_dir", download_dir))
    ]


def _digests(path: Path) -> tuple[str, str]:
    digests = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            for digest in digests:
                digest.update(block)
    return digests[0].hexdigest(), digests[1].hexdigest()


def _compare(path: Path, what: str, expected: str | int, found: str | int) -> None:
    if found != expected:
        raise UserError(f"{path} is not the published one: expected {what} {expected}, found {found}; fetch it again.")
