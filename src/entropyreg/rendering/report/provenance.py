"""Summarises how the runs of a scale were made: each distinct fact with the number of runs that have it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from entropyreg.io.errors import blaming
from entropyreg.io.files import read_json
from entropyreg.provenance.run_folders import RunFolders

# facts of one run alone; seconds are summed
LEFT_OUT = {"seconds", "finished", "resumed_from_update", "resumed_from_epoch", "images_per_second"}


def provenance_lines(runs_dir: Path | RunFolders, runs: Iterable[str]) -> list[dict[str, Any]]:
    """Lines {fact, value, runs}: 'training.torch' is '2.13.0' in 17 runs; the seconds of training are summed."""
    found: Counter[tuple[str, str]] = Counter()
    seconds, timed = 0.0, 0
    for run in runs:
        path = runs_dir / run / "provenance.json"
        if not path.exists():
            continue
        with blaming(path):
            provenance = read_json(path)
            found.update(facts(provenance))
            own = provenance.get("training", {}).get("seconds")
            if own is not None:
                seconds, timed = seconds + own, timed + 1
    lines = [{"fact": fact, "value": value, "runs": count} for (fact, value), count in sorted(found.items())]
    if timed:
        lines.append({"fact": "training.seconds, summed", "value": f"{seconds:,.0f}", "runs": timed})
    return lines


def facts(provenance: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """(path, value as text) of every fact."""
    found = []
    for name, value in provenance.items():
        if name in LEFT_OUT:
            continue
        if isinstance(value, Mapping):
            found += facts(value, f"{prefix}{name}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            found.append((f"{prefix}{name}", text))
    return found
