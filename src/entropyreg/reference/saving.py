"""Makes a scale's finished results its reference: tables, records with their sums over blocks, ledger and figures.

The only fact kept of the machine is the type of its processor, which decides whether retrained numbers must agree to
the bit.
"""

import shutil
from pathlib import Path

from entropyreg.forecast.machine import this_machine
from entropyreg.io.errors import UserError
from entropyreg.io.files import atomic_path, write_json
from entropyreg.measuring.blocks import FILE as BLOCKS
from entropyreg.measuring.record_files import FILES, record_folders
from entropyreg.provenance.adoption import ASIDE
from entropyreg.reference.folders import Reference


def save_reference(results: Path, figures: Path, reference: Reference) -> int:
    """Copy from the scale's folders; return the number of files. An older reference is replaced.

    Raises `UserError` if a figure, table or record of the scale is missing.
    """
    if not sorted(results.glob("tables/*.json")) or not record_folders(results / "runs"):
        raise UserError(f"{results} has no finished results: run Snakemake first.")
    for folder in reference:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for path in sorted(results.glob("tables/*.json")):
        copy(path, reference.results / "tables" / path.name)
    for folder in record_folders(results / "runs"):
        for own in filter(Path.exists, (folder / name for name in (*FILES, BLOCKS))):
            copy(own, reference.results / "runs" / own.relative_to(results / "runs"))
    if (results / "ledger.json").exists():
        copy(results / "ledger.json", reference.results / "ledger.json")
    for path in sorted(figures.iterdir()):
        if path.is_file() and path.name != "report.html" and path.suffix != ASIDE:  # the report repeats all of this
            copy(path, reference.figures / path.name)
    write_json(reference.results / "machine.json", {"processor": this_machine()["processor"]})
    return reference.write_sums()


def copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
