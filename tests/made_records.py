"""Writes made-up records as measuring does, with what every record has and a test does not care about."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.measuring.record_files import write_record

BEAMS = {split: {"beam": 5} for split in ("valid", "test")}


def save_record(folder: Path, record: Mapping[str, Any]) -> None:
    """The files of a record in a run's folder. Of a text run without a seed it is that of its name, or 1."""
    known: dict[str, Any] = {"claims_sha256": "c", "decoding": BEAMS, "measures": {}}
    if "seeds" not in record:
        number = record["run"].rpartition("/seed")[2]
        known["seed"] = int(number) if number.isdigit() else 1
    write_record(folder, known | record)
