"""Corpora in the user's folder: what is missing is told at once, what is there is checked."""

import gzip
import itertools
import os
import shutil
from pathlib import Path

import pytest

from entropyreg.data.local import Multi30k, SplitFolder
from entropyreg.errors import UserError


@pytest.fixture
def data_dir() -> Path:
    """The folder with Multi30k, which is never shipped."""
    folder = os.environ.get("ENTROPYREG_TEST_DATA")
    if not folder or not (Path(folder) / "multi30k").is_dir():
        pytest.skip("ENTROPYREG_TEST_DATA names no folder that holds multi30k/")
    return Path(folder)


def test_an_unset_folder_is_told_with_the_files_wanted():
    with pytest.raises(
        UserError, match=r"data_dir is not set: .* multi30k/; .* train\.de\[\.gz\], train\.en\[\.gz\], val"
    ):
        Multi30k(None, ("de", "en"))


def test_a_missing_folder_is_told_with_its_path(tmp_path):
    with pytest.raises(
        UserError, match=rf"data_dir is '{tmp_path}', but there is no folder {tmp_path}/multi30k; .*train"
    ):
        Multi30k(tmp_path, ("de", "en"))


def test_missing_files_are_told_at_once(write_corpus):
    data_dir = write_corpus()
    (data_dir / "toy" / "valid.en").unlink()
    (data_dir / "toy" / "test.de").unlink()
    with pytest.raises(UserError, match=r"toy lacks valid\.en\[\.gz\], test\.de\[\.gz\]; toy/ needs train\.de\[\.gz\]"):
        SplitFolder(data_dir, "toy", ("de", "en"))


def test_texts_that_are_not_the_published_ones_are_refused(write_corpus):
    data_dir = write_corpus()
    shutil.move(data_dir / "toy", data_dir / "multi30k")
    for language in ("de", "en"):
        shutil.move(data_dir / f"multi30k/valid.{language}", data_dir / f"multi30k/val.{language}")
        shutil.move(data_dir / f"multi30k/test.{language}", data_dir / f"multi30k/test_2016_flickr.{language}")
    with pytest.raises(UserError, match=r"train\.de is not the published one: expected sha256 2c2b73\w+, found \w{64}"):
        Multi30k(data_dir, ("de", "en"))


@pytest.mark.parametrize(
    "given, message",
    [
        ({"test_sets": ["test_2019"]}, r"source\.test_sets is \['test_2019'\]; allowed: .*test_2016_flickr"),
        ({"test_sets": []}, r"source\.test_sets is \[\]; allowed"),
        ({"first": 29_001}, r"source\.first is 29001; allowed: 1 to 29000"),
        ({"languages": ("de", "nl")}, r"languages is \['de', 'nl'\]; allowed: .*de, en, fr"),
        ({"languages": ("de", "de")}, r"languages is \['de', 'de'\]; allowed: different"),
    ],
)
def test_choices_that_do_not_exist_are_refused(tmp_path, given, message):
    with pytest.raises(UserError, match=message):
        Multi30k(tmp_path, **{"languages": ("de", "en"), **given})


def test_split_folder_packed_or_not_has_the_same_pairs_and_sums(write_corpus, tmp_path):
    data_dir = write_corpus(packed=True, train_de="a\nb\n", train_en="c\nd\n")
    packed = SplitFolder(data_dir, "toy", ("de", "en"))
    packed_pairs = list(packed)
    for path in list((data_dir / "toy").iterdir()):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    plain = SplitFolder(data_dir, "toy", ("de", "en"))
    assert list(plain) == packed_pairs
    assert plain.sha256 == packed.sha256
    assert packed_pairs[:2] == [("train", "a", "c", "train"), ("train", "b", "d", "train")]
    assert [pair.split for pair in packed_pairs] == ["train", "train", "valid", "test"]


def test_multi30k_has_its_published_sizes(data_dir):
    corpus = Multi30k(data_dir, ("fr", "en"), ("test_2016_flickr", "test_2017_mscoco"))
    counts = {key: len(list(group)) for key, group in itertools.groupby(corpus, key=lambda pair: pair[0::3])}
    assert counts == {
        ("train", "train"): 29_000,
        ("valid", "val"): 1_014,
        ("test", "test_2016_flickr"): 1_000,
        ("test", "test_2017_mscoco"): 461,
    }


def test_multi30k_first_pairs_are_those_of_the_file(data_dir):
    few = Multi30k(data_dir, ("de", "en"), first=50)
    everything = Multi30k(data_dir, ("de", "en"))
    assert [pair for pair in few if pair.split == "train"] == list(itertools.islice(everything, 50))
    assert next(iter(everything)).target == "Two young, White males are outside near many bushes."


def test_multi30k_may_lie_unpacked(data_dir, tmp_path):
    (tmp_path / "multi30k").mkdir()
    for name in ("train", "val", "test_2017_flickr"):
        for language in ("de", "en"):
            text = gzip.decompress((data_dir / "multi30k" / f"{name}.{language}.gz").read_bytes())
            (tmp_path / "multi30k" / f"{name}.{language}").write_bytes(text)
    unpacked = Multi30k(tmp_path, ("de", "en"), ["test_2017_flickr"])
    assert unpacked.sha256 == Multi30k(data_dir, ("de", "en"), ["test_2017_flickr"]).sha256
