"""Prepare a set of images: one file `images.npz` with its train, valid and test parts, and `summary.json`, last.

Both are the same whatever container a set was read from, which `provenance.json` names.

Settings: {"dataset": a name of `sources.py`, "split": {"validation": n, "train": n or null, "test": n or null,
"seed": n}}. `test` takes test images from a set that has none of its own (null otherwise, or to take the first n).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from entropyreg.images.data.imagenet import StoredImages
from entropyreg.images.data.sources import ImageSet, Part, read_image_set
from entropyreg.images.data.split import split_train_validation
from entropyreg.io.errors import UserError
from entropyreg.io.files import arrays_sha256, read_json, read_npz, write_json, write_npz

IMAGES, SUMMARY, PROVENANCE = "images.npz", "summary.json", "provenance.json"
SPLITS = ("train", "valid", "test")


class Prepared(NamedTuple):
    """A prepared set: the content of `summary.json`, and the parts by name."""

    summary: dict[str, Any]
    parts: dict[str, Part | StoredImages]


def prepare_images(settings: Mapping[str, Any], out_dir: str | Path, data_dir: str | None = None) -> dict[str, Any]:
    """Write `images.npz`, `provenance.json` and `summary.json` under `out_dir`; return the summary."""
    out_dir, dataset = Path(out_dir), settings["dataset"]
    published = read_image_set(dataset, data_dir)
    rows = split_rows(published, settings["split"])
    parts = {split: _take(published, split, rows[split]) for split in SPLITS}
    arrays = {f"{split}_rows": rows[split] for split in SPLITS}
    for split, part in parts.items():
        fields = part._asdict() if isinstance(part, StoredImages) else {"images": part.images, "labels": part.labels}
        arrays |= {f"{split}_{name}": np.asarray(value) for name, value in fields.items()}
    write_npz(out_dir / IMAGES, arrays)
    summary = {
        "dataset": dataset,
        "split": dict(settings["split"]),
        "n_images": {split: len(part.labels) for split, part in parts.items()},
        "classes": list(published.classes),
        "source_sums": published.sums,
        "stored": isinstance(parts["train"], StoredImages),
        "sha256": arrays_sha256(arrays),
        **_statistics(parts["train"]),
    }
    write_json(out_dir / PROVENANCE, {"container": published.container})
    write_json(out_dir / SUMMARY, summary)
    return summary


def load_prepared(folder: str | Path) -> Prepared:
    """Read what `prepare_images` wrote, after checking its checksum."""
    folder = Path(folder)
    summary = read_json(folder / SUMMARY)
    arrays = read_npz(folder / IMAGES)
    if arrays_sha256(arrays) != summary["sha256"]:
        raise UserError(f"{folder / IMAGES} is not what {SUMMARY} describes: delete {folder} and run again.")
    parts = {}
    for split in SPLITS:
        if summary["stored"]:
            fields = [arrays[f"{split}_{name}"] for name in StoredImages._fields]
            parts[split] = StoredImages(tuple(map(str, fields[0])), *fields[1:])
        else:
            parts[split] = Part(arrays[f"{split}_images"], arrays[f"{split}_labels"])
    return Prepared(summary, parts)


def split_rows(published: ImageSet, split: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Choose the published images of each part: rows of the training part, for 'test' of the test part if there is one.

    Without a test part the test images are held out first, by the same seed, so they depend on nothing else.
    """
    n_images, n_test, seed = len(published.train.labels), split.get("test"), split["seed"]
    if published.test is not None:
        available = len(published.test.labels)
        if n_test is not None and not 1 <= n_test <= available:
            raise UserError(f"split.test is {n_test}; allowed: 1 to {available}, or null for all.")
        train, valid = split_train_validation(n_images, split["validation"], seed, split.get("train"))
        return {"train": train, "valid": valid, "test": np.arange(available)[:n_test]}
    if n_test is None:
        raise UserError("split.test is null, but the set has no test images of its own; allowed: how many to hold out.")
    rest, test = split_train_validation(n_images, n_test, seed)
    train, valid = split_train_validation(len(rest), split["validation"], seed + 1, split.get("train"))
    return {"train": rest[train], "valid": rest[valid], "test": test}


def _take(published: ImageSet, split: str, rows: np.ndarray) -> Part | StoredImages:
    part = published.test if split == "test" and published.test is not None else published.train
    return part.take(rows) if isinstance(part, StoredImages) else Part(part.images[rows], part.labels[rows])


def _statistics(train: Part | StoredImages) -> dict[str, Any]:
    """Shape, and mean and standard deviation of every channel of the training images, in grey levels 0 to 255."""
    if isinstance(train, StoredImages):
        return {"shape": None, "channel_mean": None, "channel_std": None}
    means, deviations = [], []
    for channel in range(train.images.shape[1]):
        counts = np.bincount(train.images[:, channel].ravel(), minlength=256).astype(np.float64)
        levels, total = np.arange(256.0), counts.sum()
        mean = float(counts @ levels / total)
        means.append(mean)
        deviations.append(float(np.sqrt(counts @ (levels - mean) ** 2 / total)))
    return {"shape": list(train.images.shape[1:]), "channel_mean": means, "channel_std": deviations}
