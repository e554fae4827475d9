"""Line-aligned text is read strictly and lazily."""

import gzip
import tracemalloc
from itertools import count, islice

import pytest

from entropyreg.data import parallel_text
from entropyreg.data.parallel_text import LONGEST_LINE, read_lines, read_parallel
from entropyreg.io.errors import UserError


def write(path, content: bytes):
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def test_plain_and_packed_files_are_aligned(tmp_path):
    german = write(tmp_path / "a.de.gz", "Größe\nzwei\n".encode())
    english = write(tmp_path / "a.en", b"size\ntwo")  # no end of line at the end of the file
    assert list(read_parallel([german, english])) == [("Größe", "size"), ("zwei", "two")]


def test_only_lf_ends_a_line(tmp_path):
    path = write(tmp_path / "a.de", "\ufeffeins\u2028zwei\r\ndrei\x85vier\rfünf\n\nsechs\tsieben\n".encode())
    assert list(read_lines(path)) == ["eins zwei", "drei vier fünf", "", "sechs\tsieben"]


@pytest.mark.parametrize("name", ["a.de", "a.de.gz"])
def test_other_encodings_are_named_with_file_and_line(tmp_path, name):
    path = write(tmp_path / name, "eins\nzwei\nGröße\n".encode("latin-1"))
    with pytest.raises(UserError, match=rf"{name}, line 3, is not UTF-8 \(byte 3 of the line is 0xf6\)"):
        list(read_lines(path))


@pytest.mark.parametrize("n_german, n_english, ended", [(2, 3, "a.de"), (3, 2, "a.en")])
def test_misaligned_files_are_named_with_line(tmp_path, n_german, n_english, ended):
    paths = [write(tmp_path / "a.de", b"x\n" * n_german), write(tmp_path / "a.en", b"y\n" * n_english)]
    with pytest.raises(UserError, match=rf"misaligned: \S*{ended} ends after line 2, but \S+ has a line 3"):
        list(read_parallel(paths))


def test_an_empty_corpus_is_an_error(tmp_path):
    paths = [write(tmp_path / "a.de", b""), write(tmp_path / "a.en.gz", b"")]
    with pytest.raises(UserError, match=r"corpus is empty: no line in \S+a\.de, \S+a\.en\.gz"):
        list(read_parallel(paths))


def test_damaged_and_missing_files_are_named(tmp_path):
    whole = gzip.compress(bytes(range(256)) * 64)
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "plain.gz").write_bytes(b"not packed\n")
    for name in ("cut.gz", "plain.gz"):
        with pytest.raises(UserError, match=f"{name} is not a whole gzip file"):
            list(read_lines(tmp_path / name))
    with pytest.raises(UserError, match=r"absent\.de does not exist"):
        list(read_lines(tmp_path / "absent.de"))
    with pytest.raises(UserError, match="is a folder"):
        list(read_lines(tmp_path))


@pytest.mark.parametrize("name", ["a.de", "a.de.gz"])
def test_a_line_without_an_end_is_told_before_it_fills_the_memory(tmp_path, name):
    path = write(tmp_path / name, b"eins\n" + b"x" * (32 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=rf"{name}, line 2, has more than 1048576 bytes"):
            list(read_lines(path))
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_the_longest_allowed_line_is_whole(tmp_path):
    longest = "x" * (LONGEST_LINE - 1)
    path = write(tmp_path / "a.de", f"{longest}\n{longest}y\nzwei\n".encode())
    lines = read_lines(path)
    assert next(lines) == longest
    with pytest.raises(UserError, match="line 2, has more"):  # with its end it is one byte too long
        next(lines)


def test_no_more_lines_are_read_than_asked_for(monkeypatch):
    """Endless files: reading them whole would never return."""
    monkeypatch.setattr(parallel_text, "read_lines", lambda path: (f"{path}{number}" for number in count()))
    assert list(islice(read_parallel(["a", "b"]), 2)) == [("a0", "b0"), ("a1", "b1")]
