"""Tiny archives of CIFAR's real layout, as Python 2 pickled them; and pickles that would run code."""

import hashlib
import io
import pickle
import struct
import tarfile
from typing import ClassVar

import numpy as np
import pytest

from entropyreg.images.data.cifar import load_pickle, read_cifar
from entropyreg.io.errors import UserError


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


def write_archive(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


def part(rng, n_images, key):
    images = rng.integers(0, 256, (n_images, 3072), dtype=np.uint8)
    labels = rng.integers(0, 10, n_images).tolist()
    return images, labels, python2_pickle({b"data": images, key: labels, b"batch_label": b"x"})


@pytest.fixture
def cifar10(tmp_path):
    rng = np.random.default_rng(0)
    parts = [part(rng, 2, b"labels") for _ in range(6)]
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    members = {f"cifar-10-batches-py/{name}": one[2] for name, one in zip(names, parts, strict=True)}
    members["cifar-10-batches-py/batches.meta"] = python2_pickle({b"label_names": [b"airplane", b"automobile"]})
    members["cifar-10-batches-py/readme.html"] = b"not a pickle"
    path = tmp_path / "cifar-10-python.tar.gz"
    return path, write_archive(path, members), parts


def test_images_labels_and_names_come_back(cifar10):
    path, md5, parts = cifar10
    archive = read_cifar(path, "cifar10", md5)
    assert archive.train_images.shape == (10, 3, 32, 32)
    assert archive.test_images.shape == (2, 3, 32, 32)
    expected = np.concatenate([images for images, _, _ in parts[:5]])
    np.testing.assert_array_equal(archive.train_images.reshape(10, -1), expected)
    assert archive.train_images[3, 2, 31, 0] == parts[1][0][1, 2 * 1024 + 31 * 32]  # channels first, row by row
    assert archive.test_labels.tolist() == parts[5][1]
    assert archive.classes == ("airplane", "automobile")


def test_cifar100_has_fine_labels(tmp_path):
    rng = np.random.default_rng(1)
    parts = {name: part(rng, count, b"fine_labels") for name, count in (("train", 3), ("test", 2))}
    members = {f"cifar-100-python/{name}": one[2] for name, one in parts.items()}
    members["cifar-100-python/meta"] = python2_pickle({b"fine_label_names": [b"apple"], b"coarse_label_names": []})
    path = tmp_path / "cifar-100-python.tar.gz"
    archive = read_cifar(path, "cifar100", write_archive(path, members))
    assert archive.train_labels.tolist() == parts["train"][1]
    assert archive.classes == ("apple",)


def test_an_archive_of_another_sum_is_not_opened(cifar10):
    with pytest.raises(UserError, match="expected md5 c58f30108f718f92721af3b95e74349a"):
        read_cifar(cifar10[0], "cifar10")


class Touch:
    """Unpickled by the standard unpickler, this makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_that_would_run_code_runs_none(tmp_path):
    content = pickle.dumps({b"data": Touch(tmp_path / "made")}, 2)
    with pytest.raises(UserError, match="numpy arrays alone"):
        load_pickle(content)
    assert not (tmp_path / "made").exists()
    pickle.loads(content)[b"data"].close()
    assert (tmp_path / "made").exists()  # the attack is real


@pytest.mark.parametrize("dump", [python2_pickle, lambda value: pickle.dumps(value, protocol=4)])
def test_arrays_of_old_and_new_numpy_are_read(dump):
    content = dump({b"data": np.arange(3, dtype=np.uint8), b"labels": [7]})
    assert load_pickle(content)[b"data"].tolist() == [0, 1, 2]
    assert load_pickle(content)[b"labels"] == [7]


@pytest.mark.parametrize("content", [b"", b"\x80\x02}q", b"hello"])
def test_damaged_pickles_are_told(content):
    with pytest.raises(UserError, match="damaged"):
        load_pickle(content)
