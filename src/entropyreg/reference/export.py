"""Puts a scale's trained models and predictions into one archive with the checksums of its files."""

import io
import tarfile
from pathlib import Path

from entropyreg.io.errors import UserError
from entropyreg.io.files import atomic_path, sha256_of
from entropyreg.measuring.blocks import FILE as BLOCKS
from entropyreg.measuring.record_files import FILES, record_folders

KEPT = ("model.pt", "training.json", *FILES, "provenance.json", BLOCKS)


def export(results: Path, out: Path) -> int:
    """Write `out` (.tar): models, predictions and records of every finished run; return the number of files.

    Checkpoints are left out: they serve only to resume. Members have no owner and no time, so that equal files make an
    equal archive; `SHA256SUMS` is its first member. Raises `UserError` without a finished run, or another ending.
    """
    if out.suffix != ".tar":
        raise UserError(f"--out is '{out}'; allowed: a name that ends in .tar (weights do not compress).")
    runs = record_folders(results / "runs")
    if not runs:
        raise UserError(f"{results} has no finished run: run Snakemake first.")
    paths = [path for run in runs for path in files_of(run)]
    names = {path: f"{results.name}/{path.relative_to(results)}" for path in paths}
    sums = "".join(f"{sha256_of(path)}  {names[path]}\n" for path in paths).encode()
    with atomic_path(out) as temporary, tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member(f"{results.name}/SHA256SUMS", len(sums)), io.BytesIO(sums))
        for path in paths:
            with path.open("rb") as file:
                archive.addfile(member(names[path], path.stat().st_size), file)
    return len(paths)


def files_of(run: Path) -> list[Path]:
    """The exported files of a run, in a fixed order."""
    own = [run / name for name in KEPT if (run / name).is_file()]
    return own + sorted(path for path in (run / "predictions").glob("**/*") if path.is_file())


def member(name: str, size: int) -> tarfile.TarInfo:
    information = tarfile.TarInfo(name)
    information.size, information.mode = size, 0o644
    return information
