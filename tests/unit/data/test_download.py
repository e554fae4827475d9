"""Downloads, against a server of the test's own that fails in every way: only the published file ever gets its name."""

import gzip
import hashlib
import io
import json
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from entropyreg.data import receiver, sources
from entropyreg.data.archives import extract
from entropyreg.data.download import fetch, link
from entropyreg.data.receiver import Patience
from entropyreg.data.sources import Source, locate
from entropyreg.io.errors import UserError

CONTENT = bytes(range(256)) * 1200
HALF = len(CONTENT) // 2
NAME = "folder/file.bin"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
CALM = Patience(attempts=3)  # a busy machine is no stalling server
HASTY = Patience(attempts=2, stall_seconds=1, slowest=100_000, slow_seconds=1)  # where one has to be noticed
SLOW = {"stall", "drip"}


class Handler(BaseHTTPRequestHandler):
    """`/KIND`: answers as KIND says; every request is remembered as (kind, Range)."""

    def do_GET(self):
        kind, sent = self.path.strip("/").split("/")[0], self.headers.get("Range")
        self.server.requests.append((kind, sent))
        getattr(self, kind)()

    def reply(self, status, content, length=None, **headers):
        self.send_response(status)
        if length != "none":
            self.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def good(self, **headers):
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if not start:
            return self.reply(200, CONTENT, **headers)
        if start >= len(CONTENT):
            return self.reply(416, b"", Content_Range=f"bytes */{len(CONTENT)}")
        shown = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        return self.reply(206, CONTENT[start:], Content_Range=shown, **headers)

    def without_ranges(self):
        self.reply(200, CONTENT)

    def other_range(self):
        is_asked = self.headers.get("Range") is not None
        self.reply(206 if is_asked else 200, CONTENT, **({"Content_Range": "bytes 0-9/10"} if is_asked else {}))

    def cut(self):
        self.reply(200, CONTENT[:HALF], length=len(CONTENT))

    def cut_with_tag(self):
        self.reply(200, CONTENT[:HALF], length=len(CONTENT), ETag='"v1"')

    def cut_once(self):
        self.cut() if len(self.server.requests) == 1 else self.good()

    def tag_changed(self):
        """The file changed between two attempts: If-Range makes the server send the new one, whole."""
        self.server.conditions.append(self.headers.get("If-Range"))
        if len(self.server.conditions) == 1:
            return self.reply(200, b"x" * HALF, length=len(CONTENT), ETag='"v1"')
        return self.reply(200, CONTENT, ETag='"v2"')

    def wrong(self):
        self.reply(200, b"x" * len(CONTENT))

    def longer(self):
        self.reply(200, CONTENT + b"x")

    def missing(self):
        self.reply(404, b"no such file")

    def broken(self):
        self.reply(500, b"try again")

    def broken_once(self):
        self.good() if ("broken_once", None) in self.server.requests[:-1] else self.broken()

    def moved(self):
        self.reply(302, b"", Location="/good/file.bin")

    def stall(self):
        self.reply(200, CONTENT[:HALF], length=len(CONTENT))
        self.server.stopped.wait(60)

    def drip(self):
        self.reply(200, b"", length=len(CONTENT))
        for number in range(3000):  # a minute
            self.wfile.write(CONTENT[number : number + 1])
            if self.server.stopped.wait(0.02):
                return

    def page(self):
        self.reply(200, b"<!DOCTYPE html><title>Sign in</title>")

    def packed(self):
        self.reply(200, gzip.compress(CONTENT, mtime=0))

    def cut_packed(self):
        self.reply(200, gzip.compress(CONTENT, mtime=0)[:-9])

    def hostile(self):
        self.reply(200, hostile_archive())

    def endless(self):
        """No length at all: where the connection ends, the file ends."""
        self.reply(200, CONTENT[:HALF], length="none")

    def endless_chunks(self):
        """No length, in chunks, and never an end: a server that is hostile, or caught in a loop."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        chunk = b"%x\r\n%s\r\n" % (len(CONTENT), CONTENT)
        try:
            while not self.server.stopped.is_set():
                self.wfile.write(chunk)
        except ConnectionError:  # the other side has hung up, as it should
            self.server.hung_up.set()

    def log_message(self, *arguments):
        pass


def hostile_archive():
    """A tar.gz that would leave its folder: by its names, by a link, and by unfolding to 16 MiB."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as tar:
        for name, content in (("../../outside", b"bad"), ("/entropyreg-outside", b"bad"), ("good", b"good")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("train.de")
        link.type, link.linkname = tarfile.SYMTYPE, "../../secret"
        tar.addfile(link)
        bomb = tarfile.TarInfo("bomb")
        bomb.size = 16 << 20
        tar.addfile(bomb, io.BytesIO(bytes(bomb.size)))
    return written.getvalue()


@pytest.fixture
def server(monkeypatch):
    """A server; `publish` makes a source whose mirrors are its addresses."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.requests, server.conditions = True, [], []
    server.stopped, server.hung_up = threading.Event(), threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def publish(*kinds, name=NAME, **known):
        known = known or {"sha256": SHA256, "bytes": len(CONTENT)}
        mirrors = tuple(f"http://127.0.0.1:{server.server_port}/{kind}/{name.split('/')[1]}" for kind in kinds)
        server.patience = HASTY if SLOW & set(kinds) else CALM
        everything = {name: Source(name, mirrors, **known)}
        monkeypatch.setattr(sources, "all_sources", lambda: everything)

    server.publish = publish
    server.pauses, server.patience = [], CALM
    monkeypatch.setattr("pooch.core.time", type("Time", (), {"sleep": server.pauses.append}))
    yield server
    server.stopped.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def get(server, tmp_path):
    """Fetch into `<tmp_path>/cache`; after that, no part of anything bears a final name."""

    def fetch_here(name=NAME, data_dir=None, **options):
        return fetch(name, data_dir, tmp_path / "cache", **{"patience": server.patience, **options})

    return fetch_here


def kinds(server):
    return [kind for kind, _ in server.requests]


def files(tmp_path):
    """Names of what a reader would see in the cache."""
    return sorted(path.name for path in (tmp_path / "cache").rglob("[!.]*") if path.is_file())


def test_a_file_is_downloaded_once(server, get, tmp_path):
    server.publish("good")
    located = get()
    assert located == (tmp_path / "cache" / NAME, SHA256)
    assert located.path.read_bytes() == CONTENT
    assert located.path.stat().st_mode & 0o777 == 0o644
    assert get() == located
    assert server.requests == [("good", None)]


@pytest.mark.parametrize("kind", ["missing", "broken", "wrong", "longer", "page", "cut", "stall", "drip"])
def test_a_mirror_that_fails_is_followed_by_the_next(server, get, tmp_path, kind):
    server.publish(kind, "good")
    assert get().path.read_bytes() == CONTENT
    assert kinds(server)[-1] == "good"
    assert files(tmp_path) == ["file.bin"]


def test_a_file_that_is_not_there_is_not_asked_for_again(server, get):
    server.publish("missing", "good")
    get()
    assert kinds(server) == ["missing", "good"] and server.pauses == []


def test_a_server_in_trouble_is_asked_again_after_growing_pauses(server, get):
    server.publish("broken")
    with pytest.raises(UserError, match=r"folder/file\.bin could not be downloaded \(http\S+/broken\S+ 500 .*data_dir"):
        get()
    assert kinds(server) == ["broken"] * 3 and server.pauses == [1, 2]


def test_trouble_that_passes_is_overcome_at_the_same_mirror(server, get):
    server.publish("broken_once", "missing")
    get()
    assert kinds(server) == ["broken_once", "broken_once"]


def test_redirects_are_followed(server, get):
    server.publish("moved")
    assert get().sha256 == SHA256
    assert kinds(server) == ["moved", "good"]


@pytest.mark.parametrize("kind", ["wrong", "longer", "cut", "stall", "drip", "page"])
def test_what_is_not_the_published_file_never_gets_its_name(server, get, tmp_path, kind):
    server.publish(kind)
    with pytest.raises(UserError, match="could not be downloaded"):
        get()
    assert files(tmp_path) == []


def test_another_file_is_not_downloaded_more_than_twice(server, get):
    server.publish("wrong", sha256=SHA256)
    with pytest.raises(UserError, match="twice another sum"):
        get(patience=Patience(attempts=9))
    assert kinds(server) == ["wrong", "wrong"]


def test_what_has_come_is_not_asked_for_again(server, get):
    server.publish("cut_once")
    assert get().path.read_bytes() == CONTENT
    assert server.requests == [("cut_once", None), ("cut_once", f"bytes={HALF}-")]


def test_a_part_is_continued_by_a_later_process_and_at_another_mirror(server, get, tmp_path):
    server.publish("cut")
    with pytest.raises(UserError):
        get(patience=Patience(attempts=1))
    server.publish("good")
    assert get().path.read_bytes() == CONTENT
    assert server.requests == [("cut", None), ("good", f"bytes={HALF}-")]
    assert not list((tmp_path / "cache").rglob("*.part*"))


def test_a_part_that_was_whole_is_only_checked(server, get, tmp_path):
    """The process ended between the last byte and the check."""
    server.publish("good")
    (tmp_path / "cache" / "folder").mkdir(parents=True)
    (tmp_path / "cache" / "folder" / ".file.bin.part").write_bytes(CONTENT)
    assert get().path.read_bytes() == CONTENT
    assert server.requests == [("good", f"bytes={len(CONTENT)}-")]


@pytest.mark.parametrize("kind", ["good", "without_ranges", "other_range"])
@pytest.mark.parametrize("part", [b"x" * 1000, CONTENT + b"x"])
def test_a_part_of_something_else_does_no_harm(server, get, tmp_path, kind, part):
    server.publish(kind)
    (tmp_path / "cache" / "folder").mkdir(parents=True)
    (tmp_path / "cache" / "folder" / ".file.bin.part").write_bytes(part)
    assert get().path.read_bytes() == CONTENT


def test_without_a_sum_a_part_is_continued_only_if_the_file_is_the_same(server, get):
    server.publish("tag_changed", md5=None)
    assert get().path.read_bytes() == CONTENT
    assert server.conditions == [None, '"v1"']  # and not the first half of one and the second of another


def test_without_a_sum_and_a_tag_a_part_is_not_continued(server, get):
    server.publish("cut_once", md5=None)
    with pytest.raises(UserError):
        get(patience=Patience(attempts=1))
    server.publish("cut_once", md5=None)
    assert get().path.read_bytes() == CONTENT
    assert [sent for _, sent in server.requests] == [None, None]


def test_a_file_without_a_sum_is_pinned_on_first_use(server, get, tmp_path):
    server.publish("good", md5=None)
    get()
    pin = json.loads((tmp_path / "cache" / "folder" / "file.bin.pin.json").read_text())
    assert (pin["sha256"], pin["bytes"]) == (SHA256, len(CONTENT))
    (tmp_path / "cache" / NAME).unlink()
    server.publish("wrong", md5=None)
    with pytest.raises(UserError, match="could not be downloaded"):
        get()
    assert files(tmp_path) == ["file.bin.pin.json"]
    server.publish("wrong", "good", md5=None)
    assert get().sha256 == SHA256


@pytest.mark.parametrize(
    "kind, name, message",
    [
        ("page", NAME, "a page of HTML"),
        ("cut_packed", "folder/file.tgz", "no whole gzip file"),
        ("good", "folder/file.tgz", "no whole gzip file"),
        ("good", "folder/file.parquet", "no whole parquet file"),
        ("endless", NAME, "does not say how long the file is"),
    ],
)
def test_without_a_sum_what_is_clearly_wrong_is_not_pinned(server, get, tmp_path, kind, name, message):
    server.publish(kind, name=name, md5=None)
    with pytest.raises(UserError, match=message):
        get(name)
    assert files(tmp_path) == []


def test_a_packed_file_stays_packed(server, get):
    server.publish("packed", name="folder/file.gz", md5=None)
    assert gzip.decompress(get("folder/file.gz").path.read_bytes()) == CONTENT


def test_a_hostile_archive_that_nothing_is_known_of_writes_nowhere_else(server, get, tmp_path):
    """A mirror that is not checked against a sum may send anything; what is read of it is still only what was asked."""
    server.publish("hostile", name="folder/archive.tgz", md5=None)
    located = get("folder/archive.tgz").path
    (tmp_path / "secret").write_text("secret")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    out = tmp_path / "cache" / "out"
    extract(located, {"good": out / "good"}, greatest=1 << 20)
    with pytest.raises(UserError, match=r"'train\.de' as a link"):
        extract(located, {"train.de": out / "train.de"}, greatest=1 << 20)
    with pytest.raises(UserError, match=r"archive\.tgz is too large"):
        extract(located, {"bomb": out / "bomb"}, greatest=1 << 20)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} - before == {out / "good"}
    assert not Path("/entropyreg-outside").exists()


def test_a_damaged_download_is_made_anew_but_not_offline(server, get, tmp_path):
    server.publish("good")
    get()
    (tmp_path / "cache" / NAME).write_bytes(CONTENT[:-1])
    with pytest.raises(
        UserError, match=r"file\.bin is not the published one: expected size in bytes 307200, found 307199"
    ):
        get(offline=True)
    assert get().path.read_bytes() == CONTENT
    assert kinds(server) == ["good", "good"]


def test_offline_asks_no_server(server, get, tmp_path):
    server.publish("good")
    with pytest.raises(
        UserError, match=r"cannot be downloaded \(offline is true\): put it under data_dir as folder/file"
    ):
        get(offline=True)
    assert server.requests == []
    get()
    assert get(offline=True).sha256 == SHA256


def test_the_users_own_file_comes_first_and_is_checked_alike(server, get, tmp_path):
    server.publish("good")
    own = tmp_path / "own" / NAME
    own.parent.mkdir(parents=True)
    own.write_bytes(CONTENT)
    assert get(data_dir=tmp_path / "own") == (own, SHA256)
    own.write_bytes(b"x" * len(CONTENT))
    with pytest.raises(UserError, match=rf"{own} is not the published one: expected sha256 {SHA256}, found \w+"):
        get(data_dir=tmp_path / "own")
    assert server.requests == []  # what is wrong there is told, not replaced in silence


def test_the_users_own_text_may_be_packed_anew_or_unpacked(server, get, tmp_path):
    server.publish("missing", name="folder/text.gz", md5="0" * 32, content_sha256=SHA256)
    folder = tmp_path / "own" / "folder"
    folder.mkdir(parents=True)
    (folder / "text.gz").write_bytes(gzip.compress(CONTENT, 1))
    assert get("folder/text.gz", data_dir=tmp_path / "own") == (folder / "text.gz", SHA256)
    (folder / "text.gz").unlink()
    (folder / "text").write_bytes(CONTENT)
    assert get("folder/text.gz", data_dir=tmp_path / "own") == (folder / "text", SHA256)
    (folder / "text").write_bytes(CONTENT[1:])
    with pytest.raises(UserError, match="sha256 of the content"):
        get("folder/text.gz", data_dir=tmp_path / "own")


def test_two_processes_share_one_download(server, get):
    server.publish("good")
    threads = [threading.Thread(target=get) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert kinds(server) == ["good"]


def test_a_file_larger_than_the_disk_is_not_begun(server, get):
    server.publish("good", bytes=1 << 60, sha256=SHA256)
    with pytest.raises(UserError, match=r"has 1152921504606846976 bytes, but only \d+ are free"):
        get()
    assert server.requests == []


@pytest.mark.parametrize("known", [{"md5": None}, {"md5": hashlib.md5(CONTENT).hexdigest()}])
def test_an_endless_answer_is_cut_and_deleted(server, get, tmp_path, monkeypatch, known):
    monkeypatch.setattr(receiver, "GREATEST_DOWNLOAD", 2 << 20)
    server.publish("endless_chunks", **known)
    with pytest.raises(UserError, match="the server sends more than 2097152 bytes, too many for this file"):
        get()
    assert server.hung_up.wait(10)
    assert not list((tmp_path / "cache").rglob("*.part*")) and files(tmp_path) == []
    server.publish("endless_chunks", "good", **known)
    assert get().path.read_bytes() == CONTENT


def test_an_answer_that_says_it_is_too_long_is_not_begun(server, get, tmp_path, monkeypatch):
    monkeypatch.setattr(receiver, "GREATEST_DOWNLOAD", len(CONTENT) - 1)
    server.publish("good", md5=None)
    with pytest.raises(UserError, match="the server sends more than 307199 bytes"):
        get()
    assert not list((tmp_path / "cache").rglob("*.part*"))


def test_a_file_of_unknown_size_stops_before_the_disk_is_full(server, get, tmp_path, monkeypatch):
    """A disk with room for 2 MiB above what stays free; what is free falls as the part grows."""
    free = []

    def usage(folder):
        used = sum(path.stat().st_size for path in folder.glob(".*.part"))
        free.append(receiver.KEPT_FREE + (2 << 20) - used)
        return type("Usage", (), {"free": free[-1]})

    monkeypatch.setattr(receiver, "disk_usage", usage)
    monkeypatch.setattr(receiver, "LOOK_AFTER", 1 << 18)
    server.publish("endless_chunks", "good", md5=None)
    with pytest.raises(UserError, match=r"folder/file\.bin needs more room: \d+ bytes are free in \S+folder"):
        get()
    assert receiver.KEPT_FREE - (1 << 20) < free[-1] < receiver.KEPT_FREE
    assert not list((tmp_path / "cache").rglob("*.part*")) and kinds(server) == ["endless_chunks"]


def test_a_file_that_says_it_has_no_room_is_not_begun(server, get, tmp_path, monkeypatch):
    nearly = type("Usage", (), {"free": receiver.KEPT_FREE + len(CONTENT) - 1})
    monkeypatch.setattr(receiver, "disk_usage", lambda folder: nearly)
    server.publish("good", md5=None)
    with pytest.raises(UserError, match="307200 are to come, and 1073741824 must stay free"):
        get()
    nearly.free += 1
    assert get().path.read_bytes() == CONTENT


def test_giving_up_takes_no_longer_than_patience_says(server, get):
    server.publish("stall", "drip")
    start = time.monotonic()
    with pytest.raises(UserError, match="too slow"):
        get(patience=Patience(attempts=1, stall_seconds=0.1, slowest=1e6, slow_seconds=0.1))
    assert time.monotonic() - start < 30  # the server takes two minutes


def test_links_are_relative_and_replaced(tmp_path):
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    link(tmp_path / "a", tmp_path / "links" / "x")
    link(tmp_path / "b", tmp_path / "links" / "x")
    assert (tmp_path / "links" / "x").readlink().as_posix() == "../b"
    assert [path.name for path in (tmp_path / "links").iterdir()] == ["x"]


def test_unknown_sources_are_told(tmp_path):
    with pytest.raises(
        UserError, match=r"no source 'iwslt14/de-en\.tar' \(did you mean 'iwslt14/de-en\.tgz'\?\); allowed"
    ):
        fetch("iwslt14/de-en.tar", None, tmp_path)
    with pytest.raises(UserError, match=r"data_dir is .* no such folder"):
        locate("iwslt14/de-en.tgz", tmp_path / "nowhere", tmp_path)
    with pytest.raises(UserError, match=r"has no public address\): put it under data_dir"):
        fetch("imagenet/ILSVRC2012_img_val.tar", None, tmp_path)
