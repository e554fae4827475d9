"""Reads members of tar archives (plain, .gz, .bz2, .xz) as streams; only members asked for by name are unpacked.

An archive is not trusted. The caller names the members in advance, and only an ordinary file of exactly that name is
read; where it is written is the caller's choice alone, so names such as `../../x` and links in the archive do nothing.
Headers, members and the whole archive have a maximum size, since an archive of some kilobytes can hold terabytes.
"""

import bz2
import gzip
import lzma
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from entropyreg.data.parallel_text import decode_lines
from entropyreg.io.errors import UserError
from entropyreg.io.files import atomic_path

GREATEST_ARCHIVE = 16 << 30  # bytes, unpacked; the largest of ours, commoncrawl and BART, are a quarter of it
GREATEST_HEADER = 1 << 20  # bytes of an extended header, which tarfile reads as a whole
MOST_MEMBERS = 1_000_000
OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
ORDINARY = (tarfile.REGTYPE, tarfile.AREGTYPE)
LONG_HEADERS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)


def member_name(archive: str | Path, member: str) -> str:
    """How messages and summaries name a member: 'de-en.tgz:de-en/README'."""
    return f"{Path(archive).name}:{member}"


@contextmanager
def open_member(archive: str | Path, member: str, greatest: int = GREATEST_ARCHIVE) -> Iterator[IO[bytes]]:
    """Open a member for reading from its start to its end; `greatest` bounds the unpacked bytes up to its end."""
    with _members(archive, greatest) as members:
        for info, file in members:
            if _plain(info.name) == member:
                yield _ordinary(archive, info, file)
                return
        raise UserError(f"{archive} has no member {member!r}: it is not the archive that it should be.")


def read_member_lines(archive: str | Path, member: str, greatest: int = GREATEST_ARCHIVE) -> Iterator[str]:
    """Yield the lines of a text member without their ends; one line is held in memory at a time."""
    with open_member(archive, member, greatest) as file:
        yield from decode_lines(file, member_name(archive, member))


def extract(archive: str | Path, targets: Mapping[str, str | Path], greatest: int = GREATEST_ARCHIVE) -> None:
    """Write members to files, `{member: path}`, each whole or not at all, in one pass over the archive."""

    def write(name: str, content: IO[bytes]) -> None:
        with atomic_path(targets[name]) as temporary, temporary.open("wb") as out:
            shutil.copyfileobj(content, out, 1 << 20)

    _for_each(archive, targets, write, greatest)


def read_members(archive: str | Path, names: Iterable[str], greatest: int) -> dict[str, bytes]:
    """The contents of members by their names, in one pass over the archive; all are held in memory."""
    found = {}
    _for_each(archive, names, lambda name, content: found.update({name: content.read()}), greatest)
    return found


def _for_each(archive: str | Path, names: Iterable[str], use: Callable[[str, IO[bytes]], None], greatest: int) -> None:
    """Call `use` with the name of each wanted member and its content; a missing one is a `UserError`."""
    missing = dict.fromkeys(names)
    with _members(archive, greatest) as members:
        for info, file in members:
            name = _plain(info.name)
            if name in missing:
                del missing[name]
                use(name, _ordinary(archive, info, file))
            if not missing:
                return
    raise UserError(f"{archive} has no member {', '.join(missing)}: it is not the archive that it should be.")


class _Header(tarfile.TarInfo):
    """A header of a bounded length: tarfile holds an extended one in memory as a whole."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> "_Header":
        header = super().frombuf(buf, encoding, errors)
        if header.type in LONG_HEADERS and header.size > GREATEST_HEADER:
            raise UserError(f"an archive has a header of {header.size} bytes; allowed: up to {GREATEST_HEADER}.")
        return header


@contextmanager
def _members(archive: str | Path, greatest: int) -> Iterator[Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]]:
    """All members in order; a file that is damaged, cut or no archive is a `UserError` whenever it is noticed."""
    path = Path(archive)
    try:
        with path.open("rb") as file:
            start = file.read(6)
        opener = next((opener for magic, opener in OPENERS.items() if start.startswith(magic)), open)
        with opener(path, "rb") as file, tarfile.open(fileobj=file, mode="r|", tarinfo=_Header) as tar:
            yield _bounded(path, tar, greatest)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is no whole archive ({error}): fetch it again.") from None


def _bounded(path: Path, tar: tarfile.TarFile, greatest: int) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    for number, info in enumerate(tar, start=1):
        end = info.offset_data + info.size
        if end > greatest or number > MOST_MEMBERS:
            raise UserError(
                f"{path} is too large: member {number} ends at byte {end}; allowed: {greatest} bytes unpacked, "
                f"{MOST_MEMBERS} members."
            )
        yield info, tar


def _plain(name: str) -> str:
    """Turn './folder/file', as `tar -C folder .` writes it, into 'folder/file'; leave any other name as it is."""
    return name.removeprefix("./")


def _ordinary(archive: str | Path, info: tarfile.TarInfo, tar: tarfile.TarFile) -> IO[bytes]:
    content = tar.extractfile(info) if info.type in ORDINARY else None
    if content is None:
        raise UserError(f"{archive} has {info.name!r} as a link or a special file; allowed: an ordinary file.")
    return content
