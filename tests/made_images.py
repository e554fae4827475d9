"""Tiny sets of the published ones' layouts, in every container; they differ in the container alone."""

import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow
from PIL import Image
from pyarrow import parquet

from entropyreg.images.data.containers import CONTAINERS
from entropyreg.images.data.published import PUBLISHED, sum_like

HUGGING_FACE = {"cifar10": (3, 2, 1, 4, 0)}  # the order of the batches there
KEYS = {"label": "labels", "coarse_label": "coarse_labels", "fine_label": "fine_labels"}  # of a column, in a pickle
KINDS = {dataset: [one.kind for one in containers] for dataset, containers in CONTAINERS.items()}


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes alike as Python 2 wrote its strings, which is how the published archives hold them."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_string(self, value):
        content = value.encode("latin1") if isinstance(value, str) else value
        self.write(b"T" + struct.pack("<i", len(content)) + content)
        self.memoize(value)

    dispatch[bytes] = dispatch[str] = save_string


def python2_pickle(value):
    file = io.BytesIO()
    Python2Pickler(file, protocol=2).dump(value)
    return file.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")  # numpy's name at the time


class Batch(NamedTuple):
    """A published file, or two of them for MNIST: images (N, C, H, W) uint8 and labels (N, 1 or 2)."""

    images: np.ndarray
    labels: np.ndarray


class Made(NamedTuple):
    """A made set: the batches of each split by the names of their published files."""

    dataset: str
    train: dict[str, Batch]
    test: dict[str, Batch]

    @property
    def batches(self):
        return self.train | self.test

    def plain(self) -> dict[str, bytes]:
        """The plain files by name, written here by their published description."""
        if "cifar" in self.dataset:
            return {
                name: b"".join(bytes(map(int, own)) + image.tobytes() for image, own in zip(*batch, strict=True))
                for name, batch in self.batches.items()
            }
        files = {}
        for name, batch in self.batches.items():
            count, _, height, width = batch.images.shape
            header = struct.pack(">4B3I", 0, 0, 8, 3, count, height, width)
            files[f"{name}-images-idx3-ubyte"] = header + batch.images.tobytes()
            files[f"{name}-labels-idx1-ubyte"] = struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(
                map(int, batch.labels[:, 0])
            )
        return files

    def known(self) -> dict[str, dict[str, str]]:
        """The sums of the plain files, as `PUBLISHED` has them."""
        files = self.plain()
        return {
            split: {name: sum_like(known, files[name]) for name, known in names.items()}
            for split, names in PUBLISHED[self.dataset].sums.items()
        }


def made(dataset, generator):
    """A set of a few images a batch, which replaces none of the real ones."""
    published = PUBLISHED[dataset]
    shape = (3, 32, 32) if published.form == "records" else (1, 28, 28)

    def batch(count):
        labels = generator.integers(0, len(published.classes), (count, len(published.labels)))
        return Batch(generator.integers(0, 256, (count, *shape), dtype=np.uint8), labels)

    if published.form == "idx":
        return Made(dataset, {"train": batch(11)}, {"t10k": batch(4)})
    train, test = (list(names) for names in published.sums.values())
    return Made(dataset, {name: batch(3) for name in train}, {name: batch(2) for name in test})


def png(image):
    file = io.BytesIO()
    Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def write_parquet(path, batches, published):
    """As Hugging Face has it: structs of the PNG file and its path, labels in columns of their own."""
    images = np.concatenate([batch.images for batch in batches])
    labels = np.concatenate([batch.labels for batch in batches])
    cells = [{"bytes": png(image), "path": f"{number}.png"} for number, image in enumerate(images)]
    columns = {name: labels[:, number].tolist() for number, name in enumerate(published.labels)}
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table({published.image: cells, **columns}), path)


def write_archive(path, members):
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def pickled(batch, columns):
    keys = {KEYS[name].encode(): batch.labels[:, number].tolist() for number, name in enumerate(columns)}
    return python2_pickle({b"data": batch.images.reshape(len(batch.images), -1), **keys, b"batch_label": b"x"})


def write(made_set, kind, data_dir, packed=True) -> Path:
    """Write `<data_dir>/<set>/` as one container; idx files packed or not."""
    dataset = made_set.dataset
    published, folder = PUBLISHED[dataset], Path(data_dir) / dataset
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "parquet files":
        train = list(made_set.train.values())
        train = [train[number] for number in HUGGING_FACE.get(dataset, range(len(train)))]
        place = folder / next(one for one in CONTAINERS[dataset] if one.kind == kind).folders[-1]
        for split, batches in (("train", train), ("test", list(made_set.test.values()))):
            write_parquet(place / f"{split}-00000-of-00001.parquet", batches, published)
        return folder
    files = made_set.plain()
    if kind.startswith("python"):
        batches = made_set.batches
        files = {name.removesuffix(".bin"): pickled(batches[name], published.labels) for name in files}
    if kind == "idx files":
        for name, content in files.items():
            path = folder / (f"{name}.gz" if packed else name)
            path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
        return folder
    archive, unpacked = (
        next(one for one in CONTAINERS[dataset] if one.kind == f"{kind.split()[0]} {what}")
        for what in ("archive", "files")
    )
    inner = unpacked.folders[0]
    if kind.endswith("archive"):
        others = {f"{inner}/readme.html": b"<p>not data</p>"}
        write_archive(folder / archive.files[0], others | {f"{inner}/{name}": one for name, one in files.items()})
    else:
        (folder / inner).mkdir()
        for name, content in files.items():
            (folder / inner / name).write_bytes(content)
    return folder
