"""Collect one artefact's own records into one tidy table, which is all that rendering reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.comparing.comparisons import compare_rows
from entropyreg.comparing.sentence_intervals import sentence_intervals
from entropyreg.comparing.temperature_curves import curves_of_rows
from entropyreg.io.errors import UserError, blaming
from entropyreg.io.files import read_json, read_npz
from entropyreg.io.run_folder import failures
from entropyreg.regularizers.equilibrium import equilibrium

CELL = ("row", "column", "run", "model", "skew", "strength", "smoothing", "baseline", "generator", "wanted_entropy")
CELL += ("trial", "seed")
FOUND_LATER = ("skew", "strength", "smoothing")  # where it depends on the vocabulary or on other runs


def collect(settings: Mapping[str, Any], runs_dir: Path, claims_sha256: str) -> dict[str, Any]:
    """The collected table. `settings` is `entropyreg.config.settings.collecting_settings`; the record of a run is
    `<runs_dir>/<run>/record.json`, and one that is absent is a missing cell.

    Raises `UserError` for a record that belongs to another run or was measured under other claims.
    """
    rows = [collect_cell(settings, cell, runs_dir, claims_sha256) for cell in settings["cells"]]
    kept = ("artefact", "title", "scale", "scale_note", "columns")
    return {
        **{key: settings[key] for key in kept},
        "claims_sha256": claims_sha256,
        "rows": rows,
        "comparisons": compare_rows(settings["compare"], rows, runs_dir) if settings["compare"] else [],
        **(curves_of_rows(rows, runs_dir) if settings.get("curves") else {}),
    }


def collect_cell(
    settings: Mapping[str, Any], cell: Mapping[str, Any], runs_dir: Path, claims_sha256: str
) -> dict[str, Any]:
    """A row of the table: what is declared of the run, and what its record measured."""
    cell = dict.fromkeys(CELL) | cell
    row = {**cell, "task": cell["column"], "status": "missing", "reason": None}
    row |= {"predicted_entropy": None, "predicted_log_floor": None, "measures": None}
    row["reason"] = missing_reason(settings, cell, runs_dir)
    if row["reason"] is not None:
        return row
    record = read_record(settings, cell["run"], runs_dir, claims_sha256)
    if record is None:
        return row | {"reason": "measured under other claims"}
    with blaming(runs_dir / cell["run"] / "record.json"):
        regularizer = record["regularizer"]
        row |= {key: regularizer[key] for key in FOUND_LATER}
        row |= {"status": "done", "measures": record["measures"], **predictions(row, record)}
    if settings.get("sentence_intervals"):
        sentences = read_npz(runs_dir / cell["run"] / "sentences.npz")
        with blaming(runs_dir / cell["run"] / "record.json"):
            row["intervals"] = sentence_intervals(cell["run"], record["measures"], sentences)
    return row


def missing_reason(settings: Mapping[str, Any], cell: Mapping[str, Any], runs_dir: Path) -> str | None:
    """Why a cell has no record; None where it has one."""
    if cell["run"] is None:
        return f"not run at {settings['scale']} scale"
    folder = runs_dir / cell["run"]
    if (folder / "record.json").exists():
        return None
    return failure_of(folder) or "no record yet"


def failure_of(folder: Path) -> str | None:
    """'failed: out of memory': the first line of the error that a run's last failure left; None without one."""
    found = failures(folder)
    return f"failed: {found[0]['error'].strip().partition(chr(10))[0]}" if found else None


def read_record(settings: Mapping[str, Any], run: str, runs_dir: Path, claims_sha256: str) -> dict[str, Any] | None:
    """The record of a run; one that was measured under other claims is refused, or None where partial is wanted."""
    path = runs_dir / run / "record.json"
    record = read_json(path)
    check_record(record, run, path)
    if record["claims_sha256"] == claims_sha256:
        return record
    if settings["partial"]:
        return None
    raise UserError(f"{path} was measured under other claims: delete it and run again.")


def predictions(row: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, float | None]:
    """Normalised entropy and floor at the equilibrium with a one-hot target; None where the theory has none."""
    if row["generator"] not in (None, "entropy") or row["baseline"] not in (None, "uniform"):
        return {}
    size = record["measures"]["valid"]["vocabulary_size"]
    skew = 1.0 if row["skew"] is None else row["skew"]
    return {
        "predicted_entropy": equilibrium(skew, row["strength"], size).normalized_entropy,
        "predicted_log_floor": record["measures"]["valid"]["log_floor"],  # None without a regularizer
    }


def check_record(record: Any, run: str, path: Path) -> None:
    """A record is one, and this run's."""
    if not isinstance(record, dict) or not {"run", "regularizer", "measures", "claims_sha256"} <= set(record):
        raise UserError(f"{path} is not a record: delete it and run again.")
    if record["run"] != run:
        raise UserError(f"{path} belongs to the run '{record['run']}', not to '{run}': delete it and run again.")
