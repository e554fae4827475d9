"""The narrow settings that each stage of a run depends on: what Snakemake watches and what the stages are given.

Narrow on purpose: changing the beam size must not retrain, renaming a title must not prepare the data again.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from entropyreg.experiments import Artefact, Experiments, Regularizer, Run

NOT_PREPARATION = ("title", "published_as")


def preparation_settings(config: Mapping[str, Any], task: str) -> dict[str, Any]:
    """What preparing and encoding a corpus depends on."""
    return {key: value for key, value in config["tasks"][task].items() if key not in NOT_PREPARATION}


def training_settings(config: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """What training a run depends on, besides its data."""
    return {
        "run": run.id,
        "languages": config["tasks"][run.task]["languages"],
        "model": config["models"][run.model],
        "regularizer": asdict(run.regularizer),
        "seed": run.seed,
        "device": config["device"],
    }


def prediction_settings(config: Mapping[str, Any], run: Run, split: str) -> dict[str, Any]:
    """What predicting with a trained run depends on, besides its model and data."""
    decoding = dict(config["decoding"])
    beams = {"valid": decoding.pop("beam_validation"), "test": decoding.pop("beam_test")}
    return {
        **training_settings(config, run),
        "decoding": {**decoding, "beam": beams[split]},
        "log_thresholds": config["statistics"]["log_thresholds"],
    }


def measuring_settings(config: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """What measuring a run's predictions depends on, and what its record says of the run."""
    task = config["tasks"][run.task]
    return {
        "run": run.id,
        "task": run.task,
        "model": run.model,
        "regularizer": asdict(run.regularizer),
        "seed": run.seed,
        "training": training_settings(config, run),
        "decoding": {split: prediction_settings(config, run, split)["decoding"] for split in run.splits},
        "target_language": task["languages"]["target"],
        "lowercase": task["lowercase"],
        "splits": list(run.splits),
        "selection": config["models"][run.model]["selection"],
        "log_thresholds": config["statistics"]["log_thresholds"],
    }


def collecting_settings(config: Mapping[str, Any], experiments: Experiments, artefact: Artefact) -> dict[str, Any]:
    """What a collected table depends on besides the records: cells, titles, the scale's note."""
    columns = [
        {
            "task": task,
            "title": config["tasks"][task]["title"],
            "published_as": config["tasks"][task].get("published_as"),
        }
        for task in artefact.tasks
    ]
    cells = []
    for cell in artefact.cells:
        run = experiments.runs.get(cell.run) if cell.run else None
        regularizer = run.regularizer if run else Regularizer()
        cells.append(
            {
                "row": cell.row,
                "column": cell.task,
                "run": cell.run,
                "model": run.model if run else None,
                "skew": regularizer.skew,
                "strength": regularizer.strength if run else None,
                "smoothing": regularizer.smoothing,
                "baseline": regularizer.baseline if run and regularizer.skew is not None else None,
                "seed": run.seed if run else None,
            }
        )
    return {
        "artefact": artefact.name,
        "title": artefact.title,
        "scale": config["scale"],
        "scale_note": config["scale_note"],
        "partial": config["partial"],
        "columns": columns,
        "cells": cells,
    }
