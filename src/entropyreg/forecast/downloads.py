"""Lists a scale's downloads: the files that its runs need, those that are present already, and the known sizes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entropyreg.data.corpora import needed_sources
from entropyreg.data.sources import all_sources, local_path
from entropyreg.experiments import Experiments
from entropyreg.images.data.containers import IN_DATA_DIR, has_own, needed_image_sources
from entropyreg.translation.pretrained import ARCHIVES


@dataclass(frozen=True)
class Downloads:
    """Names of files by their state; `bytes` of those that are missing and have a known size."""

    present: tuple[str, ...]
    missing: tuple[str, ...]
    unknown_size: tuple[str, ...]  # of the missing files
    bytes: int
    to_bring: tuple[str, ...]  # data sets that are never downloaded: the user must provide them
    bytes_to_bring: int


def downloads(config: Mapping[str, Any], experiments: Experiments) -> Downloads:
    """Files of the tasks and pretrained models that some run uses."""
    runs, image_runs = experiments.runs.values(), experiments.image_runs.values()
    names: dict[str, None] = {}
    for task in sorted({run.task for run in runs}):
        names |= dict.fromkeys(needed_sources(config["tasks"][task]))
    for model in sorted({run.model for run in runs}):
        if "pretrained" in config["models"][model]:
            names[ARCHIVES[config["models"][model]["pretrained"]]] = None
    datasets = sorted({config["image_tasks"][run.task]["dataset"] for run in image_runs})
    for dataset in datasets:
        names |= dict.fromkeys(needed_image_sources(dataset))
    places = [config["data_dir"], config["download_dir"]]
    present = tuple(
        name
        for name in names
        if any(local_path(name, folder) for folder in places) or has_own(name.split("/")[0], config["data_dir"])
    )
    missing = tuple(name for name in names if name not in present)
    sizes = {name: all_sources()[name].bytes for name in missing}
    brought = tuple(one for one in datasets if one in IN_DATA_DIR and not is_in(config["data_dir"], one))
    of_brought = [source.bytes or 0 for name, source in all_sources().items() if name.split("/")[0] in brought]
    return Downloads(
        present,
        missing,
        tuple(name for name, size in sizes.items() if size is None),
        sum(size or 0 for size in sizes.values()),
        brought,
        sum(of_brought),
    )


def is_in(folder: str | None, dataset: str) -> bool:
    return folder is not None and (Path(folder) / dataset).is_dir()
