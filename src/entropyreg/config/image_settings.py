"""The narrow settings that each stage of an image run depends on, as `entropyreg.config.settings` has them for text."""

from collections.abc import Mapping
from typing import Any

from entropyreg.experiments import Artefact, Experiments, ImageRun

NOT_TRAINING = ("title",)  # keys of an image model
PREPARATION = ("dataset", "split")  # keys of an image task


def image_preparation_settings(config: Mapping[str, Any], task: str) -> dict[str, Any]:
    """What preparing a set of images depends on."""
    return {key: config["image_tasks"][task][key] for key in PREPARATION}


def image_training_settings(config: Mapping[str, Any], run: ImageRun) -> dict[str, Any]:
    """What training a run depends on, besides its data and its teacher: `images/settings.schema.yaml`.

    `distillation.temperature` is absent for a student that is matched in entropy: it is found when the run starts.
    """
    model = config["image_models"][run.model]
    settings = {key: value for key, value in model.items() if key not in NOT_TRAINING}
    settings |= {"run": run.id, "device": config["device"], "seeds": list(run.seeds)}
    settings["regularizer"] = run.regularizer.settings
    if run.trajectory:
        settings["trajectory"] = dict(run.trajectory)
    if run.teaching:
        settings["distillation"] = {"teacher": run.teaching.teacher, **run.teaching.options}
        if run.teaching.temperature is not None:
            settings["distillation"]["temperature"] = run.teaching.temperature
    return settings


def image_prediction_settings(config: Mapping[str, Any], run: ImageRun) -> dict[str, Any]:
    """What predicting with a trained run depends on, besides its model and data."""
    prediction = config["image_tasks"][run.task].get("prediction", {})
    return {"run": run.id, "device": config["device"], "prediction": prediction, "splits": list(run.splits)}


def image_measuring_settings(config: Mapping[str, Any], experiments: Experiments, run: ImageRun) -> dict[str, Any]:
    """What measuring a run's predictions depends on, and what its record says of the run.

    Only the groups of measures that an artefact shows of the run are measured: some take seconds a network.
    """
    task = config["image_tasks"][run.task]
    shown = {group for one in experiments.artefacts.values() if run.id in one.run_ids for group in one.measures}
    return {
        "run": run.id,
        "task": run.task,
        "model": run.model,
        "splits": list(run.splits),
        "measures": sorted(shown),
        "triplets": task.get("triplets", []),
        "triplet_points": task.get("triplet_points", 100),
        "teacher": run.teaching.teacher if run.teaching else None,
    }


def image_collecting_settings(
    config: Mapping[str, Any], experiments: Experiments, artefact: Artefact
) -> dict[str, Any]:
    """What a collected table of image runs depends on besides the records: cells, titles, what is chosen and shown."""
    columns = [{"task": task, "title": config["image_tasks"][task]["title"]} for task in artefact.image_tasks]
    return {
        "artefact": artefact.name,
        "title": artefact.title,
        "scale": config["scale"],
        "scale_note": config["scale_note"],
        "partial": config["partial"],
        "images": True,
        "columns": columns,
        "compare": artefact.compare,
        "select": artefact.select,
        "measures": list(artefact.measures),
        "cells": [
            image_cell(config, experiments, cell.row, cell.task, cell.run)
            for cell in artefact.cells
            if cell.task in artefact.image_tasks
        ],
    }


def image_cell(
    config: Mapping[str, Any], experiments: Experiments, row: str | None, task: str, name: str | None
) -> dict[str, Any]:
    """One cell as declared, without keys that are None; a run has one row of the table for each of its seeds."""
    if name is None:
        return {"row": row, "column": task}
    run = experiments.image_runs[name]
    model, member = config["image_models"][run.model], run.regularizer.member
    kind = run.regularizer.settings["kind"]
    declared = {
        "row": row,
        "column": task,
        "run": name,
        "seeds": list(run.seeds),
        "model": run.model,
        "model_title": model["title"],
        "published_as": config["image_tasks"][task].get("published_as", {}).get(run.model),
        "kind": kind,
        "smoothing": 0.0 if kind == "none" else member.smoothing,
        "skew": member.skew,
        "strength": member.strength if kind != "none" else None,
        "wanted_entropy": member.entropy,
        "baseline": member.baseline if kind != "none" else None,
        "dropout": model["model"].get("hidden_dropout", model["model"].get("dropout", 0.0)),
        "teacher": teacher_cell(config, experiments, run),
    }
    return {key: value for key, value in declared.items() if value is not None}


def teacher_cell(config: Mapping[str, Any], experiments: Experiments, run: ImageRun) -> dict[str, Any] | None:
    """What is declared of a student's teacher."""
    if run.teaching is None:
        return None
    teacher = experiments.image_runs[run.teaching.teacher]
    member = teacher.regularizer.member
    kind = teacher.regularizer.settings["kind"]
    return {
        "run": teacher.id,
        "model": teacher.model,
        "model_title": config["image_models"][teacher.model]["title"],
        "kind": kind,
        "smoothing": 0.0 if kind == "none" else member.smoothing,
        "skew": member.skew,
        "wanted_entropy": member.entropy,
        "temperature": run.teaching.temperature,  # None where it is found when the teacher is trained
        "matched_to": run.teaching.matched_to,
        "loss": run.teaching.options["loss"],
        "weight": run.teaching.options["weight"],
    }
