"""Expand the declared blocks of runs into validated runs with readable ids.

A run is one training: task, model, regularizer, seed. Its objective is NLL + strength * J_skew(baseline || p)
(Meister et al. 2020). Label smoothing with amount gamma, (1-gamma) NLL + gamma H(u, p), is (1-gamma) times the
objective with skew 1 and strength gamma/(1-gamma), so both are one run; the project trains the unscaled form.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from entropyreg.errors import UserError
from entropyreg.schemas import read_yaml, suggestion, validate

ARM_KEYS = {  # regularizer: (required keys, further keys)
    "none": ((), ()),
    "label_smoothing": ((), ("smoothing", "strength")),
    "confidence_penalty": (("strength",), ()),
    "skew_jensen": (("skew", "strength"), ()),
}


@dataclass(frozen=True)
class Regularizer:
    """A member of the skew-Jensen family; `skew` None (with strength 0) is no regularizer."""

    skew: float | None = None
    strength: float = 0.0
    baseline: str = "uniform"
    unigram_temperature: float | None = None

    @property
    def label(self) -> str:
        """Readable and stable: four significant digits."""
        if self.skew is None:
            return "none"
        label = f"jensen-skew{digits(self.skew)}-strength{digits(self.strength)}"
        if self.baseline == "unigram":
            label += f"-unigram{digits(self.unigram_temperature or 1.0)}"
        return label

    @property
    def smoothing(self) -> float | None:
        """gamma = strength / (1 + strength) for skew 1, else None."""
        return self.strength / (1 + self.strength) if self.skew == 1 else None


@dataclass(frozen=True)
class Run:
    """One training. `test`: its test set is decoded too."""

    task: str
    model: str
    regularizer: Regularizer
    seed: int
    test: bool = False

    @property
    def id(self) -> str:
        return f"{self.task}/{self.model}/{self.regularizer.label}/seed{self.seed}"

    @property
    def splits(self) -> tuple[str, ...]:
        return ("valid", "test") if self.test else ("valid",)


@dataclass(frozen=True)
class Cell:
    """What an artefact shows of one run; `run` None: declared by no block at this scale."""

    row: str | None
    task: str
    run: str | None


@dataclass
class Artefact:
    """A table or figure with the cells that it shows at this scale."""

    name: str
    title: str
    tasks: tuple[str, ...]
    cells: list[Cell] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return self.name.split("_")[1]

    @property
    def run_ids(self) -> list[str]:
        return sorted({cell.run for cell in self.cells if cell.run})


@dataclass
class Experiments:
    """All runs and artefacts of one scale."""

    runs: dict[str, Run]
    artefacts: dict[str, Artefact]


def digits(value: float) -> str:
    """Four significant digits, at least two decimals: 0.5 -> '0.50', 1/9 -> '0.1111'."""
    text = f"{value:.4g}"
    if "e" in text:
        return text
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"


def regularizer_of(arm: Mapping[str, Any], place: str) -> Regularizer:
    """The canonical regularizer of an arm; raises `UserError` naming the arm's place, key and what is allowed."""
    kind = arm["regularizer"]
    if kind not in ARM_KEYS:
        allowed = ", ".join(ARM_KEYS)
        raise UserError(f"{place}: regularizer is '{kind}'{suggestion(kind, ARM_KEYS)}; allowed: {allowed}.")
    required, further = ARM_KEYS[kind]
    common = () if kind == "none" else ("baseline", "unigram_temperature")
    allowed = (*required, *further, *common)
    for key in arm:
        if key not in ("row", "regularizer", *allowed):
            raise UserError(
                f"{place}: regularizer '{kind}' takes no '{key}'; allowed: {', '.join(allowed) or 'nothing'}."
            )
    for key in required:
        if key not in arm:
            raise UserError(f"{place}: regularizer '{kind}' needs the key '{key}'.")
    if kind == "label_smoothing" and ("smoothing" in arm) == ("strength" in arm):
        raise UserError(f"{place}: regularizer 'label_smoothing' needs either 'smoothing' or 'strength'.")
    strength = arm.get("strength", 0.0)
    if "smoothing" in arm:
        strength = arm["smoothing"] / (1 - arm["smoothing"])
    if strength == 0:
        return Regularizer()
    baseline = arm.get("baseline", "uniform")
    if "unigram_temperature" in arm and baseline != "unigram":
        raise UserError(f"{place}: 'unigram_temperature' needs baseline 'unigram' (baseline is '{baseline}').")
    skew = {"label_smoothing": 1.0, "confidence_penalty": 0.0}.get(kind, arm.get("skew"))
    temperature = float(arm.get("unigram_temperature", 1.0)) if baseline == "unigram" else None
    return Regularizer(float(skew), float(strength), baseline, temperature)


def load_experiments(workflow_dir: str | Path, config: Mapping[str, Any]) -> Experiments:
    """Read `workflow/experiments/paper_*.yaml` and expand them for the configuration's scale."""
    folder = Path(workflow_dir)
    papers = []
    for path in sorted((folder / "experiments").glob("paper_*.yaml")):
        paper = read_yaml(path)
        validate(paper, folder / "schemas" / "experiments.schema.yaml", path.name)
        papers.append(paper)
    return expand(papers, config)


def expand(papers: Iterable[Mapping[str, Any]], config: Mapping[str, Any]) -> Experiments:
    """Runs and artefacts of `config['scale']` (a pure function of its arguments)."""
    scale, runs, artefacts = config["scale"], {}, {}
    blocks = []
    for paper in papers:
        for name, declared in paper["artefacts"].items():
            tasks = tuple(declared["tasks"].get(scale, ()))
            if tasks:
                artefacts[name] = Artefact(name, declared["title"], check_names(tasks, config["tasks"], name, "task"))
        blocks += [(paper, block) for block in paper["blocks"] if block["scale"] == scale]
    names = [block["name"] for _, block in blocks]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two blocks of scale '{scale}' are named '{name}'.")
    for _, block in blocks:
        place = f"block '{block['name']}'"
        check_names(block["tasks"], config["tasks"], place, "task")
        check_names(block["models"], config["models"], place, "model")
        check_names(block["artefacts"], artefacts, place, "artefact")
        check_pairs(block, config, place)
        for run, row in block_runs(block, place):
            add_run(runs, run)
            for name in block["artefacts"]:
                if run.task in artefacts[name].tasks:
                    artefacts[name].cells.append(Cell(row, run.task, run.id))
    for paper in papers:
        for name, declared in paper["artefacts"].items():
            if name in artefacts:
                add_missing_cells(artefacts[name], declared.get("rows", ()))
    check_service(runs, artefacts, scale)
    return Experiments(dict(sorted(runs.items())), artefacts)


def check_pairs(block: Mapping[str, Any], config: Mapping[str, Any], place: str) -> None:
    """What neither a task nor a model can say alone."""
    for task in block["tasks"]:
        for model in block["models"]:
            shared = config["models"][model].get("share_embeddings") == "all"
            if shared and not config["tasks"][task].get("joined_dictionary", True):
                raise UserError(
                    f"{place}: models.{model}.share_embeddings is 'all', which needs "
                    f"tasks.{task}.joined_dictionary true."
                )


def block_runs(block: Mapping[str, Any], place: str) -> Iterable[tuple[Run, str | None]]:
    """The runs of one block with the table row that each fills."""
    for position, arm in enumerate(block["arms"], start=1):
        regularizer = regularizer_of(arm, f"{place}, arm {position}")
        for task in block["tasks"]:
            for model in block["models"]:
                for seed in block["seeds"]:
                    yield Run(task, model, regularizer, seed, block.get("test", False)), arm.get("row")


def add_run(runs: dict[str, Run], run: Run) -> None:
    """Add a run; one that several blocks declare is one run, two that differ under one id are refused."""
    known = runs.get(run.id)
    if known and known.regularizer != run.regularizer:
        one, other = known.regularizer, run.regularizer
        raise UserError(
            f"two runs share the id '{run.id}' (strengths {one.strength!r} and {other.strength!r}, "
            f"skews {one.skew!r} and {other.skew!r}): ids keep four significant digits."
        )
    if not known or run.test:
        runs[run.id] = run


def add_missing_cells(artefact: Artefact, rows: Iterable[str]) -> None:
    """Give every (row, task) of a table a cell, in the printed order; a figure keeps the order of declaration."""
    rows = list(rows)
    if not rows:
        artefact.cells = list(dict.fromkeys(artefact.cells))
        return
    for cell in artefact.cells:
        if cell.row not in rows:
            raise UserError(f"{artefact.name} has no row {cell.row!r} (run '{cell.run}'); allowed: {', '.join(rows)}.")
    filled = {(cell.row, cell.task) for cell in artefact.cells}
    missing = [Cell(row, task, None) for row in rows for task in artefact.tasks if (row, task) not in filled]
    order = {(row, task): (i, j) for i, row in enumerate(rows) for j, task in enumerate(artefact.tasks)}
    artefact.cells = sorted([*dict.fromkeys(artefact.cells), *missing], key=lambda cell: order[cell.row, cell.task])


def check_service(runs: Mapping[str, Run], artefacts: Mapping[str, Artefact], scale: str) -> None:
    """Every run serves an artefact, every artefact has runs."""
    for artefact in artefacts.values():
        if not artefact.run_ids:
            raise UserError(f"artefact '{artefact.name}' has no run at scale '{scale}'.")
    used = {run for artefact in artefacts.values() for run in artefact.run_ids}
    for run in runs:
        if run not in used:
            raise UserError(f"run '{run}' serves no artefact at scale '{scale}'.")


def check_names(names: Iterable[str], allowed: Iterable[str], place: str, kind: str) -> tuple[str, ...]:
    """Return `names` as a tuple if all are in `allowed`, else raise `UserError`."""
    allowed = sorted(allowed)
    for name in names:
        if name not in allowed:
            raise UserError(
                f"{place} names the unknown {kind} '{name}'{suggestion(name, allowed)}; allowed: {', '.join(allowed)}."
            )
    return tuple(names)
