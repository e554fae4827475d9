"""MTTT from a tiny archive of the real layout: exact text, published splits, published sizes."""

import pytest

from entropyreg.data import mttt
from entropyreg.data.preparation import prepare_corpus
from entropyreg.io.errors import UserError

ARCHIVE = "mttt/multitarget-ted.tgz"
TASK = {  # as in workflow/config/paper.yaml
    "source": {"kind": "mttt"},
    "languages": {"source": "fr", "target": "en"},
    "lowercase": True,
    "length": {"min": 1, "max": 175},
    "ratio": 1.5,
}
TEXTS = {
    "train": {
        "fr": ["« C'est l'eau ! »", "", "Trop court"],
        "en": ["“It's water!”", "Nothing", "Far too long for this one"],
    },
    "dev": {"fr": ["Une ligne", ""], "en": ["A line", "Not filtered"]},
    "test1": {"fr": ["Le test"], "en": ["The Test"]},
}


@pytest.fixture
def data_dir(write_archive, monkeypatch):
    """The tiny archive, with the tokenised texts beside the raw ones, as in the real one."""
    monkeypatch.setattr(mttt, "SIZES", {"dev": 2, "test1": 1})
    raw = {
        f"multitarget-ted/en-fr/raw/ted_{name}_en-fr.raw.{language}": "".join(f"{line}\n" for line in lines)
        for name, texts in TEXTS.items()
        for language, lines in texts.items()
    }
    others = {name.replace("/raw/", "/tok/").replace(".raw.", ".tok."): "tokenised\n" for name in raw}
    return write_archive(ARCHIVE, {"multitarget-ted/README": "read me\n", **others, **raw})


def read(path):
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def test_the_recipe_on_a_tiny_archive(data_dir, tmp_path):
    out = tmp_path / "out"
    summary = prepare_corpus(TASK, out, data_dir)
    assert read(out / "train.fr") == ["&quot; c&apos; est l&apos; eau ! &quot;"]
    assert read(out / "train.en") == ["&quot; it &apos;s water ! &quot;"]
    assert read(out / "valid.fr") == ["une ligne", ""]  # a published set is never filtered
    assert read(out / "valid.reference") == ["A line", "Not filtered"]
    assert read(out / "valid.origin") == ["dev", "dev"]
    assert read(out / "test.en") == ["the test"] and read(out / "test.origin") == ["test1"]
    assert summary["splits"]["train"]["dropped"] == {"too_short": 1, "ratio": 1}


def test_other_sizes_than_the_published_ones_are_refused(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(mttt, "SIZES", {"dev": 2, "test1": 1982})
    with pytest.raises(UserError, match=r"multitarget-ted\.tgz has 1 sentences in test1; published: 1982"):
        prepare_corpus(TASK, tmp_path / "out", data_dir)


def test_published_sizes_are_those_of_the_readme():
    assert mttt.SIZES == {"dev": 1958, "test1": 1982}


def test_one_side_is_english():
    with pytest.raises(UserError, match="languages are fr to de, but one side of MTTT is en"):
        mttt.Mttt(None, ("fr", "de"))
