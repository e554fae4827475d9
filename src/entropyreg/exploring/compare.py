"""`entropyreg compare RUN RUN`: shows two runs' measures side by side, with paired bootstrap intervals where possible.

Pairs are blocks of sentences (or images) of one split, of one training each: an interval is about these two models, not
about other seeds of their runs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.comparing.contrasts import contrast, stacked
from entropyreg.comparing.scores import scored
from entropyreg.io.errors import UserError
from entropyreg.io.text_table import aligned
from entropyreg.measures.rouge import TYPES
from entropyreg.measuring.blocks import FILE, read_blocks
from entropyreg.measuring.record_files import ABOUT, read_about
from entropyreg.measuring.tidy_records import DECLARED, lines_of, short_number
from entropyreg.provenance.run_folders import RunFolders

MEASURES = ("bleu", "bleu_as_published", *TYPES, "nll", "accuracy", "confidence", "ece", "debiased_ece")


def compare_runs(results: Path, first: str, second: str) -> str:
    """A table: measure, first, second, difference (second minus first) and its 95 % interval.

    `results` is the scale's folder; a run is its id, as under `<results>/runs/`. Raises `UserError` for a run without
    a record, and for two of different tasks.
    """
    runs = RunFolders.in_results(results)
    found = [lines_of(record_folder(runs, run)) for run in (first, second)]
    tasks = [own[0]["task"] if own else None for own in found]
    if tasks[0] != tasks[1]:
        raise UserError(f"the runs are of different tasks, '{tasks[0]}' and '{tasks[1]}': nothing can be paired.")
    lines = [{(line["seed"], line["split"]): line for line in own} for own in found]
    text = [f"{place} {run}{told(runs, run)}" for place, run in (("first: ", first), ("second:", second))]
    for own, other in pairs(*lines):
        text += ["", heading(own, other), *table(results, (first, second), own, other)]
    if len(text) == 2:
        raise UserError("the two runs have no seed or split in common that could be compared.")
    return "\n".join(text) + "\n"


def told(runs: RunFolders, run: str) -> str:
    return f" (adopted from {source})" if (source := runs.source(run)) else ""


def record_folder(runs: RunFolders, run: str) -> Path:
    if not (runs / run / ABOUT).exists():
        known = ", ".join(runs.recorded()) or "none: run Snakemake first"
        raise UserError(f"run '{run}' has no record; allowed: {known}.")
    return runs / run


def pairs(first: Mapping, second: Mapping) -> list[tuple[Mapping, Mapping]]:
    """Lines of one split: of equal seeds where there are any (images), else of the one seed that each run has."""
    common = [key for key in first if key in second]
    if common:
        return [(first[key], second[key]) for key in common]
    by_split = {split: line for (_, split), line in second.items()}
    return [(line, by_split[split]) for (_, split), line in first.items() if split in by_split]


def heading(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    seeds = dict.fromkeys([first["seed"], second["seed"]])
    return f"{first['split']}, seed {' and '.join(map(str, seeds))}"


def table(results: Path, runs: tuple[str, str], first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """One line a measure that is a number in either run."""
    known = intervals(results, runs, (first["seed"], second["seed"]), first["split"])
    rows = [("measure", "first", "second", "difference", "95 % interval")]
    for name in dict.fromkeys([*first, *second]):
        values = first.get(name), second.get(name)
        if name in DECLARED or any(isinstance(value, str) for value in values) or values == (None, None):
            continue
        difference = None if None in values else values[1] - values[0]
        low, high = known.get(name, (None, None))
        interval = "" if low is None else f"[{low:+.4g}, {high:+.4g}]"
        shown = "" if difference is None else f"{difference:+.4g}"
        rows.append((name, *map(short_number, values), shown, interval))
    return aligned(rows)


def intervals(results: Path, runs: tuple[str, str], seeds: tuple[int, int], split: str) -> dict[str, Any]:
    """95 % intervals of second minus first over blocks of sentences or images; seeded by the measure's name."""
    folder = RunFolders.in_results(results)
    if not all((folder / run / FILE).exists() for run in runs):
        return {}
    arrays, found = [read_blocks(folder, run) for run in runs], {}
    for name in MEASURES:
        arms = [scored(one, split, name) for one in arrays]
        if None in arms:
            continue
        if arms[0].sums.ndim == 3:  # of images: every seed of the run
            records = [read_about(folder / run) for run in runs]
            places = [record["seeds"].index(seed) for record, seed in zip(records, seeds, strict=True)]
            arms = [arm._replace(sums=arm.sums[place]) for arm, place in zip(arms, places, strict=True)]
        first, second = map(stacked, ([arm] for arm in arms))
        result = contrast([(1.0, second), (-1.0, first)], name).resampled
        found[name] = float(result.low), float(result.high)
    return found
