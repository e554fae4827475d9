"""The parts of an expanded scale: runs, the artefacts that show them, and the proposals that some wait for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from entropyreg.experiments.images import ImageRun
from entropyreg.experiments.regularizer import Regularizer
from entropyreg.regularizers.registry import Kind, built_in


@dataclass(frozen=True)
class Run:
    """One training. `test`: its test set is decoded too. `beam_sizes`: validation is decoded with several beams,
    `temperatures`: at several temperatures, `test_temperatures`: test too (a block has both `temperatures` and `test`).
    """

    task: str
    model: str
    regularizer: Regularizer
    seed: int
    test: bool = False
    beam_sizes: bool = False
    temperatures: bool = False
    test_temperatures: bool = False

    @property
    def id(self) -> str:
        return f"{self.task}/{self.model}/{self.regularizer.label}/seed{self.seed}"

    @property
    def splits(self) -> tuple[str, ...]:
        return ("valid", "test") if self.test else ("valid",)

    @property
    def temperature_splits(self) -> tuple[str, ...]:
        return ("valid",) * self.temperatures + ("test",) * self.test_temperatures


@dataclass(frozen=True)
class Trial:
    """The place of a run in a search or match: 'random' trials are drawn beforehand, others are proposed."""

    series: str
    number: int
    kind: str  # random, guided, match, anchor


@dataclass(frozen=True)
class Cell:
    """One run's place in an artefact; `run` None: no block declares it at this scale."""

    row: str | None
    task: str
    run: str | None
    trial: Trial | None = None

    @property
    def model(self) -> str:
        """The model of its run, whose id is task/model/label, and of text the seed."""
        return self.run.split("/")[1]

    @property
    def label(self) -> str:
        """The label of its run's regularizer, and for a student also that of its teaching."""
        return self.run.split("/")[2]


@dataclass(frozen=True)
class Proposal:
    """A trial whose regularizer follows from the records of earlier runs: `settings` say how."""

    name: str  # <series>/trial<number>, or <series>/winner
    run_ids: tuple[str, ...]
    settings: dict[str, Any] = field(hash=False, compare=False, default_factory=dict)


@dataclass
class Artefact:
    """A table or figure with the cells that it shows at this scale; an analytic one shows no run."""

    name: str
    title: str
    tasks: tuple[str, ...]
    cells: list[Cell] = field(default_factory=list)
    analytic: bool = False
    compare: dict[str, Any] | None = None
    image_tasks: tuple[str, ...] = ()  # members of `tasks` whose cells are runs of images, of several seeds each
    intervals: bool = False  # intervals of each run's measures over its sentences
    curves: bool = False  # translation only: with curves over the temperature
    select: list[dict[str, Any]] = field(default_factory=list)  # choices among the runs of a row, on validation
    measures: tuple[str, ...] = ()  # groups of measures that an image artefact shows

    @property
    def kind(self) -> str:
        return self.name.split("_")[1]

    @property
    def images(self) -> bool:
        """Whether it shows image tasks, with or without text tasks."""
        return bool(self.image_tasks)

    @property
    def text_tasks(self) -> tuple[str, ...]:
        return tuple(task for task in self.tasks if task not in self.image_tasks)

    @property
    def run_ids(self) -> list[str]:
        return sorted({cell.run for cell in self.cells if cell.run})


@dataclass
class Experiments:
    """All runs and artefacts of one scale."""

    runs: dict[str, Run]
    artefacts: dict[str, Artefact]
    proposals: dict[str, Proposal] = field(default_factory=dict)
    image_runs: dict[str, ImageRun] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=built_in, compare=False)  # of regularizers, including a user's
    elsewhere: dict[str, tuple[str, ...]] = field(default_factory=dict)  # artefacts without tasks here: the scales with
