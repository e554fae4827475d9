"""Lists the adopted runs of a scale with where their records lie, what made them, and on which type of processor."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json, write_json
from entropyreg.provenance.committed import FILE, NOTHING, Jobs, check_files, committed_origins
from entropyreg.provenance.origins import Origin

PROVENANCE = "provenance.json"


def list_adopted(settings: Mapping[str, Any], reference: Path, out: Path) -> None:
    """Write `adopted.json`: of each run in `settings` folder, commit, processor, and digests of the code that made it.

    Raises `UserError` for a committed record that is missing or was edited.
    """
    jobs = Jobs(committed_origins(reference), NOTHING)
    write_json(out, {"runs": {run: about(jobs, run, reference, out.parent) for run in settings["runs"]}})


def about(jobs: Jobs, run: str, reference: Path, results: Path) -> dict[str, Any]:
    """An entry of `adopted.json`; the folder is relative to the results."""
    measured, folder = jobs.of_run(run), reference / "runs" / run
    if measured is None:
        raise UserError(f"{folder / FILE} does not tell what made the record of run '{run}'.")
    check_files(reference, measured)
    own = jobs.own(run)
    known = read_json(folder / PROVENANCE) if (folder / PROVENANCE).is_file() else {}
    return {
        "folder": Path(os.path.relpath(folder, results)).as_posix(),
        "commit": known.get("commit"),
        "processor": processor_of(own),
        "code": {one.stage: one.code for one in own},
    }


def processor_of(origins: Iterable[Origin]) -> str | None:
    """The type of processor that trained a run; None if that was not noted."""
    return next((one.processor for one in origins if one.stage.startswith("train")), None)
