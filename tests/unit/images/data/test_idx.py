"""IDX files as published: the literal bytes of a tiny one."""

import gzip

import numpy as np
import pytest

from entropyreg.images.data.idx import read_idx
from entropyreg.io.errors import UserError

TINY = bytes.fromhex("00000803000000020000000200000003") + bytes(range(250, 256)) + bytes(range(6))
EXPECTED = [[[250, 251, 252], [253, 254, 255]], [[0, 1, 2], [3, 4, 5]]]


@pytest.mark.parametrize("packed", [False, True])
def test_literal_bytes_are_read(tmp_path, packed):
    path = tmp_path / ("images.gz" if packed else "images")
    path.write_bytes(gzip.compress(TINY) if packed else TINY)
    array = read_idx(path)
    assert array.dtype == np.uint8
    assert array.tolist() == EXPECTED


@pytest.mark.parametrize("content", [TINY[:-1], TINY + b"x", TINY[:9], b"", b"\x00\x00\x0d" + TINY[3:], b"GIF89a"])
def test_damaged_files_are_refused_by_name(tmp_path, content):
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(UserError, match="images"):
        read_idx(tmp_path / "images")


def test_a_cut_gzip_file_is_refused(tmp_path):
    (tmp_path / "images.gz").write_bytes(gzip.compress(TINY)[:-9])
    with pytest.raises(UserError, match=r"images\.gz is not a whole gzip file"):
        read_idx(tmp_path / "images.gz")
