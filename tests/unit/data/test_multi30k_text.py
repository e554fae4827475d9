"""Multi30k: what is missing is told at once, what is there is checked, wherever it lies and however it is packed."""

import gzip
import itertools
import os
import shutil
from pathlib import Path

import pytest

from entropyreg.data.multi30k import Multi30k
from entropyreg.io.errors import UserError


@pytest.fixture
def data_dir() -> Path:
    """The folder with Multi30k, which is never shipped."""
    folder = os.environ.get("ENTROPYREG_TEST_DATA")
    if not folder or not (Path(folder) / "multi30k").is_dir():
        pytest.skip("ENTROPYREG_TEST_DATA names no folder that holds multi30k/")
    return Path(folder)


def test_missing_texts_are_told_at_once_with_both_folders(tmp_path):
    wanted = (
        r"multi30k/train\.de\.gz, multi30k/train\.en\.gz, multi30k/val\.de\.gz, .*test_2016_flickr\.en\.gz: neither"
    )
    with pytest.raises(
        UserError, match=wanted + r" in data_dir \(not set\) nor download_dir \(downloads\); .*download"
    ):
        Multi30k(None, ("de", "en"), download_dir="downloads")
    with pytest.raises(UserError, match=wanted):
        Multi30k(tmp_path, ("de", "en"))


def test_a_data_dir_that_is_no_folder_is_told(tmp_path):
    with pytest.raises(UserError, match=r"data_dir is '\S+/nowhere', but there is no such folder"):
        Multi30k(tmp_path / "nowhere", ("de", "en"))


def test_texts_that_are_not_the_published_ones_are_refused(write_corpus):
    data_dir = write_corpus()
    shutil.move(data_dir / "toy", data_dir / "multi30k")
    for language in ("de", "en"):
        shutil.move(data_dir / f"multi30k/valid.{language}", data_dir / f"multi30k/val.{language}")
        shutil.move(data_dir / f"multi30k/test.{language}", data_dir / f"multi30k/test_2016_flickr.{language}")
    with pytest.raises(
        UserError, match=r"train\.de is not the published one: expected sha256 of the content 2c2b73\w+, found \w{64}"
    ):
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


def test_multi30k_is_found_among_the_downloads_where_the_user_has_none(data_dir, tmp_path):
    downloaded = Multi30k(tmp_path, ("de", "en"), download_dir=data_dir)
    assert downloaded.sha256 == Multi30k(data_dir, ("de", "en")).sha256
