"""Collects the records of one artefact into one tidy table, which is all that rendering reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.comparing.comparisons import compare_rows
from entropyreg.comparing.sentence_intervals import sentence_intervals
from entropyreg.comparing.temperature_curves import curves_of_rows
from entropyreg.io.errors import UserError, blaming
from entropyreg.io.run_folder import failures
from entropyreg.measuring import record_files as files
from entropyreg.measuring.blocks import read_blocks
from entropyreg.measuring.record_files import ABOUT
from entropyreg.measuring.rows import FILE as MEASURES
from entropyreg.regularizers.registry import equilibrium_of

CELL = ("row", "column", "run", "model", "skew", "strength", "smoothing", "baseline", "generator", "wanted_entropy")
CELL += ("trial", "seed")
FOUND_LATER = ("skew", "strength", "smoothing")  # where the regularizer depends on the vocabulary or on other runs


def collect(settings: Mapping[str, Any], runs_dir: Path) -> dict[str, Any]:
    """The collected table. `settings` is `entropyreg.config.settings.collecting_settings`; the record of a run is
    in `<runs_dir>/<run>/`, and one that is absent is a missing cell.

    Raises `UserError` for a record that belongs to another run.
    """
    rows = [collect_cell(settings, cell, runs_dir) for cell in settings["cells"]]
    kept = ("artefact", "title", "scale", "scale_note", "columns")
    return {
        **{key: settings[key] for key in kept},
        "rows": rows,
        "comparisons": compare_rows(settings["compare"], rows, runs_dir) if settings["compare"] else [],
        **(curves_of_rows(rows, runs_dir) if settings.get("curves") else {}),
    }


def collect_cell(settings: Mapping[str, Any], cell: Mapping[str, Any], runs_dir: Path) -> dict[str, Any]:
    """A row of the table: the run's declaration, and the measures of its record."""
    cell = dict.fromkeys(CELL) | cell
    row = {**cell, "task": cell["column"], "status": "missing", "reason": None}
    row |= {"predicted_entropy": None, "predicted_log_floor": None, "measures": None}
    row["reason"] = missing_reason(settings, cell, runs_dir)
    if row["reason"] is not None:
        return row
    record = read_record(cell["run"], runs_dir)
    with blaming(runs_dir / cell["run"] / MEASURES):
        regularizer = record["regularizer"]
        row |= {key: regularizer[key] for key in FOUND_LATER}
        row |= {"status": "done", "measures": record["measures"], **predictions(row, record)}
    if settings.get("sentence_intervals"):
        blocks = read_blocks(runs_dir, cell["run"])
        with blaming(runs_dir / cell["run"] / MEASURES):
            row["intervals"] = sentence_intervals(cell["run"], record["measures"], blocks)
    return row


def missing_reason(settings: Mapping[str, Any], cell: Mapping[str, Any], runs_dir: Path) -> str | None:
    """The reason why a cell has no record; None if it has one."""
    if cell["run"] is None:
        return f"not run at {settings['scale']} scale"
    folder = runs_dir / cell["run"]
    if (folder / ABOUT).exists():
        return None
    return failure_of(folder) or "no record yet"


def failure_of(folder: Path) -> str | None:
    """'failed: out of memory': the first line of the error that a run's last failure left; None without one."""
    found = failures(folder)
    return f"failed: {found[0]['error'].strip().partition(chr(10))[0]}" if found else None


def read_record(run: str, runs_dir: Path) -> dict[str, Any]:
    """The record of a run; raises `UserError` for that of another one."""
    record = files.read_record(runs_dir / run)
    if record["run"] != run:
        path = runs_dir / run / ABOUT
        raise UserError(f"{path} belongs to the run '{record['run']}', not to '{run}': delete it and run again.")
    return record


def predictions(row: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, float | None]:
    """Normalised entropy and floor at the equilibrium with a one-hot target; None where the theory has none."""
    known = equilibrium_of(row, record["measures"]["valid"]["vocabulary_size"])
    if known is None:
        return {}
    return {
        "predicted_entropy": known.normalized_entropy,
        "predicted_log_floor": record["measures"]["valid"]["log_floor"],  # None without a regularizer
    }
