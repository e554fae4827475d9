"""Reads the state of a scale from disk: runs that are done, trained or missing, and how long finished jobs took.

Seconds are those of Snakemake's benchmark files, `<results>/benchmarks/{train,predict}/<run>[/<split>].tsv`: wall clock
and CPU time of the last job that made an output. Of a training that was resumed, as its provenance tells
(`resumed_from_update` of text, `resumed_from_epoch` of images), that is the last part alone, and a job that was killed
leaves no file: its seconds are not known. Whether the files on disk are still current is decided by Snakemake
(`snakemake --dry-run`).
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from entropyreg.config.paths import Paths
from entropyreg.io.errors import UserError, blaming
from entropyreg.io.files import read_json
from entropyreg.provenance.run_folders import ABOUT, RunFolders


@dataclass(frozen=True)
class RunState:
    """state: done (measured), trained, or missing. Seconds are None unless benchmarks cover all of them."""

    state: str
    training_seconds: float | None
    predicting_seconds: float | None
    cpu_seconds: float
    started: bool  # a training that may be resumed
    resumed: bool = False  # a training that ended and was resumed: neither its wall-clock nor its CPU seconds are known


def run_state(run: str, paths: Paths) -> RunState:
    """The state of a run, from its folder and its benchmarks."""
    folder = Path(paths.run_dir(run))
    if (RunFolders.in_results(Path(paths.results)) / run / ABOUT).is_file():  # an adopted run is not to do either
        state = "done"
    else:
        state = "trained" if (folder / "training.json").is_file() and (folder / "model.pt").is_file() else "missing"
    resumed = state != "missing" and was_resumed(folder)
    trained = None if resumed else seconds_of([Path(paths.benchmark(f"train/{run}"))])
    single = Path(paths.benchmark(f"predict/{run}"))  # the file of images; text has a folder of this name
    predicted = seconds_of([single, *sorted(single.with_suffix("").glob("*.tsv"))])
    started = state == "missing" and (folder / "checkpoints").is_dir()
    cpu = sum(known[1] for known in (trained, predicted) if known)
    seconds = (trained[0] if trained else None, predicted[0] if predicted else None)
    return RunState(state, *seconds, cpu, started, resumed)


def was_resumed(folder: Path) -> bool:
    """Whether the job that ended a training had resumed from a checkpoint; False without provenance."""
    path = folder / "training.provenance.json"
    with blaming(path):
        known = read_json(path) if path.is_file() else {}
        return any(known.get(f"resumed_from_{unit}") for unit in ("update", "epoch"))


def seconds_of(paths: Iterable[Path]) -> tuple[float, float] | None:
    """Wall-clock and CPU seconds of benchmark files together; None if there is none."""
    known = [benchmark(path) for path in paths if path.is_file()]
    return (sum(one[0] for one in known), sum(one[1] for one in known)) if known else None


def benchmark(path: Path) -> tuple[float, float]:
    """Seconds and CPU seconds of a benchmark file (of its last row); a damaged one is a `UserError`."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            row = list(csv.DictReader(file, delimiter="\t"))[-1]
        seconds = float(row["s"])
        try:
            return seconds, float(row["cpu_time"])
        except ValueError:  # Snakemake writes NA for a job that ended before its first measurement
            return seconds, seconds
    except (OSError, IndexError, KeyError, TypeError, ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a benchmark of Snakemake ({error!r}): delete it.") from None
