"""Reads data sets by name, as arrays of images and labels, from the package itself or from the user's folder.

| name | place | images |
|---|---|---|
| digits | inside scikit-learn | 1,797 of 8x8 |
| fashion_mnist_6k | inside this package | 6,000 and 1,000 of 28x28 |
| mnist, fashion_mnist | `<data_dir>/<name>/`, in any container (see `containers.py`) | 60,000 and 10,000 of 28x28 |
| cifar10, cifar100 | `<data_dir>/<name>/`, in any container | 50,000 and 10,000 of 3x32x32 |
| imagenet | `<data_dir>/imagenet/` (see `imagenet.py`) | indexed, not loaded |
"""

import hashlib
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from entropyreg.data.archives import read_members
from entropyreg.data.embedded import checked_path
from entropyreg.images.data import cifar, idx
from entropyreg.images.data.containers import Found, find_container
from entropyreg.images.data.imagenet import StoredImages, index_imagenet
from entropyreg.images.data.parquet_images import read_parquet
from entropyreg.images.data.published import DIGITS, FASHION, PUBLISHED, Published, check_content, sums_of
from entropyreg.io.errors import UserError

FORMS = {"idx": idx, "records": cifar}  # of plain files: `files_of` images and labels, and `part_of` files
GREATEST = 1 << 30  # bytes of an archive of images, unpacked; CIFAR's have 186 million


class Part(NamedTuple):
    """Images (N, C, H, W) uint8 and labels (N,) int64."""

    images: np.ndarray
    labels: np.ndarray


class ImageSet(NamedTuple):
    """A published set: training images, test images (None: the set has none), class names, sums of its content.

    `container` says what the set was read from, on which nothing else here depends.
    """

    train: Part | StoredImages
    test: Part | StoredImages | None
    classes: tuple[str, ...]
    sums: dict[str, str]
    container: str


def read_digits(data_dir: Path | None = None) -> ImageSet:
    """scikit-learn's digits; their values 0 to 16 become 0 to 255."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    scaled = np.rint(images * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    digest = hashlib.sha256(scaled.tobytes() + labels.astype(np.int64).tobytes()).hexdigest()
    return ImageSet(Part(scaled, labels.astype(np.int64)), None, DIGITS, {"digits": digest}, "scikit-learn")


def read_embedded_fashion(data_dir: Path | None = None) -> ImageSet:
    """The subset of Fashion-MNIST shipped with the package: 600 and 100 images of every class."""
    path, digest = checked_path("fashion_mnist_6k_1k.npz")
    with np.load(path) as arrays:
        parts = [Part(arrays[f"x_{part}"][:, None], arrays[f"y_{part}"].astype(np.int64)) for part in ("train", "test")]
    return ImageSet(*parts, FASHION, {path.name: digest}, "entropyreg")


def read_published(name: str, data_dir: Path | None) -> ImageSet:
    """MNIST, Fashion-MNIST or CIFAR from whichever container lies in the folder: the same arrays from each."""
    found, published = find_container(name, data_dir), PUBLISHED[name]
    files = plain_files(found, published)
    check_content(published, files, found.files[0] if len(found.files) == 1 else found.place)
    part_of = FORMS[published.form].part_of
    parts = [Part(*part_of([files[one] for one in known], len(published.labels))) for known in published.sums.values()]
    return ImageSet(*parts, published.classes, sums_of(published), found.container.kind)


def plain_files(found: Found, published: Published) -> dict[str, bytes]:
    """The plain files of a set, into which every container is brought; their sums are yet to be checked."""
    if found.container.kind == "parquet files":
        files = {}
        for paths, known in zip(found.paths.values(), published.sums.values(), strict=True):
            images, labels = read_parquet(paths, published.image, published.labels)
            files |= FORMS[published.form].files_of(images, labels, known, paths[0])
        return files
    if found.container.members:
        place = found.files[0]
        members = read_members(place, found.container.members, GREATEST)
        held = {PurePosixPath(name).name: content for name, content in members.items()}
    else:
        place = found.place
        held = {name: idx.read_content(path) for name, (path,) in found.paths.items()}
    if not found.container.kind.startswith("python"):
        return held
    return {
        f"{part}.bin": cifar.records_of_pickle(content, published.labels, f"{place}: {part}")
        for part, content in held.items()
    }


def read_imagenet_set(data_dir: Path | None) -> ImageSet:
    """ImageNet, indexed; the published validation images are its test part, since their labels are all there are."""
    if data_dir is None:
        raise UserError("data_dir is not set: give the folder that holds imagenet/.")
    train, test, classes = index_imagenet(Path(data_dir) / "imagenet")
    return ImageSet(train, test, classes, {}, "tar files" if train.files[0].endswith(".tar") else "folders")


READERS = {
    "digits": read_digits,
    "fashion_mnist_6k": read_embedded_fashion,
    **{name: partial(read_published, name) for name in PUBLISHED},
    "imagenet": read_imagenet_set,
}


def read_image_set(name: str, data_dir: str | Path | None = None) -> ImageSet:
    """The data set of this name; raises `UserError` for an unknown name, missing files or wrong sums."""
    if name not in READERS:
        raise UserError(f"dataset is {name!r}; allowed: {', '.join(READERS)}.")
    return READERS[name](None if data_dir is None else Path(data_dir))
