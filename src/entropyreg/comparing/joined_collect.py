"""Collect an artefact of images and of translation: both tables, one after the other, in one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.comparing.collect import collect
from entropyreg.comparing.image_collect import collect_images

JOINED = ("columns", "rows", "comparisons")


def collect_both(settings: Mapping[str, Any], runs_dir: Path, claims_sha256: str) -> dict[str, Any]:
    """The collected table; `settings` are those of images, with those of translation under `text`.

    The columns say which they are: `images` true or false.
    """
    parts = collect_images(settings, runs_dir, claims_sha256), collect(settings["text"], runs_dir, claims_sha256)
    joined = {key: [*parts[0][key], *parts[1][key]] for key in JOINED}
    kinds = zip(parts, (True, False), strict=True)
    joined["columns"] = [{**column, "images": images} for part, images in kinds for column in part["columns"]]
    return {**parts[1], **parts[0], **joined}
