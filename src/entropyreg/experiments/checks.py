"""Checks of declared experiments that the schema cannot make: names exist, pairs fit, artefacts can be drawn."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from entropyreg.experiments.runs import Artefact, Run
from entropyreg.io.errors import UserError
from entropyreg.io.schemas import suggestion

PACKAGE = Path(__file__).parents[1]


def check_files(artefact: str, workflow: Path, place: str) -> None:
    """What draws an artefact and what describes it are there before anything is trained for it."""
    module = PACKAGE / f"{artefact.split('_')[1]}s" / f"{artefact}.py"
    for path, what in ((module, "module that draws it"), (workflow / "report" / f"{artefact}.rst", "caption")):
        if not path.is_file():
            raise UserError(f"{place}: artefact '{artefact}' has no {what}: {path} does not exist.")


def check_unique(names: list[str], scale: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two blocks of scale '{scale}' are named '{name}'.")


def check_pairs(tasks: Iterable[str], models: Iterable[str], config: Mapping[str, Any], place: str) -> None:
    """What neither a task nor a model can say alone."""
    for task in tasks:
        for model in models:
            shared = config["models"][model].get("share_embeddings") == "all"
            if shared and not config["tasks"][task].get("joined_dictionary", True):
                raise UserError(
                    f"{place}: models.{model}.share_embeddings is 'all', which needs "
                    f"tasks.{task}.joined_dictionary true."
                )


def check_temperatures(block: Mapping[str, Any], config: Mapping[str, Any], place: str) -> None:
    """Temperatures are for translation: their curves are of BLEU."""
    for task in block["tasks"] if block.get("temperatures") else ():
        if config["tasks"][task].get("metric", "bleu") != "bleu":
            raise UserError(f"{place}: temperatures is true, which needs tasks of metric 'bleu' ('{task}' is not).")


def check_service(runs: Iterable[str], artefacts: Mapping[str, Artefact], scale: str) -> None:
    """Every run serves an artefact, every artefact has runs."""
    for artefact in artefacts.values():
        if not artefact.run_ids and not artefact.analytic:
            raise UserError(f"artefact '{artefact.name}' has no run at scale '{scale}'.")
    used = {run for artefact in artefacts.values() for run in artefact.run_ids}
    for run in runs:
        if run not in used:
            raise UserError(f"run '{run}' serves no artefact at scale '{scale}'.")


def check_curves(artefacts: Mapping[str, Artefact], runs: Mapping[str, Run]) -> None:
    """What has curves over the temperature shows runs with temperatures."""
    for artefact in artefacts.values():
        for name in artefact.run_ids if artefact.curves else ():
            if name in runs and not runs[name].temperatures:
                raise UserError(f"artefact '{artefact.name}' has curves: the run '{name}' needs temperatures true.")


def check_names(names: Iterable[str], allowed: Iterable[str], said: str, scale: str) -> None:
    """Raise `UserError` for a name that the scale does not have."""
    allowed = sorted(allowed)
    for name in names:
        if name not in allowed:
            close = suggestion(name, allowed)
            raise UserError(
                f"{said} '{name}', which scale '{scale}' does not have{close}; allowed: {', '.join(allowed)}."
            )
