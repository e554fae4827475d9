"""Downloads the files of `sources.yaml`: mirrors in order, retries, resume, and a check before a file gets its name.

pooch does what every downloader must (a temporary file beside the final one, its checksum, the renaming, the retries
with growing pauses); `receiver` adds what its own downloader lacks: resuming, and giving up on a stalled or dripping
server. Only a whole and checked file ever gets its name.
"""

import errno
import logging
import os
import tempfile
from pathlib import Path
from shutil import disk_usage

from filelock import FileLock

from entropyreg.data.receiver import MirrorError, Patience, Receiver
from entropyreg.data.sources import Folder, Located, Source, local_path, locate, pin_of, source_of
from entropyreg.io.errors import UserError

log = logging.getLogger("entropyreg.download")


def fetch(
    name: str,
    data_dir: Folder,
    download_dir: str | Path,
    *,
    offline: bool = False,
    patience: Patience | None = None,
) -> Located:
    """Return a checked file: the user's own in `data_dir`, else the one in `download_dir`, downloaded if need be.

    A file of the user's that is not the published one is a `UserError`; one in `download_dir` is downloaded anew.
    `offline`: nothing is downloaded, what is missing is a `UserError` that says where to put it.
    """
    source, target = source_of(name), Path(download_dir) / name
    if local_path(name, data_dir) or (data_dir is not None and not Path(data_dir).is_dir()):
        return locate(name, data_dir, download_dir)
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f".{target.name}.lock")):  # two runs wait for one download
        if target.is_file():
            try:
                return locate(name, None, download_dir)
            except UserError as error:
                if offline or not source.mirrors:
                    raise
                log.warning("%s", error)
        if offline or not source.mirrors:
            why = "offline is true" if offline else "it has no public address"
            raise UserError(
                f"{name} is missing and cannot be downloaded ({why}): put it under data_dir as {name}, or at {target}. "
                f"{source.note}"
            )
        _from_mirrors(source, target, Path(download_dir), patience or Patience())
        return locate(name, None, download_dir)


def _from_mirrors(source: Source, target: Path, download_dir: Path, patience: Patience) -> None:
    import pooch
    import requests

    free = disk_usage(target.parent).free
    if source.bytes and source.bytes > free:
        raise UserError(f"{source.name} has {source.bytes} bytes, but only {free} are free in {target.parent}.")
    expected = _expected(source, download_dir)
    failures = []
    for url in source.mirrors:
        store = pooch.create(
            path=download_dir,
            base_url="",
            registry={source.name: expected},
            urls={source.name: url},
            retry_if_failed=patience.attempts - 1,
        )
        try:
            target.unlink(missing_ok=True)  # a damaged one; pooch would keep a file that it has no sum for
            store.fetch(source.name, downloader=Receiver(source, target, expected is not None, patience))
            target.chmod(0o644)  # temporary files are 0600, which would lock out the rest of a group on a cluster
            return
        except (MirrorError, ValueError, requests.RequestException) as error:
            failures.append(f"{url}: {' '.join(str(error).split())}")
            log.warning("%s", failures[-1])
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise UserError(f"The disk is full: {source.name} has no room in {target.parent}.") from None
            raise
    raise UserError(
        f"{source.name} could not be downloaded ({'; '.join(failures)}): run again, or get it elsewhere and put it "
        f"under data_dir as {source.name}."
    )


def _expected(source: Source, download_dir: Path) -> str | None:
    """What pooch compares a download with, as 'sha256:...'."""
    known = {"sha256": source.sha256 or pin_of(source, download_dir), "md5": source.md5}
    return next((f"{kind}:{value}" for kind, value in known.items() if value), None)


def link(path: Path, link_path: str | Path) -> None:
    """Make a relative symbolic link to a file, at once, in place of whatever was there."""
    link_path = Path(link_path)
    link_path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=link_path.parent, prefix=f".{link_path.name}.") as folder:
        temporary = Path(folder) / "link"
        temporary.symlink_to(os.path.relpath(Path(path).resolve(), link_path.parent.resolve()))
        temporary.replace(link_path)
