"""Collect one artefact's own records into one tidy table, which is all that rendering reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.errors import UserError
from entropyreg.files import read_json
from entropyreg.regularizers.equilibrium import equilibrium


def collect(settings: Mapping[str, Any], record_paths: Mapping[str, Path], claims_sha256: str) -> dict[str, Any]:
    """The collected table. `settings` is `entropyreg.settings.collecting_settings`; `record_paths` maps a run's id to its record; a record that is absent is a missing cell.

    Raises `UserError` for a record that belongs to another run or was measured under other claims.
    """
    rows = []
    for cell in settings["cells"]:
        row = {**cell, "task": cell["column"], "status": "missing", "reason": None, "predicted_entropy": None, "measures": None}
        if cell["run"] is None:
            row["reason"] = f"not run at {settings['scale']} scale"
        elif not record_paths[cell["run"]].exists():
            row["reason"] = "no record yet"
        else:
            record = read_json(record_paths[cell["run"]])
            check_record(record, cell["run"], record_paths[cell["run"]])
            if record["claims_sha256"] == claims_sha256:
                row |= {"status": "done", "measures": record["measures"]}
                row["predicted_entropy"] = predicted_entropy(cell, record)
            elif settings["partial"]:
                row["reason"] = "measured under other claims"
            else:
                raise UserError(f"{record_paths[cell['run']]} was measured under other claims: delete it and run again.")
        rows.append(row)
    kept = ("artefact", "title", "scale", "scale_note", "columns")
    return {**{key: settings[key] for key in kept}, "claims_sha256": claims_sha256, "rows": rows}


def predicted_entropy(cell: Mapping[str, Any], record: Mapping[str, Any]) -> float | None:
    """Normalised entropy at the equilibrium with a one-hot target; only for the uniform baseline."""
    if cell["baseline"] not in (None, "uniform"):
        return None
    size = record["measures"]["valid"]["vocabulary_size"]
    skew = 1.0 if cell["skew"] is None else cell["skew"]
    return equilibrium(skew, cell["strength"], size).normalized_entropy


def check_record(record: Any, run: str, path: Path) -> None:
    """A record is one, and this run's."""
    if not isinstance(record, dict) or not {"run", "measures", "claims_sha256"} <= set(record):
        raise UserError(f"{path} is not a record: delete it and run again.")
    if record["run"] != run:
        raise UserError(f"{path} belongs to the run '{record['run']}', not to '{run}': delete it and run again.")
