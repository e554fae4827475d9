"""Collects an artefact of images and of translation: the two tables, joined into one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.comparing.collect import collect
from entropyreg.comparing.image_collect import collect_images

JOINED = ("columns", "rows", "comparisons")


def collect_artefact(settings: Mapping[str, Any], runs_dir: Path) -> dict[str, Any]:
    """The collected table of an artefact of text, of images, or of both; its note says if it lacks runs."""
    make = collect_both if settings.get("text") else collect_images if settings.get("images") else collect
    table = make(settings, runs_dir)
    runs = {row["run"] for row in table["rows"] if row["run"]}
    there = {row["run"] for row in table["rows"] if row["status"] == "done"}
    partial = f"{len(there)} of {len(runs)} runs" if len(there) < len(runs) else None
    return table | {"scale_note": "; ".join(filter(None, [table["scale_note"], partial]))}


def collect_both(settings: Mapping[str, Any], runs_dir: Path) -> dict[str, Any]:
    """The collected table; `settings` are those of images, with those of translation under `text`.

    Each column says which kind it is: `images` true or false.
    """
    parts = collect_images(settings, runs_dir), collect(settings["text"], runs_dir)
    joined = {key: [*parts[0][key], *parts[1][key]] for key in JOINED}
    kinds = zip(parts, (True, False), strict=True)
    joined["columns"] = [{**column, "images": images} for part, images in kinds for column in part["columns"]]
    return {**parts[1], **parts[0], **joined}
