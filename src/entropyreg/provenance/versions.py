"""Describes how a run was made for its readers (seconds, device, versions, commit); a record must not depend on it."""

import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from entropyreg.io.files import read_json

PACKAGES = ("entropyreg", "torch", "ve-fairseq", "numpy", "sacrebleu", "sacremoses", "subword-nmt", "snakemake")


def run_provenance(run_dir: Path, data_dir: Path | None = None) -> Mapping[str, Any]:
    """Provenance of the training and of prepared images in `data_dir`, the commit and the installed versions."""
    return {
        "training": read_json(run_dir / "training.provenance.json"),
        **({} if data_dir is None else {"data": read_json(data_dir / "provenance.json")}),
        "commit": commit(),
        "packages": {name: installed(name) for name in PACKAGES},
    }


def commit() -> str | None:
    """The commit of the source tree ('-dirty' when changed), or None outside a git checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--match=-"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def installed(name: str) -> str | None:
    """Version of an installed distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
