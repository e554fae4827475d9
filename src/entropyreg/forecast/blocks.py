"""Finds the runs that each block, search or match declares, and the runs that a run waits for.

A run that several blocks declare is one run: it is counted in the first, in the order of the files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from entropyreg.experiments import Experiments
from entropyreg.experiments.expansion import LISTS, members_of
from entropyreg.experiments.images import image_block_runs
from entropyreg.io.schemas import read_yaml


@dataclass(frozen=True)
class Block:
    """Ids of the runs that are first declared here, and how many more are declared again."""

    name: str
    kind: str  # block, search, match, image block
    runs: tuple[str, ...]
    shared: int


def declared_blocks(workflow_dir: Path, scale: str, experiments: Experiments) -> list[Block]:
    """Every block of the scale: those of text, then those of images."""
    papers = [read_yaml(path) for path in sorted((workflow_dir / "experiments").glob("paper_*.yaml"))]
    seen: set[str] = set()
    blocks = []
    for key, kind in [*LISTS.items(), ("image_blocks", "image block")]:
        for one in (one for paper in papers for one in paper.get(key, ()) if one["scale"] == scale):
            declared = list(dict.fromkeys(run_ids(key, one, experiments)))
            first = tuple(run for run in declared if run not in seen)
            seen.update(first)
            blocks.append(Block(one["name"], kind, first, len(declared) - len(first)))
    return blocks


def run_ids(key: str, one: Mapping[str, Any], experiments: Experiments) -> list[str]:
    """Ids of the runs that one block declares."""
    if key == "image_blocks":
        return [run.id for run, _ in image_block_runs(one, one["name"], experiments.kinds)]
    return [run.id for run, _, _ in members_of(key, one, one["name"], experiments.runs, experiments.kinds)[0]]


def needs_of(experiments: Experiments) -> dict[str, tuple[str, ...]]:
    """For every run, the runs that must be measured (or, for images, predicted) before it can start."""
    needs = {
        run.id: experiments.proposals[run.regularizer.proposal].run_ids if run.regularizer.proposal else ()
        for run in experiments.runs.values()
    }
    return needs | {run.id: run.needed_runs for run in experiments.image_runs.values()}


def longest_chain(needs: Mapping[str, tuple[str, ...]], hours: Mapping[str, float]) -> tuple[float, list[str]]:
    """Hours of the longest chain of runs that wait for one another, and its runs from the first to the last.

    It is the least time of a scale, however many devices there are. needs: a graph without cycles.
    """
    best: dict[str, tuple[float, str | None]] = {}  # hours at which a run has ended, started as early as can be
    for run in TopologicalSorter(needs).static_order():
        before = max(((best[one][0], one) for one in needs[run]), default=(0.0, None))
        best[run] = (before[0] + hours[run], before[1])
    if not needs:
        return 0.0, []
    last: str | None = max(sorted(needs), key=lambda run: best[run][0])
    total, chain = best[last][0], []
    while last is not None:
        chain.append(last)
        last = best[last][1]
    return total, chain[::-1]
