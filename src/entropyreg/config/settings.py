"""The narrow settings that each stage of a run depends on: what Snakemake watches and what the stages are given.

Narrow on purpose: changing the beam size must not retrain, renaming a title must not prepare the data again.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from entropyreg.config.image_settings import image_collecting_settings
from entropyreg.experiments import Artefact, Cell, Experiments, Proposal, Regularizer, Run

NOT_PREPARATION = ("title", "published_as", "metric", "bleu_tokenizer", "bleu_as_published", "decoding", "triplets")
SWEEPS = ("beam_sizes", "beam_sizes_sentences", "temperatures", "temperatures_sentences")  # not of plain decoding


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


def decoding_settings(config: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Beam search of a run: the configuration's, with what its task sets otherwise."""
    return {**config["decoding"], **config["tasks"][run.task].get("decoding", {})}


def prediction_settings(config: Mapping[str, Any], run: Run, split: str) -> dict[str, Any]:
    """What predicting with a trained run depends on, besides its model and data."""
    decoding = decoding_settings(config, run)
    beams = {"valid": decoding.pop("beam_validation"), "test": decoding.pop("beam_test")}
    for key in SWEEPS:
        decoding.pop(key)
    return {
        **training_settings(config, run),
        "decoding": {**decoding, "beam": beams[split]},
        "log_thresholds": config["statistics"]["log_thresholds"],
        "floor_factors": config["statistics"]["floor_factors"],
    }


def beam_settings(config: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """What decoding validation with several beam sizes depends on."""
    decoding = decoding_settings(config, run)
    sizes, sentences = decoding.pop("beam_sizes"), decoding.pop("beam_sizes_sentences")
    for key in ("beam_validation", "beam_test", "temperatures", "temperatures_sentences"):
        decoding.pop(key)
    return {**training_settings(config, run), "decoding": decoding, "beam_sizes": sizes, "sentences": sentences}


def temperature_settings(config: Mapping[str, Any], run: Run, split: str = "valid") -> dict[str, Any]:
    """What predicting a split at many temperatures depends on."""
    decoding = decoding_settings(config, run)
    return {
        **training_settings(config, run),
        "decoding": prediction_settings(config, run, split)["decoding"],
        "temperatures": decoding["temperatures"],
        "sentences": decoding["temperatures_sentences"],
        "grid": config["statistics"]["temperature_grid"],
        "calibration_tokens": config["calibration"]["tokens"],
        "triplets": config["tasks"][run.task].get("triplets", []),
    }


def measuring_settings(config: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """What measuring a run's predictions depends on, and what its record says of the run."""
    task = config["tasks"][run.task]
    return {
        "run": run.id,
        "task": run.task,
        "model": run.model,
        "seed": run.seed,
        "training": training_settings(config, run),
        "decoding": {split: prediction_settings(config, run, split)["decoding"] for split in run.splits},
        "beam_sizes": beam_settings(config, run)["beam_sizes"] if run.beam_sizes else [],
        "temperatures": temperature_settings(config, run)["temperatures"] if run.temperatures else [],
        "temperature_splits": list(run.temperature_splits),
        "sweep_sentences": {
            **({"beam_sizes": beam_settings(config, run)["sentences"]} if run.beam_sizes else {}),
            **({"temperatures": temperature_settings(config, run)["sentences"]} if run.temperatures else {}),
        },
        "triplets": task.get("triplets", []) if run.temperatures else [],
        "metric": task.get("metric", "bleu"),
        "bleu_as_published": task.get("bleu_as_published", "tokenized"),
        "target_language": task.get("tokenizer_language", task["languages"]["target"]),
        **{key: task[key] for key in ("tokenizer", "bleu_tokenizer") if key in task},
        "lowercase": task["lowercase"],
        "subwords": task["subwords"],
        "splits": list(run.splits),
        "selection": config["models"][run.model]["selection"],
    }


def scoring_settings(config: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """What the scores that a search reads of a run depend on: part of `measuring_settings`."""
    keys = ("run", "metric", "bleu_as_published", "target_language", "lowercase", "subwords", "tokenizer")
    settings = measuring_settings(config, run)
    kept = {key: settings[key] for key in (*keys, "bleu_tokenizer") if key in settings}
    return {**kept, "training": {"languages": settings["training"]["languages"]}}


def proposal_settings(proposal: Proposal) -> dict[str, Any]:
    """What a trial's proposal depends on, besides the scores of `runs`."""
    return {**proposal.settings, "name": proposal.name, "runs": list(proposal.run_ids)}


def collecting_settings(config: Mapping[str, Any], experiments: Experiments, artefact: Artefact) -> dict[str, Any]:
    """What a collected table depends on besides the records: cells, titles, the scale's note.

    Of an artefact of images and text: those of images, and under `text` those of text.
    """
    if not artefact.images:
        return text_collecting_settings(config, experiments, artefact)
    settings = image_collecting_settings(config, experiments, artefact)
    if artefact.text_tasks:
        settings["text"] = text_collecting_settings(config, experiments, artefact)
    return settings


def text_collecting_settings(config: Mapping[str, Any], experiments: Experiments, artefact: Artefact) -> dict[str, Any]:
    """Those of the text tasks; runs with temperatures are compared on validation, which alone has them."""
    columns = [
        {
            "task": task,
            "title": config["tasks"][task]["title"],
            "published_as": config["tasks"][task].get("published_as"),
        }
        for task in artefact.text_tasks
    ]
    compare = artefact.compare
    if compare and artefact.curves:
        compare = {**compare, "split": "valid"}
    return {
        "artefact": artefact.name,
        "title": artefact.title,
        "scale": config["scale"],
        "scale_note": config["scale_note"],
        "partial": config["partial"],
        "columns": columns,
        "compare": compare,
        "curves": artefact.curves,
        "sentence_intervals": artefact.intervals,
        "cells": [cell_settings(experiments, cell) for cell in artefact.cells if cell.task in artefact.text_tasks],
    }


def cell_settings(experiments: Experiments, cell: Cell) -> dict[str, Any]:
    """One cell as declared, without the keys that are None (`collect.CELL` has them all: the settings of hundreds of
    cells are one argument of a command); skew and strength that are found later come with the run's record.
    """
    run = experiments.runs.get(cell.run) if cell.run else None
    regularizer = run.regularizer if run else Regularizer()
    regularized = run is not None and regularizer.strength != 0
    declared = {
        "row": cell.row,
        "column": cell.task,
        "run": cell.run,
        "model": run.model if run else None,
        "skew": regularizer.skew,
        "strength": regularizer.strength if run else None,
        "smoothing": regularizer.smoothing,
        "baseline": regularizer.baseline if regularized else None,
        "generator": regularizer.generator if regularized else None,
        "wanted_entropy": regularizer.entropy,
        "trial": asdict(cell.trial) if cell.trial else None,
        "seed": run.seed if run else None,
    }
    return {key: value for key, value in declared.items() if value is not None}
