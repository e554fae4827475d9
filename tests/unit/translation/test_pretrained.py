"""The weights of a published archive: whole, or told."""

import hashlib
import io
import tarfile

import pytest

from entropyreg.io.errors import UserError
from entropyreg.translation.pretrained import extract_weights


def write_archive(path, members):
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as packed:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_checkpoint_is_taken_out_and_nothing_else(tmp_path):
    members = {"bart.large/dict.txt": b"words", "bart.large/model.pt": b"weights"}
    sha256 = write_archive(tmp_path / "data" / "bart" / "bart.large.tar.gz", members)
    found = extract_weights("bart.large", tmp_path / "out" / "model.pt", tmp_path / "data")
    assert found == {"bart/bart.large.tar.gz": sha256}
    assert [(one.name, one.read_bytes()) for one in (tmp_path / "out").iterdir()] == [("model.pt", b"weights")]


def test_another_archive_is_refused(tmp_path):
    write_archive(tmp_path / "data" / "bart" / "bart.large.tar.gz", {"bart.base/model.pt": b"weights"})
    with pytest.raises(UserError, match=r"bart\.large\.tar\.gz has no member bart\.large/model\.pt"):
        extract_weights("bart.large", tmp_path / "out" / "model.pt", tmp_path / "data")
    assert not (tmp_path / "out" / "model.pt").exists()


def test_a_missing_archive_is_told(tmp_path):
    with pytest.raises(UserError, match=r"bart/bart\.large\.tar\.gz"):
        extract_weights("bart.large", tmp_path / "model.pt", tmp_path)
