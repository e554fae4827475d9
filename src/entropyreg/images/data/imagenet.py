"""ImageNet (ILSVRC2012) as the user has it: folders or the original tar files, indexed once, decoded when needed.

Layouts under `<data_dir>/imagenet/` (the first that is found):
- `train/<synset>/*.JPEG` and `val/<synset>/*.JPEG` (also that of Imagenette);
- `ILSVRC2012_img_train.tar` (a tar of one tar a synset), `ILSVRC2012_img_val.tar` (flat) and
  `ILSVRC2012_devkit_t12.tar.gz`, which tells the classes of the validation images.
Nothing is extracted: an image is (file, offset, bytes), also inside a tar inside a tar.
"""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from entropyreg.io.errors import UserError

TRAIN_TAR, VAL_TAR = "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"
DEVKIT = "ILSVRC2012_devkit_t12.tar.gz"
SUFFIXES = (".jpeg", ".jpg", ".png")


class StoredImages(NamedTuple):
    """Where images lie: files relative to a folder; one row an image."""

    files: tuple[str, ...]
    file: np.ndarray  # (N,) index into files
    offset: np.ndarray  # (N,)
    size: np.ndarray  # (N,) bytes
    labels: np.ndarray  # (N,) int64

    def read(self, folder: Path, row: int) -> bytes:
        """The encoded image of a row."""
        with (folder / self.files[self.file[row]]).open("rb") as file:
            file.seek(int(self.offset[row]))
            return file.read(int(self.size[row]))

    def take(self, rows: np.ndarray) -> "StoredImages":
        """These rows alone."""
        return StoredImages(self.files, self.file[rows], self.offset[rows], self.size[rows], self.labels[rows])


def index_imagenet(folder: str | Path) -> tuple[StoredImages, StoredImages, tuple[str, ...]]:
    """Index the training and validation images under `folder`; the third result names the classes (synsets, sorted)."""
    folder = Path(folder)
    if (folder / "train").is_dir() and (folder / "val").is_dir():
        return _index_folders(folder)
    missing = [name for name in (TRAIN_TAR, VAL_TAR, DEVKIT) if not (folder / name).is_file()]
    if missing:
        raise UserError(f"{folder} has neither the folders train/ and val/ nor the file {missing[0]}.")
    return _index_tars(folder)


def _index_folders(folder: Path) -> tuple[StoredImages, StoredImages, tuple[str, ...]]:
    classes = tuple(sorted(path.name for path in (folder / "train").iterdir() if path.is_dir()))
    parts = []
    for part in ("train", "val"):
        rows = []
        for label, synset in enumerate(classes):
            paths = sorted(path for path in (folder / part / synset).glob("*") if path.suffix.lower() in SUFFIXES)
            rows += [(str(path.relative_to(folder)), 0, path.stat().st_size, label) for path in paths]
        parts.append(_stored(rows, folder / part))
    return *parts, classes


def _index_tars(folder: Path) -> tuple[StoredImages, StoredImages, tuple[str, ...]]:
    synset_of_id, truth = read_devkit(folder / DEVKIT)
    rows, classes = [], []
    with tarfile.open(folder / TRAIN_TAR, "r:") as outer:
        for part in sorted((one for one in outer if one.isfile()), key=lambda one: one.name):
            classes.append(Path(part.name).stem)
            with tarfile.open(fileobj=outer.extractfile(part), mode="r:") as inner:
                rows += [
                    (TRAIN_TAR, part.offset_data + image.offset_data, image.size, len(classes) - 1)
                    for image in sorted((one for one in inner if one.isfile()), key=lambda one: one.name)
                ]
    label_of = {synset: label for label, synset in enumerate(classes)}
    with tarfile.open(folder / VAL_TAR, "r:") as archive:
        images = sorted((one for one in archive if one.isfile()), key=lambda one: one.name)
    if len(images) != len(truth):
        raise UserError(f"{VAL_TAR} holds {len(images)} images, but {DEVKIT} has {len(truth)} labels.")
    unknown = sorted({synset_of_id[one] for one in truth} - set(label_of))
    if unknown:
        raise UserError(f"{TRAIN_TAR} lacks the class {unknown[0]} of the validation images.")
    validation = [
        (VAL_TAR, image.offset_data, image.size, label_of[synset_of_id[one]])
        for image, one in zip(images, truth, strict=True)
    ]
    return _stored(rows, folder / TRAIN_TAR), _stored(validation, folder / VAL_TAR), tuple(classes)


def read_devkit(path: Path) -> tuple[dict[int, str], list[int]]:
    """The synset of every ILSVRC number (of leaves alone), and the numbers of the validation images in order."""
    from scipy.io import loadmat

    with tarfile.open(path) as archive:
        contents = {Path(one.name).name: archive.extractfile(one).read() for one in archive if one.isfile()}
    try:
        synsets = loadmat(io.BytesIO(contents["meta.mat"]), squeeze_me=True)["synsets"]
        truth = [int(line) for line in contents["ILSVRC2012_validation_ground_truth.txt"].split()]
    except KeyError as error:
        raise UserError(f"{path} lacks {error}.") from None
    leaves = synsets[synsets["num_children"] == 0]
    return {int(one["ILSVRC2012_ID"]): str(one["WNID"]) for one in leaves}, truth


def _stored(rows: Sequence[tuple[str, int, int, int]], place: Path) -> StoredImages:
    if not rows:
        raise UserError(f"{place} holds no images.")
    names, offsets, sizes, labels = zip(*rows, strict=True)
    files = tuple(sorted(set(names)))
    number = {name: index for index, name in enumerate(files)}
    return StoredImages(
        files, np.array([number[name] for name in names]), np.array(offsets), np.array(sizes), np.array(labels)
    )
