"""`entropyreg status`: shows block by block which runs are done, running, failed or missing, and the errors.

The last attempt counts: a run that has a record and failed since is not simply done.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from entropyreg.config.loading import load_config
from entropyreg.config.paths import Paths
from entropyreg.experiments import load_experiments
from entropyreg.forecast.blocks import Block, declared_blocks
from entropyreg.forecast.state import run_state
from entropyreg.io.run_folder import failures, is_locked, killed, killed_stages, place_of
from entropyreg.io.text_table import aligned
from entropyreg.provenance.run_folders import RunFolders

STATES = {  # states in the order of the columns
    "done": "has a record",
    "adopted": "has a committed record, which stands in for it",
    "failed since": "done before: has a record, but the last attempt at making it anew failed",
    "running": "is being trained",
    "trained": "has a model, no record yet",
    "failed": "stopped with an error",
    "interrupted": "has checkpoints; nobody trains it: the same command goes on with it",
    "missing": "not started",
}


@dataclass(frozen=True)
class Known:
    """A run's state, its training's seconds where known, its failures, and whether its training is still to do."""

    run: str
    state: str
    seconds: float | None
    errors: tuple[str, ...]
    training_left: bool


def look_at(run: str, paths: Paths) -> Known:
    """Read the state of a run from its folder, without starting or changing anything."""
    folder, found = Path(paths.run_dir(run)), run_state(run, paths)
    failed = failures(folder)
    errors = [told(failure, paths.log(f"{failure['stage']}/{run}")) for failure in failed]
    state = "interrupted" if found.started else found.state
    if is_locked(folder):
        state, errors = "running", []
    else:
        errors += filter(None, [killed(folder), *killed_stages(folder)])
        if errors and found.state == "done":
            state = "failed since"
        elif failed:
            state = "failed"
    training_failed = any(place_of(failure["stage"]) == 0 for failure in failed)
    left = state in ("missing", "interrupted", "running") or found.state == "missing" or training_failed
    return Known(run, state, found.training_seconds, tuple(errors), left)


def told(failure: Mapping[str, str], log: str) -> str:
    """'train, 2026-11-22T07:00:00+00:00: it diverged (log: ...)'."""
    place = f" (log: {log})" if Path(log).exists() else ""
    return f"{failure['stage'].replace('.', ' ')}, {failure['time']}: {failure['error']}{place}"


def seconds_left(known: Sequence[Known]) -> tuple[float, int]:
    """Seconds of training left, one job at a time, and the number of runs whose duration cannot be estimated.

    A run takes the median of the finished ones of its task and model, else of its model.
    """
    lengths: dict[tuple[str, ...], list[float]] = {}
    for one in known:
        if one.seconds is not None and not one.training_left:
            for key in keys_of(one.run):
                lengths.setdefault(key, []).append(one.seconds)
    left, unknown = 0.0, 0
    for one in known:
        if one.training_left:
            found = next((lengths[key] for key in keys_of(one.run) if key in lengths), None)
            left, unknown = (left + median(found), unknown) if found else (left, unknown + 1)
    return left, unknown


def keys_of(run: str) -> list[tuple[str, ...]]:
    task, model = run.split("/")[:2]
    return [(task, model), (model,)]


def status_text(blocks: Sequence[Block], known: Mapping[str, Known]) -> str:
    """The table of blocks, the time left, and the errors."""
    used = [state for state in STATES if any(one.state == state for one in known.values())]
    lines = [["block", "runs", "shared", *used]]
    for block in blocks:
        own = [known[run].state for run in block.runs]
        lines.append([block.name, str(len(own)), str(block.shared), *(str(own.count(state)) for state in used)])
    states = [one.state for one in known.values()]
    lines.append(["all", str(len(states)), "", *(str(states.count(state)) for state in used)])
    text = aligned(lines)
    told = {"shared": "declared by an earlier block too, and counted there", **{state: STATES[state] for state in used}}
    text += ["", *(f"{name}: {meaning}" for name, meaning in told.items()), "", left_text(list(known.values()))]
    for one in known.values():
        before = "done before, failed since: " if one.state == "failed since" else ""
        text += ["", one.run, *(f"  {before}{error}" for error in one.errors)] if one.errors else []
    return "\n".join(text) + "\n"


def left_text(known: Sequence[Known]) -> str:
    left, unknown = seconds_left(known)
    trainings = sum(one.training_left for one in known)
    if not trainings:
        return "No training is left."
    if unknown == trainings:
        return f"Training left: {trainings} runs; none like them has ended, so nothing tells how long they take."
    told = f"Training left, one job at a time: {duration(left)}, by the runs that have ended"
    return told + (f"; of {unknown} runs nothing tells how long they take." if unknown else ".")


def duration(seconds: float) -> str:
    """'45 s', '12 min', '3.4 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def status(workflow_dir: Path, overrides: Mapping[str, str]) -> str:
    """The text that `entropyreg status` prints."""
    config = load_config(workflow_dir, dict(overrides))
    experiments = load_experiments(workflow_dir, config)
    paths = Paths.of(config)
    adopted = RunFolders.in_results(Path(paths.results))
    known = {run: look_at(run, paths) for run in [*experiments.runs, *experiments.image_runs]}
    for run in known.keys() & adopted.adopted.keys():
        if known[run].state == "done":
            known[run] = replace(known[run], state="adopted")
    text = status_text(declared_blocks(workflow_dir, config["scale"], experiments), known)
    sources = Counter(adopted.source(run) for run in known if known[run].state == "adopted")
    return text + "".join(
        f"\nAdopted from {source}: {count} of {len(known)} runs.\n" for source, count in sources.items()
    )
