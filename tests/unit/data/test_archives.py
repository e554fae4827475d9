"""Archives are streamed; only requested members reach the disk, at the requested paths."""

import gzip
import io
import tarfile
import tracemalloc

import pytest

from entropyreg.data import archives
from entropyreg.data.archives import extract, open_member, read_member_lines
from entropyreg.io.errors import UserError


def write_tar(path, members, mode="w:gz"):
    """`members`: (name, content), or a whole TarInfo."""
    with tarfile.open(path, mode) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return path


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_one_member_is_read_however_it_is_packed(tmp_path, mode):
    path = write_tar(tmp_path / "a.tar", [("x/one", b"eins\nzwei"), ("./x/two", "größer\n".encode())], mode)
    assert list(read_member_lines(path, "x/one")) == ["eins", "zwei"]
    assert list(read_member_lines(path, "x/two")) == ["größer"]


def test_two_members_are_read_side_by_side(tmp_path):
    path = write_tar(tmp_path / "a.tgz", [("de", b"eins\nzwei\n"), ("en", b"one\ntwo\n")])
    pairs = zip(read_member_lines(path, "de"), read_member_lines(path, "en"), strict=True)
    assert list(pairs) == [("eins", "one"), ("zwei", "two")]


def test_a_line_that_is_not_utf8_is_named_with_archive_and_member(tmp_path):
    path = write_tar(tmp_path / "a.tgz", [("x/de", b"eins\nGr\xf6\n")])
    with pytest.raises(UserError, match=r"a\.tgz:x/de, line 2, is not UTF-8 \(byte 3 of the line is 0xf6\)"):
        list(read_member_lines(path, "x/de"))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE], ids=repr
)
def test_links_and_special_files_are_refused(tmp_path, kind):
    (tmp_path / "secret").write_text("secret")
    path = write_tar(tmp_path / "a.tgz", [special("x", kind, str(tmp_path / "secret"))])
    with pytest.raises(UserError, match=r"'x' as a link or a special file"), open_member(path, "x"):
        pass
    with pytest.raises(UserError, match=r"'x' as a link or a special file"):
        extract(path, {"x": tmp_path / "out" / "x"})
    assert not (tmp_path / "out" / "x").exists()


def test_names_in_the_archive_do_not_choose_output_paths(tmp_path):
    """Traversal, absolute names and links to folders: only the member asked for is written, where it was asked."""
    outside = tmp_path / "outside"
    members = [
        ("../outside", b"bad"),
        (str(outside), b"bad"),
        special("folder", tarfile.SYMTYPE, str(tmp_path)),
        ("folder/outside", b"bad"),
        ("good", b"good"),
    ]
    path = write_tar(tmp_path / "a.tgz", members)
    (tmp_path / "in").mkdir()
    extract(path, {"good": tmp_path / "in" / "good"})
    assert {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*")} == {"a.tgz", "in", "in/good"}
    assert (tmp_path / "in" / "good").read_bytes() == b"good"


def test_missing_members_are_named(tmp_path):
    path = write_tar(tmp_path / "a.tgz", [("one", b"1"), ("two", b"2")])
    with pytest.raises(UserError, match=r"a\.tgz has no member three, four"):
        extract(path, {"one": tmp_path / "one", "three": tmp_path / "three", "four": tmp_path / "four"})
    with pytest.raises(UserError, match=r"a\.tgz has no member 'three'"), open_member(path, "three"):
        pass
    with pytest.raises(UserError, match=r"b\.tgz does not exist"), open_member(tmp_path / "b.tgz", "one"):
        pass


def test_an_archive_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = write_tar(tmp_path / "a.tgz", [("bomb", bytes(3 << 20)), ("good", b"good")])
    assert path.stat().st_size < 10_000
    for member in ("bomb", "good"):
        with pytest.raises(
            UserError, match=r"a\.tgz is too large: member 1 ends at byte 31\d+; allowed: 1048576 bytes"
        ):
            extract(path, {member: tmp_path / "out"}, greatest=1 << 20)
    assert not (tmp_path / "out").exists()


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    path = write_tar(tmp_path / "a.tgz", [(f"{number}", b"") for number in range(5)])
    with pytest.raises(UserError, match=r"allowed: .* 3 members"):
        extract(path, {"4": tmp_path / "out"})


def test_a_huge_header_is_refused_before_it_is_read(tmp_path):
    """An extended header says that it has 4 GB; tarfile would read all of it into memory."""
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 4 << 30
    path = tmp_path / "a.tgz"
    path.write_bytes(gzip.compress(header.tobuf() + bytes(1 << 20)))
    with pytest.raises(UserError, match="header of 4294967296 bytes"), open_member(path, "x"):
        pass


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive at all" * 100, gzip.compress(b"text, but no archive" * 100)],
    ids=["empty", "text", "compressed text"],
)
def test_a_file_that_is_no_archive_is_reported(tmp_path, content):
    path = tmp_path / "a.tgz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.tgz (is no whole archive|has no member)"), open_member(path, "x"):
        pass


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_truncated_archive_is_reported_wherever_it_was_cut(tmp_path, mode):
    content = b"".join(b"line %d\n" % (number * 7919 % 10007) for number in range(20_000))
    whole = write_tar(tmp_path / "whole", [("x", content)], mode).read_bytes()
    for share in (0.3, 0.7):
        (tmp_path / "cut").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UserError, match="is no whole archive"):
            list(read_member_lines(tmp_path / "cut", "x"))
        with pytest.raises(UserError, match="is no whole archive"):
            extract(tmp_path / "cut", {"x": tmp_path / "out"})
        assert not (tmp_path / "out").exists()


def test_an_endless_line_is_refused_before_it_fills_the_memory(tmp_path):
    path = write_tar(tmp_path / "a.tgz", [("x/de", b"eins\n" + b"x" * (32 << 20))])
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=r"a\.tgz:x/de, line 2, has more than 1048576 bytes"):
            list(read_member_lines(path, "x/de"))
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_member(tmp_path):
    peaks = []
    for n_lines in (5_000, 60_000):
        path = write_tar(tmp_path / f"{n_lines}.tgz", [("x", b"a line of text\n" * n_lines)])
        tracemalloc.start()
        assert sum(1 for _ in read_member_lines(path, "x")) == n_lines
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 50_000  # 0.9 MB of text
