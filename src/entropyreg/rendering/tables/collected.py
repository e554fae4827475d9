"""Reading a collected table: the one file that a table or a figure is drawn from.

A collected table (`results/<scale>/tables/<artefact>.json`) holds one entry a run: which cell it fills (`row`,
`column`), its regularizer and seed, its status, and its measures on the validation and test splits. A table of image
runs may have translation runs too (`translation_runs.parts_of`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json

KEYS = ("artefact", "scale", "scale_note", "columns", "rows")
RUN_KEYS = ("row", "column", "run", "model", "skew", "strength", "smoothing", "baseline", "seed", "status", "measures")
SMOKE = "smoke"
SMOKE_STAMP = "SMOKE: means nothing"


def read_collected(path: str | Path, artefact: str) -> dict[str, Any]:
    """Return the collected table of `artefact`; raises `UserError` naming the file and what is wrong in it."""
    collected = read_json(path)
    for key in KEYS:
        if not isinstance(collected, dict) or key not in collected:
            raise UserError(f"{path} lacks the key '{key}': it is not a collected table; delete it and run again.")
    if collected["artefact"] != artefact:
        raise UserError(f"{path} was collected for '{collected['artefact']}'; allowed here: '{artefact}'.")
    tasks = [column["task"] for column in collected["columns"]]
    for position, run in enumerate(collected["rows"], start=1):
        check_run(run, tasks, f"{path}, entry {position}")
    return collected


def check_run(run: Mapping[str, Any], tasks: Iterable[str], place: str) -> None:
    """Raise `UserError` unless the entry is whole."""
    for key in RUN_KEYS:
        if key not in run:
            raise UserError(f"{place} lacks the key '{key}'; allowed: {', '.join(RUN_KEYS)}, ...")
    if run["column"] not in tasks:
        raise UserError(f"{place}: column is {run['column']!r}; allowed: {', '.join(tasks)}.")
    if run["status"] not in ("done", "missing"):
        raise UserError(f"{place}: status is {run['status']!r}; allowed: done, missing.")
    if run["status"] == "done" and not run["measures"]:
        raise UserError(f"{place} is done but has no measures.")
    if run["status"] == "missing" and not run.get("reason"):
        raise UserError(f"{place} is missing without a reason; allowed: a sentence in 'reason'.")


def is_smoke(collected: Mapping[str, Any]) -> bool:
    """Whether the numbers were made to test the machinery only."""
    return collected["scale"] == SMOKE


def scale_line(collected: Mapping[str, Any]) -> str:
    """The line on every table and figure: scale, seeds, the scale's note ('demo scale, 1 seed: small models ...')."""
    scale, note = collected["scale"], collected["scale_note"].strip()
    line = f"{scale} scale, {seeds_text(collected['rows'])}"
    note = note.removeprefix(f"{scale} scale").lstrip(":;, ")
    if is_smoke(collected):
        return f"{SMOKE_STAMP} ({line}; {note})"
    return f"{line}: {note}" if note else line


def seeds_text(runs: Iterable[Mapping[str, Any]]) -> str:
    """'1 seed', '3 seeds', '1 to 3 seeds', counted over the finished runs of each arm."""
    arms: dict[tuple, set] = {}
    for run in runs:
        if run["status"] == "done":
            arm = tuple(run[key] for key in ("column", "model", "skew", "strength", "baseline"))
            arms.setdefault(arm, set()).add(run["seed"])
    counts = sorted({len(seeds) for seeds in arms.values()})
    if not counts:
        return "no finished run"
    last = f"{counts[-1]} seed{'s' if counts[-1] > 1 else ''}"
    return last if len(counts) == 1 else f"{counts[0]} to {last}"


def short_reason(reason: str) -> str:
    """The kind of a reason, for counting: what stands before a colon ('failed: loss is NaN' -> 'failed')."""
    return reason.split(":", 1)[0].strip()


def missing_text(runs: Iterable[Mapping[str, Any]], name: str = "run") -> str:
    """'2 of 12 runs missing (failed: 1, not run at demo scale: 1)', or '' if none is."""
    runs = list(runs)
    reasons = Counter(short_reason(run["reason"]) for run in runs if run["status"] == "missing")
    if not reasons:
        return ""
    kinds = ", ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items()))
    return f"{reasons.total()} of {len(runs)} {name}{'s' if len(runs) > 1 else ''} missing ({kinds})"
