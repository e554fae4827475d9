"""Expand the declared blocks of runs into validated runs with readable ids.

A run is one training: task, model, regularizer, seed. Runs that several blocks, searches or matches declare are one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from entropyreg.experiments.checks import (
    check_curves,
    check_files,
    check_names,
    check_pairs,
    check_service,
    check_temperatures,
    check_unique,
)
from entropyreg.experiments.images import ImageRun, add_image_run, check_teachers, image_block_runs
from entropyreg.experiments.regularizer import regularizer_of
from entropyreg.experiments.runs import Artefact, Cell, Experiments, Proposal, Run, Trial
from entropyreg.experiments.series import match_members, search_members
from entropyreg.io.errors import UserError
from entropyreg.io.schemas import read_yaml, validate

FLAGS = ("test", "beam_sizes", "temperatures")  # of a block and of its runs
MERGED = (*FLAGS, "test_temperatures")  # a run of several blocks has what any of them asks for
LISTS = {"blocks": "block", "searches": "search", "matches": "match"}  # a match starts from the runs of all others


def load_experiments(workflow_dir: str | Path, config: Mapping[str, Any]) -> Experiments:
    """Read `workflow/experiments/paper_*.yaml` and expand them for the configuration's scale."""
    folder = Path(workflow_dir)
    papers = []
    for path in sorted((folder / "experiments").glob("paper_*.yaml")):
        paper = read_yaml(path)
        validate(paper, folder / "schemas" / "experiments.schema.yaml", path.name)
        for name in paper["artefacts"]:
            check_files(name, folder, path.name)
        papers.append(paper)
    return expand(papers, config)


def expand(papers: Iterable[Mapping[str, Any]], config: Mapping[str, Any]) -> Experiments:
    """Runs, artefacts and proposals of `config['scale']` (a pure function of its arguments)."""
    papers, scale = list(papers), config["scale"]
    runs: dict[str, Run] = {}
    proposals: dict[str, Proposal] = {}
    artefacts, elsewhere = {}, {}
    for paper in papers:
        for name, declared in paper["artefacts"].items():
            tasks, analytic = tuple(declared.get("tasks", {}).get(scale, ())), declared.get("analytic", False)
            if tasks or analytic:
                artefacts[name] = artefact_of(name, declared, tasks, config)
            else:
                elsewhere[name] = tuple(declared.get("tasks", {}))
    sources = [
        (kind, one) for kind in LISTS for paper in papers for one in paper.get(kind, ()) if one["scale"] == scale
    ]
    check_unique([one["name"] for _, one in sources], scale)
    for kind, one in sources:
        place = f"{LISTS[kind]} '{one['name']}'"
        tasks, models = one.get("tasks") or [one["task"]], one.get("models") or [one["model"]]
        check_names(tasks, config["tasks"], f"{place} names the task", scale)
        check_names(models, config["models"], f"{place} names the model", scale)
        check_names(one["artefacts"], {*artefacts, *elsewhere}, f"{place} names the artefact", scale)
        check_pairs(tasks, models, config, place)
        check_temperatures(one, config, place)
        members, proposed = members_of(kind, one, place, runs)
        proposals |= {proposal.name: proposal for proposal in proposed}
        for run, row, trial in members:
            add_run(runs, run)
            for artefact in showing(one["artefacts"], run.task, artefacts):
                artefact.cells.append(Cell(row, run.task, run.id, trial))
    image_runs = expand_images(papers, config, artefacts, elsewhere)
    for paper in papers:
        for name, declared in paper["artefacts"].items():
            if name in artefacts:
                add_missing_cells(artefacts[name], declared.get("rows", ()))
    for run in runs.values():
        proposal = run.regularizer.proposal
        check_names([proposal] if proposal else [], proposals, f"{run.id} waits for the search", scale)
    check_service([*runs, *image_runs], artefacts, scale)
    check_curves(artefacts, runs)
    return Experiments(dict(sorted(runs.items())), artefacts, proposals, image_runs, elsewhere)


def artefact_of(name: str, declared: Mapping[str, Any], tasks: tuple[str, ...], config: Mapping[str, Any]) -> Artefact:
    """An artefact of text tasks, of image tasks, or of both."""
    image_tasks = config.get("image_tasks", {})
    check_names(tasks, [*config["tasks"], *image_tasks], f"artefact '{name}' names the task", config["scale"])
    return Artefact(
        name,
        declared["title"],
        tasks,
        analytic=declared.get("analytic", False),
        compare=declared.get("compare"),
        image_tasks=tuple(task for task in tasks if task in image_tasks),
        intervals=declared.get("intervals", name.split("_")[1] == "table"),
        curves=declared.get("curves", False),
        select=declared.get("select", []),
        measures=tuple(declared.get("measures", ())),
    )


def expand_images(
    papers: Iterable[Mapping[str, Any]],
    config: Mapping[str, Any],
    artefacts: Mapping[str, Artefact],
    elsewhere: Iterable[str],
) -> dict[str, ImageRun]:
    """The image runs of the scale; their cells are added to the artefacts that show them."""
    scale, runs = config["scale"], {}
    blocks = [block for paper in papers for block in paper.get("image_blocks", ()) if block["scale"] == scale]
    check_unique([block["name"] for block in blocks], scale)
    for block in blocks:
        place = f"image block '{block['name']}'"
        check_names(block["tasks"], config["image_tasks"], f"{place} names the image task", scale)
        models = [*block["models"], *([block["distillation"]["model"]] if "distillation" in block else [])]
        check_names(models, config["image_models"], f"{place} names the image model", scale)
        of_images = [name for name in artefacts if artefacts[name].images]
        check_names(block["artefacts"], {*of_images, *elsewhere}, f"{place} names the image artefact", scale)
        for run, row in image_block_runs(block, place):
            add_image_run(runs, run)
            for artefact in showing(block["artefacts"], run.task, artefacts):
                artefact.cells.append(Cell(row, run.task, run.id))
    check_teachers(runs, scale)
    return dict(sorted(runs.items()))


def showing(names: Iterable[str], task: str, artefacts: Mapping[str, Artefact]) -> list[Artefact]:
    """Those of the named artefacts that show runs of a task; one without tasks at this scale shows nothing."""
    return [artefacts[name] for name in names if name in artefacts and task in artefacts[name].tasks]


def members_of(
    kind: str, one: Mapping[str, Any], place: str, runs: Mapping[str, Run]
) -> tuple[list[tuple[Run, str | None, Trial | None]], list[Proposal]]:
    """The runs of a block, search or match with the table row and the trial that each is."""
    if kind == "searches":
        return search_members(one, place)
    if kind == "matches":
        return match_members(one, place, runs)
    return [(run, row, None) for run, row in block_runs(one, place)], []


def block_runs(block: Mapping[str, Any], place: str) -> Iterable[tuple[Run, str | None]]:
    """The runs of one block with the table row that each fills."""
    for position, arm in enumerate(arms_of(block), start=1):
        regularizer = regularizer_of(arm, f"{place}, arm {position}")
        for task in block["tasks"]:
            for model in block["models"]:
                for seed in block["seeds"]:
                    options = {key: block.get(key, False) for key in FLAGS}
                    options["test_temperatures"] = options["temperatures"] and options["test"]
                    yield Run(task, model, regularizer, seed, **options), arm.get("row")


def arms_of(block: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The arms, and every skew of a design at every predicted entropy, so that the two are orthogonal."""
    design = block.get("design", {"skews": [], "entropies": []})
    designed = [
        {"regularizer": "skew_jensen", "skew": skew, "entropy": entropy}
        for skew in design["skews"]
        for entropy in design["entropies"]
    ]
    return [*block.get("arms", ()), *designed]


def add_run(runs: dict[str, Run], run: Run) -> None:
    """Add a run; one that several blocks declare is one run, two that differ under one id are refused."""
    known = runs.setdefault(run.id, run)
    if known.regularizer != run.regularizer:
        one, other = known.regularizer, run.regularizer
        raise UserError(
            f"two runs share the id '{run.id}' (strengths {one.strength!r} and {other.strength!r}, "
            f"skews {one.skew!r} and {other.skew!r}): ids keep four significant digits."
        )
    runs[run.id] = replace(known, **{flag: getattr(known, flag) or getattr(run, flag) for flag in MERGED})


def add_missing_cells(artefact: Artefact, rows: Iterable[str]) -> None:
    """Give every (row, task) of an artefact with rows a cell, in the printed order; rows that it does not list follow.

    An artefact without rows keeps the order of declaration.
    """
    rows = list(rows)
    artefact.cells = list(dict.fromkeys(artefact.cells))
    if not rows:
        return
    cells = named_by_label(artefact.cells)
    filled = {(cell.row, cell.task) for cell in cells}
    missing = [Cell(row, task, None) for row in rows for task in artefact.tasks if (row, task) not in filled]
    order = {row: position for position, row in enumerate(dict.fromkeys([*rows, *(cell.row for cell in cells)]))}
    tasks = {task: position for position, task in enumerate(artefact.tasks)}
    artefact.cells = sorted([*cells, *missing], key=lambda cell: (order[cell.row], tasks[cell.task]))


def named_by_label(cells: Iterable[Cell]) -> list[Cell]:
    """Cells whose arm names no row get the label of their run as one; two models of one label have a row each."""
    cells = list(cells)
    models: dict[tuple[str, str], set[str]] = {}
    for cell in cells:
        if cell.row is None:
            models.setdefault((cell.task, cell.label), set()).add(cell.model)

    def row(cell: Cell) -> str:
        shared = len(models[cell.task, cell.label]) > 1
        return f"{cell.model} {cell.label}" if shared else cell.label

    return [cell if cell.row is not None else replace(cell, row=row(cell)) for cell in cells]
