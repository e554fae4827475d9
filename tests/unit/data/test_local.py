"""A corpus of the user's own: what is missing is told at once, packing does not matter."""

import gzip

import pytest

from entropyreg.data.local import SplitFolder
from entropyreg.io.errors import UserError


def test_an_unset_folder_is_told_with_the_files_wanted():
    with pytest.raises(
        UserError, match=r"data_dir is not set: .* toy/; .* train\.de\[\.gz\], train\.en\[\.gz\], valid"
    ):
        SplitFolder(None, "toy", ("de", "en"))


def test_a_missing_folder_is_told_with_its_path(tmp_path):
    with pytest.raises(UserError, match=rf"data_dir is '{tmp_path}', but there is no folder {tmp_path}/toy; .*train"):
        SplitFolder(tmp_path, "toy", ("de", "en"))


def test_missing_files_are_told_at_once(write_corpus):
    data_dir = write_corpus()
    (data_dir / "toy" / "valid.en").unlink()
    (data_dir / "toy" / "test.de").unlink()
    with pytest.raises(UserError, match=r"toy lacks valid\.en\[\.gz\], test\.de\[\.gz\]; toy/ needs train\.de\[\.gz\]"):
        SplitFolder(data_dir, "toy", ("de", "en"))


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
    assert packed_pairs[:2] == [("train", "a", "c", "train", None), ("train", "b", "d", "train", None)]
    assert [pair.split for pair in packed_pairs] == ["train", "train", "valid", "test"]
