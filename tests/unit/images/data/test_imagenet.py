"""Tiny copies of ILSVRC2012's tar files and of the folder layout, with real JPEGs."""

import gzip
import io
import tarfile

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from entropyreg.images.data.imagenet import DEVKIT, TRAIN_TAR, VAL_TAR, index_imagenet
from entropyreg.io.errors import UserError

SYNSETS = ("n01440764", "n02123045")
SHADES = {"n01440764": 40, "n02123045": 200}


def jpeg(shade, side=16):
    file = io.BytesIO()
    Image.new("RGB", (side, side), (shade, shade, shade)).save(file, "JPEG")
    return file.getvalue()


def tar_of(members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def devkit():
    kind = [("ILSVRC2012_ID", object), ("WNID", object), ("words", object), ("gloss", object), ("num_children", object)]
    rows = [(1, SYNSETS[1], "tabby", "-", 0), (2, SYNSETS[0], "tench", "-", 0), (3, "n00001740", "entity", "-", 2)]
    meta = io.BytesIO()
    savemat(meta, {"synsets": np.array(rows, dtype=kind).reshape(-1, 1)})
    folder = "ILSVRC2012_devkit_t12/data"
    truth = b"1\n2\n1\n"
    members = {f"{folder}/meta.mat": meta.getvalue(), f"{folder}/ILSVRC2012_validation_ground_truth.txt": truth}
    return gzip.compress(tar_of(members))


@pytest.fixture
def tars(tmp_path):
    inner = {
        f"{synset}.tar": tar_of({f"{synset}_{n}.JPEG": jpeg(SHADES[synset] + n) for n in (1, 2)}) for synset in SYNSETS
    }
    (tmp_path / TRAIN_TAR).write_bytes(tar_of(inner))
    shades = {1: 200, 2: 40, 3: 200}
    names = {f"ILSVRC2012_val_{n:08d}.JPEG": jpeg(shades[n]) for n in (3, 1, 2)}  # not in the order of their names
    (tmp_path / VAL_TAR).write_bytes(tar_of(names))
    (tmp_path / DEVKIT).write_bytes(devkit())
    return tmp_path


def shades_of(images, folder):
    contents = [images.read(folder, row) for row in range(len(images.file))]
    return [int(np.asarray(Image.open(io.BytesIO(content)))[0, 0, 0]) for content in contents]


def test_images_inside_tars_inside_tars_are_found(tars):
    train, validation, classes = index_imagenet(tars)
    assert classes == SYNSETS
    assert train.labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(shades_of(train, tars), [41, 42, 201, 202], atol=1)
    assert validation.labels.tolist() == [1, 0, 1]
    np.testing.assert_allclose(shades_of(validation, tars), [200, 40, 200], atol=1)


def test_folders_give_the_same_index(tmp_path):
    for part in ("train", "val"):
        for synset in SYNSETS:
            (tmp_path / part / synset).mkdir(parents=True)
            (tmp_path / part / synset / "b.JPEG").write_bytes(jpeg(SHADES[synset]))
            (tmp_path / part / synset / "a.JPEG").write_bytes(jpeg(SHADES[synset] + 9))
    train, validation, classes = index_imagenet(tmp_path)
    assert classes == SYNSETS
    assert train.labels.tolist() == validation.labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(shades_of(train, tmp_path), [49, 40, 209, 200], atol=1)


def test_what_is_missing_is_named(tars):
    (tars / DEVKIT).unlink()
    with pytest.raises(UserError, match=DEVKIT):
        index_imagenet(tars)
