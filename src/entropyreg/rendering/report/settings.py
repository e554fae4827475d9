"""What the report of a scale depends on besides its files; light, as Snakemake asks at every start."""

from collections.abc import Mapping
from typing import Any

from entropyreg.experiments import Experiments

SHOWN = ("tasks", "models", "image_tasks", "image_models", "decoding", "statistics", "device", "threads")


def report_settings(config: Mapping[str, Any], experiments: Experiments) -> dict[str, Any]:
    """Scale, artefacts with their titles, ids of the runs, and the configuration that is printed."""
    artefacts = [
        {"name": one.name, "title": one.title, "kind": one.kind, "paper": one.name[0].upper()}
        for one in experiments.artefacts.values()
    ]
    return {
        "scale": config["scale"],
        "scale_note": config["scale_note"],
        "artefacts": artefacts,
        "runs": sorted([*experiments.runs, *experiments.image_runs]),
        "configuration": {key: config[key] for key in SHOWN if key in config},
    }
