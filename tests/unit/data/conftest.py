"""Small corpora for the tests of data."""

import gzip
import hashlib
import io
import lzma
import tarfile
from itertools import islice
from pathlib import Path

import pytest

from entropyreg.data import embedded, sources
from entropyreg.data.sources import Source


@pytest.fixture
def use_embedded(tmp_path, monkeypatch):
    """A function that makes a text the set 'registry.de-en', in place of all shipped sets, and returns its folder."""

    def use(text: str) -> Path:
        folder, name, content = tmp_path / "embedded", "registry.de-en.tsv.xz", lzma.compress(text.encode())
        folder.mkdir()
        (folder / name).write_bytes(content)
        (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
        monkeypatch.setattr(embedded, "FOLDER", folder)
        return folder

    return use


@pytest.fixture
def small_embedded(use_embedded) -> Path:
    """The first 500 pairs of the real German set in place of all."""
    return use_embedded("".join("\t".join(row) + "\n" for row in islice(embedded.read_pairs("registry.de-en"), 500)))


@pytest.fixture
def write_corpus(tmp_path):
    """A function that writes `<tmp_path>/data/toy/{train,valid,test}.{de,en}[.gz]` and returns the data folder."""

    def write(packed: bool = False, **texts: str) -> Path:
        """Texts are given as train_de="...", ...; those not given are 'eins zwei drei' and 'one two three'."""
        folder = tmp_path / "data" / "toy"
        folder.mkdir(parents=True)
        for split in ("train", "valid", "test"):
            for language, default in (("de", "eins zwei drei\n"), ("en", "one two three\n")):
                text = texts.get(f"{split}_{language}", default).encode()
                path = folder / f"{split}.{language}{'.gz' if packed else ''}"
                path.write_bytes(gzip.compress(text) if packed else text)
        return folder.parent

    return write


@pytest.fixture
def toy_task() -> dict:
    """The task that reads what `write_corpus` wrote."""
    return {
        "source": {"kind": "parallel", "folder": "toy"},
        "languages": {"source": "de", "target": "en"},
        "lowercase": True,
        "length": {"min": 1, "max": 10},
        "ratio": 1.5,
        "subwords": 10,
    }


@pytest.fixture
def write_archive(tmp_path):
    """A function that writes `<tmp_path>/data/<name>`, a .tgz of texts by member, and returns the data folder."""

    def write(name: str, members: dict[str, str]) -> Path:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w:gz") as tar:
            for member, text in members.items():
                info = tarfile.TarInfo(member)
                info.size = len(text.encode())
                tar.addfile(info, io.BytesIO(text.encode()))
        return tmp_path / "data"

    return write


@pytest.fixture
def no_known_sums(monkeypatch):
    """As if no sum of any file were known, so that a tiny archive of a test passes for the published one."""
    unknown = {name: Source(name, known.mirrors) for name, known in sources.all_sources().items()}
    monkeypatch.setattr(sources, "all_sources", lambda: unknown)
