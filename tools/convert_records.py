"""Converts each `record.json` of older code into `run.json`, `measures.csv` and `projection.json`.

    python tools/convert_records.py results/reference/demo

Nothing is measured anew and no digit changes. Sums beside the runs (`SHA256SUMS`) are written again. Runs of a scale
that Snakemake makes need no conversion: it measures them again from their predictions, without training.
"""

import sys
from pathlib import Path

from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json
from entropyreg.measuring.record_files import read_record, write_record
from entropyreg.reference.folders import SUMS, Reference

ROOT = Path(__file__).parents[1]


def convert(folder: Path) -> int:
    """Convert every record under a folder, a scale of the reference; return their number."""
    paths = sorted(folder.glob("runs/**/record.json"))
    for path in paths:
        record = read_json(path)
        write_record(path.parent, record)
        if read_record(path.parent) != record:
            raise UserError(f"{path} does not come back from its rows: it is kept.")
        path.unlink()
    if (folder / SUMS).is_file():
        Reference.of(folder.name, ROOT).write_sums()
    return len(paths)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{convert(Path(name))} records converted in {name}")
