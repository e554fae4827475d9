"""Receives one file over HTTP, for pooch: goes on from where an earlier attempt stopped, and insists on progress.

What has come lies in `.<file>.part` beside the final file. It is continued where the whole will be compared with a sum,
or where the server named the version of the file by a strong ETag; else the next attempt starts anew. No answer may be
longer than the published file; where its size is not known, there is a greatest one, and the disk keeps some room.
"""

import gzip
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import disk_usage
from typing import IO, Any

from entropyreg.data.sources import Source
from entropyreg.io.errors import UserError
from entropyreg.io.files import write_atomically

BLOCK = 1 << 18
GREATEST_DOWNLOAD = 8 << 30  # bytes, where the published size is not known; BART, the largest of those, is half of it
KEPT_FREE = 1 << 30  # bytes that a download of unknown size leaves on the disk
LOOK_AFTER = 16 << 20  # bytes between two looks at the disk, which may be a network's
GONE = (401, 403, 404, 410, 451)  # answers that another attempt does not change


@dataclass(frozen=True)
class Patience:
    """When a server is given up."""

    attempts: int = 4  # at each mirror; pauses of 1, 2, 3 s between them
    connect_seconds: float = 15
    stall_seconds: float = 60  # without a byte
    slowest: float = 1024  # bytes a second, over each `slow_seconds`
    slow_seconds: float = 60


class MirrorError(Exception):
    """A mirror that does not have the file: the next one is tried at once."""


class Receiver:
    """A downloader for pooch: goes on from where an earlier attempt stopped, and insists on progress."""

    def __init__(self, source: Source, target: Path, has_sum: bool, patience: Patience) -> None:
        """`has_sum`: the whole will be compared with a sum, so that a part may be continued from any mirror."""
        self.source, self.target, self.has_sum, self.patience = source, target, has_sum, patience
        self.n_whole = 0

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Receive `url` and move it to `output_file`; a ValueError or RequestException asks for another attempt."""
        if self.n_whole == 2:  # pooch refused both; a third time would be the same
            raise MirrorError("it has another file than the published one (twice another sum)")
        suffix = "" if self.has_sum else "." + sha256(url.encode()).hexdigest()[:8]
        part = self.target.with_name(f".{self.target.name}{suffix}.part")
        self._receive(url, part)
        try:
            self._check_form(part)
        except ValueError:
            _forget(part)
            raise
        self.n_whole += 1
        part.replace(output_file)
        _forget(part)

    def _receive(self, url: str, part: Path) -> None:
        import requests
        import urllib3

        headers = {"Accept-Encoding": "identity"}  # as it is: a .gz stays one
        start, tag = part.stat().st_size if part.exists() else 0, _tag_path(part)
        if start and (self.has_sum or tag.exists()):
            headers["Range"] = f"bytes={start}-"
            if not self.has_sum:  # nothing else tells whether the rest is of the same file
                headers["If-Range"] = tag.read_text(encoding="utf-8")
        timeout = (self.patience.connect_seconds, self.patience.stall_seconds)
        with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
            if response.status_code == 416 and response.headers.get("Content-Range") == f"bytes */{start}":
                return  # the part is the whole: an earlier process ended before it could check it
            start, total = self._judge(response, url, part, start)
            etag = response.headers.get("ETag", "")
            if start == 0:
                _forget(part)
                if etag.startswith('"'):  # a strong one: equal bytes
                    write_atomically(tag, etag)
            try:
                self._check_size(start if total is None else total)
                self._check_room(0 if total is None else total - start)
                with part.open("ab") as file:
                    self._copy(response.raw, file, start, total)
            except (MirrorError, UserError):  # too much came: it is no part of the file, and the disk gets it back
                _forget(part)
                raise
            except urllib3.exceptions.HTTPError as error:
                raise requests.ConnectionError(str(error)) from None
        size = part.stat().st_size
        if total is not None and size != total:
            raise ValueError(f"{size} of {total} bytes came")

    def _judge(self, response: Any, url: str, part: Path, start: int) -> tuple[int, int | None]:
        """Where the answer starts (0, or where the part ends) and how many bytes the whole has, if it says so."""
        if response.status_code == 416:  # it is no part of this file
            _forget(part)
            raise ValueError("the server has no such range")
        if response.status_code in GONE:
            raise MirrorError(f"HTTP status {response.status_code}")
        response.raise_for_status()
        if not self.has_sum and url.startswith("https:") and not response.url.startswith("https:"):
            raise MirrorError(f"redirected to {response.url}, which is not https, and no sum is known")
        if response.status_code == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            _forget(part)
            raise ValueError("the server sent another range than was asked for")
        if response.status_code != 206:
            start = 0
        length = response.headers.get("Content-Length")
        total = None if length is None else start + int(length)
        if total is None and not self.has_sum and not response.raw.chunked:
            raise MirrorError("the server does not say how long the file is, and no sum is known")
        if self.source.bytes is not None and total not in (None, self.source.bytes):
            raise MirrorError(f"the server has {total} bytes, the published file {self.source.bytes}")
        return start, total

    def _copy(self, raw: Any, file: IO[bytes], start: int, total: int | None) -> None:
        import requests
        from tqdm import tqdm

        seconds = 0.5 if sys.stderr.isatty() else 30  # between two lines of a log file
        received, looked, slow_from, slow_bytes = start, start, time.monotonic(), 0
        with tqdm(
            desc=self.source.name, total=total, initial=start, unit="B", unit_scale=True, mininterval=seconds
        ) as progress:
            for block in _blocks(raw):
                file.write(block)
                progress.update(len(block))
                received, slow_bytes = received + len(block), slow_bytes + len(block)
                self._check_size(received)
                if received - looked >= LOOK_AFTER:
                    self._check_room()
                    looked = received
                seconds = time.monotonic() - slow_from
                if seconds >= self.patience.slow_seconds:
                    if slow_bytes < self.patience.slowest * seconds:
                        raise requests.ConnectionError(f"{slow_bytes / seconds:.0f} bytes/s are too slow")
                    slow_from, slow_bytes = time.monotonic(), 0

    def _check_size(self, size: int) -> None:
        """Give up a mirror that sends more than the file has, or could have."""
        if self.source.bytes is not None and size > self.source.bytes:
            raise MirrorError(f"the server sends more than the published {self.source.bytes} bytes")
        if self.source.bytes is None and size > GREATEST_DOWNLOAD:
            raise MirrorError(f"the server sends more than {GREATEST_DOWNLOAD} bytes, too many for this file")

    def _check_room(self, coming: int = 0) -> None:
        """Stop before a file of unknown size fills the disk; `download` has looked at those of a published size."""
        folder = self.target.parent
        free = disk_usage(folder).free
        if self.source.bytes is None and free - coming < KEPT_FREE:
            raise UserError(
                f"{self.source.name} needs more room: {free} bytes are free in {folder}, {coming} are to come, and "
                f"{KEPT_FREE} must stay free; make room there, or set download_dir to a larger disk."
            )

    def _check_form(self, part: Path) -> None:
        """Where no sum will tell: refuse a page of HTML, a cut .gz and a cut .parquet."""
        if self.has_sum:
            return
        with part.open("rb") as file:
            start = file.read(512)
            file.seek(-min(4, part.stat().st_size), 2)
            end = file.read()
        if start.lstrip().lower().startswith((b"<!doctype html", b"<html")):
            raise ValueError("the server sent a page of HTML")
        if self.source.name.endswith(".parquet") and not (start[:4] == end == b"PAR1"):
            raise ValueError("what came is no whole parquet file")
        if self.source.name.endswith((".gz", ".tgz")):
            try:
                with gzip.open(part) as file:
                    while file.read(1 << 20):
                        pass
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise ValueError(f"what came is no whole gzip file ({error})") from None


def _blocks(raw: Any) -> Iterator[bytes]:
    """What has arrived, as it arrives: `read1` does not wait for a full block, so that dripping is noticed."""
    while block := raw.read1(BLOCK):
        yield block


def _tag_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag_path(part).unlink(missing_ok=True)
