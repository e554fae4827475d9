"""Extracts the published weights that a fine-tuning starts from; nothing is downloaded here."""

from pathlib import Path

from entropyreg.data.archives import extract
from entropyreg.data.sources import Folder, locate

ARCHIVES = {"bart.large": "bart/bart.large.tar.gz"}  # `pretrained` of a model: name in data/sources.yaml


def extract_weights(
    name: str, out_path: str | Path, data_dir: Folder = None, download_dir: Folder = None
) -> dict[str, str]:
    """Write the model's checkpoint to `out_path` and return the sha256 of its archive by the archive's name.

    The archive is looked for in `data_dir`, then in `download_dir`; it has no known sum and is pinned on first use.
    """
    archive, sha256 = locate(ARCHIVES[name], data_dir, download_dir)
    extract(archive, {f"{name}/model.pt": out_path})
    return {ARCHIVES[name]: sha256}
