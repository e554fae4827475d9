"""The data sets by name: arrays of images and labels, from the package itself or from a folder of the user's.

| name | place | images |
|---|---|---|
| digits | inside scikit-learn | 1,797 of 8x8 |
| fashion_mnist_6k | inside this package | 6,000 and 1,000 of 28x28 |
| mnist, fashion_mnist | `<data_dir>/<name>/{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]` | 60,000 and 10,000 |
| cifar10, cifar100 | `<data_dir>/<name>/cifar-{10,100}-python.tar.gz` | 50,000 and 10,000 of 3x32x32 |
| imagenet | `<data_dir>/imagenet/` (see `imagenet.py`) | indexed, not loaded |
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from entropyreg.data.embedded import checked_path
from entropyreg.data.local import find_files
from entropyreg.images.data.cifar import LAYOUTS, read_cifar
from entropyreg.images.data.idx import parse_idx, read_content
from entropyreg.images.data.imagenet import StoredImages, index_imagenet
from entropyreg.io.errors import UserError

FASHION = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
DIGITS = tuple("0123456789")
IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
MNIST_SHA256 = dict(  # of the unpacked files: packing them anew changes nothing
    zip(
        IDX_FILES,
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        strict=True,
    )
)


class Part(NamedTuple):
    """Images (N, C, H, W) uint8 and labels (N,) int64."""

    images: np.ndarray
    labels: np.ndarray


class ImageSet(NamedTuple):
    """What was published: training images, test images (None: the set has none), class names, sums of what was read."""

    train: Part | StoredImages
    test: Part | StoredImages | None
    classes: tuple[str, ...]
    sha256: dict[str, str]


def read_digits(data_dir: Path | None = None) -> ImageSet:
    """scikit-learn's digits; their values 0 to 16 become 0 to 255."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    scaled = np.rint(images * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    digest = hashlib.sha256(scaled.tobytes() + labels.astype(np.int64).tobytes()).hexdigest()
    return ImageSet(Part(scaled, labels.astype(np.int64)), None, DIGITS, {"digits": digest})


def read_embedded_fashion(data_dir: Path | None = None) -> ImageSet:
    """The subset of Fashion-MNIST that is shipped with the package: 600 and 100 images of every class."""
    path, digest = checked_path("fashion_mnist_6k_1k.npz")
    with np.load(path) as arrays:
        parts = [Part(arrays[f"x_{part}"][:, None], arrays[f"y_{part}"].astype(np.int64)) for part in ("train", "test")]
    return ImageSet(*parts, FASHION, {path.name: digest})


def read_idx_set(name: str, data_dir: Path | None) -> ImageSet:
    """MNIST or Fashion-MNIST from its four files; those of MNIST must be the published ones."""
    paths = find_files(data_dir, name, IDX_FILES)
    arrays, sums = [], {}
    for file_name in IDX_FILES:
        content = read_content(paths[file_name])
        sums[file_name] = hashlib.sha256(content).hexdigest()
        if name == "mnist" and sums[file_name] != MNIST_SHA256[file_name]:
            raise UserError(
                f"What {paths[file_name]} holds is not the published file: expected sha256 {MNIST_SHA256[file_name]}, "
                f"found {sums[file_name]}; fetch it again."
            )
        arrays.append(parse_idx(content, paths[file_name]))
    train = Part(arrays[0][:, None], arrays[1].astype(np.int64))
    test = Part(arrays[2][:, None], arrays[3].astype(np.int64))
    for part, images in zip(("train", "t10k"), (train, test), strict=True):
        if len(images.images) != len(images.labels):
            raise UserError(
                f"{name}: {part} has {len(images.images)} images and {len(images.labels)} labels: fetch them again."
            )
    return ImageSet(train, test, DIGITS if name == "mnist" else FASHION, sums)


def read_cifar_set(name: str, data_dir: Path | None) -> ImageSet:
    """CIFAR-10 or CIFAR-100 from the published archive."""
    file_name = f"{name[:5]}-{name[5:]}-python.tar.gz"
    if data_dir is None or not (path := Path(data_dir) / name / file_name).is_file():
        raise UserError(f"data_dir is {str(data_dir)!r}, but {name} needs {name}/{file_name} there.")
    archive = read_cifar(path, name)
    train, test = Part(archive.train_images, archive.train_labels), Part(archive.test_images, archive.test_labels)
    return ImageSet(train, test, archive.classes, {f"{file_name} (md5)": LAYOUTS[name].md5})


def read_imagenet_set(data_dir: Path | None) -> ImageSet:
    """ImageNet, indexed; the published validation images are its test part, since their labels are all there are."""
    if data_dir is None:
        raise UserError("data_dir is not set: give the folder that holds imagenet/.")
    train, test, classes = index_imagenet(Path(data_dir) / "imagenet")
    return ImageSet(train, test, classes, {})


READERS = {
    "digits": read_digits,
    "fashion_mnist_6k": read_embedded_fashion,
    "mnist": lambda data_dir: read_idx_set("mnist", data_dir),
    "fashion_mnist": lambda data_dir: read_idx_set("fashion_mnist", data_dir),
    "cifar10": lambda data_dir: read_cifar_set("cifar10", data_dir),
    "cifar100": lambda data_dir: read_cifar_set("cifar100", data_dir),
    "imagenet": read_imagenet_set,
}


def read_image_set(name: str, data_dir: str | Path | None = None) -> ImageSet:
    """The data set of this name; raises `UserError` for an unknown name, missing files or wrong sums."""
    if name not in READERS:
        raise UserError(f"dataset is {name!r}; allowed: {', '.join(READERS)}.")
    return READERS[name](None if data_dir is None else Path(data_dir))
