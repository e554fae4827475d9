"""Gives what a job declares, by its stage and its wildcards: all that it depends on besides its files and its code."""

from collections.abc import Callable, Mapping
from typing import Any

from entropyreg.config import image_settings, settings
from entropyreg.experiments import Experiments
from entropyreg.provenance.code_identity import BY_NAME, code_digest

Declarations = Mapping[str, Callable[..., Mapping[str, Any]]]


def declarations_of(config: Mapping[str, Any], experiments: Experiments) -> dict[str, Callable[..., Mapping[str, Any]]]:
    """{stage: its settings by wildcards} of all stages from data to records and collected tables.

    The settings of a run or task that is not declared are a `KeyError`.
    """
    runs, images = experiments.runs, experiments.image_runs
    of_task = lambda task: settings.preparation_settings(config, task)  # noqa: E731
    return {
        **dict.fromkeys(("prepare", "segment", "binarize"), of_task),
        "train": lambda run: settings.training_settings(config, runs[run]),
        "predict": lambda run, split: settings.prediction_settings(config, runs[run], split),
        "predict-beams": lambda run: settings.beam_settings(config, runs[run]),
        "predict-temperatures": lambda run, split: settings.temperature_settings(config, runs[run], split),
        "measure": lambda run: settings.measuring_settings(config, runs[run]),
        "score": lambda run: settings.scoring_settings(config, runs[run]),
        "propose": lambda series, trial: settings.proposal_settings(experiments.proposals[f"{series}/{trial}"]),
        "prepare-images": lambda image_task: image_settings.image_preparation_settings(config, image_task),
        "train-images": lambda image_run: image_settings.image_training_settings(config, images[image_run]),
        "predict-images": lambda image_run: image_settings.image_prediction_settings(config, images[image_run]),
        "measure-images": lambda image_run: image_settings.image_measuring_settings(
            config, experiments, images[image_run]
        ),
        "collect": lambda artefact: settings.collecting_settings(config, experiments, experiments.artefacts[artefact]),
    }


def plan_of(declarations: Declarations, stage: str, of: Mapping[str, str]) -> tuple[Mapping[str, Any], str]:
    """The declaration of a job, and the digest of the code that it needs; a `LookupError` or `TypeError` for none."""
    declared = {BY_NAME[stage]: of[BY_NAME[stage]]} if stage in BY_NAME else declarations[stage](**of)
    return declared, code_digest(stage, declared)
