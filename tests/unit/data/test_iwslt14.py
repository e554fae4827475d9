"""IWSLT'14 from a tiny archive of the real layout: exact text, the split, the counts."""

import pytest

from entropyreg.data.iwslt14 import TEST_SETS, Iwslt14
from entropyreg.data.preparation import prepare_corpus
from entropyreg.data.subwords import segment_corpus
from entropyreg.io.errors import UserError
from entropyreg.io.files import sha256_of

ARCHIVE = "iwslt14/de-en.tgz"
TASK = {  # as in workflow/config/paper.yaml
    "source": {"kind": "iwslt14"},
    "languages": {"source": "de", "target": "en"},
    "normalize_punctuation": False,
    "lowercase": True,
    "length": {"min": 1, "max": 175},
    "ratio": 1.5,
    "subwords": 20,
}
NUMBERS = ("eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn")
HEAD = {  # of a talk, in both languages; what has no counterpart on the other side would shift the lines
    "de": "<url>http://x/1</url>\n<keywords>talks, a</keywords>\n<talkid>7</talkid>\n<title>Ein Titel: Wasser</title>\n"
    "<description>Worum es geht.</description>\n",
    "en": "<url>http://x/1</url>\n<speaker>Jo</speaker>\n<talkid>7</talkid>\n<keywords>talks, a</keywords>\n"
    "<title>A title: water</title>\n<description>What it is about.</description>\n",
}


def training_texts(n_pairs):
    """A head with a title and a description, then sentences; of every ten the fourth is empty in German."""
    head = {"de": HEAD["de"], "en": HEAD["en"].replace("<speaker>Jo</speaker>\n", "")}
    lines = {"de": [], "en": []}
    for number in range(n_pairs):
        lines["de"].append("" if number % 10 == 3 else f" Das ist {NUMBERS[number % 10]} von {number}. ")
        lines["en"].append(f"This is {number} of {number}.")
    return {language: head[language] + "\n".join(lines[language]) + "\n" for language in head}


def test_set(language, name):
    """XML as the organisers write it: the set's own head, one segment a line."""
    texts = {
        "de": ["Q&amp;A: „Größe“ &lt;3", f"Das war\u2019s mit {name} hier."],
        "en": ["Q&amp;A: “size” &lt;3", f"That\u2019s it with {name} here."],
    }[language]
    segments = "".join(f'<seg id="{number}"> {text} </seg>\n' for number, text in enumerate(texts, start=1))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<mteval>\n<srcset setid="iwslt2014-{name}" srclang="x">\n'
        f'<doc docid="1" genre="lectures">\n<url>http://x</url>\n<title>Not a segment</title>\n{segments}</doc>\n'
        "</srcset>\n</mteval>\n"
    )


test_set.__test__ = False


@pytest.fixture
def members():
    """The archive's members, in an order that is not the one in which they are read; and two that are not."""
    texts = {f"de-en/train.tags.de-en.{language}": text for language, text in training_texts(60).items()}
    tests = {
        f"de-en/IWSLT14.{name}.de-en.{language}.xml": test_set(language, name)
        for name in TEST_SETS
        for language in ("en", "de")
    }
    return {"de-en/README": "read me\n", **tests, **texts, "de-en/IWSLT14.TEDX.tst2013.de-en.de.xml": "unused"}


def read(path):
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def test_the_recipe_on_a_tiny_archive(write_archive, members, tmp_path):
    data_dir, out = write_archive(ARCHIVE, members), tmp_path / "out"
    summary = prepare_corpus(TASK, out, data_dir, tmp_path / "downloads")
    english = ["a title : water", "what it is about ."]
    english += [f"this is {number} of {number} ." for number in range(60) if number % 10 != 3]
    assert len(english) == 56
    assert read(out / "valid.en") == english[22::23]  # every 23rd of what cleaning left, not of the file
    assert read(out / "train.en") == [line for number, line in enumerate(english, start=1) if number % 23]
    assert read(out / "train.de")[:3] == ["ein titel : wasser", "worum es geht .", "das ist eins von 0 ."]
    assert read(out / "valid.reference") == ["This is 22 of 22.", "This is 48 of 48."]
    assert read(out / "valid.origin") == ["train"] * 2
    assert {split: counts["pairs"] for split, counts in summary["splits"].items()} == {
        "train": 54,
        "valid": 2,
        "test": 10,
    }
    assert summary["splits"]["train"]["read"] == 60 and summary["splits"]["train"]["dropped"] == {"too_short": 6}
    assert summary["inputs_sha256"] == {ARCHIVE: sha256_of(data_dir / ARCHIVE)}


def test_test_sets_are_joined_in_the_order_of_the_recipe(write_archive, members, tmp_path):
    data_dir, out = write_archive(ARCHIVE, members), tmp_path / "out"
    prepare_corpus(TASK, out, data_dir)
    names = ["TED.dev2010", "TEDX.dev2012", "TED.tst2010", "TED.tst2011", "TED.tst2012"]
    assert read(out / "test.origin") == [name for name in names for _ in range(2)]
    assert read(out / "test.de")[:2] == [
        "q &amp; a : „ größe “ &lt; 3",
        "das war &apos; s mit ted.dev2010 hier .",
    ]
    assert read(out / "test.en")[1] == "that &apos;s it with ted.dev2010 here ."
    assert read(out / "test.reference")[:2] == ["Q&A: “size” <3", "That's it with TED.dev2010 here."]


def test_both_directions_have_the_same_pairs(write_archive, members, tmp_path):
    data_dir = write_archive(ARCHIVE, members)
    prepare_corpus(TASK, tmp_path / "de-en", data_dir)
    prepare_corpus({**TASK, "languages": {"source": "en", "target": "de"}}, tmp_path / "en-de", data_dir)
    for name in ("train.de", "valid.en", "test.de"):
        assert (tmp_path / "de-en" / name).read_bytes() == (tmp_path / "en-de" / name).read_bytes()


def test_subwords_are_learned_on_train_alone(write_archive, members, tmp_path):
    members["de-en/train.tags.de-en.de"] = members["de-en/train.tags.de-en.de"].replace("von 22", "von qqqqqqqqqq")
    data_dir, out = write_archive(ARCHIVE, members), tmp_path / "out"
    prepare_corpus(TASK, out, data_dir)
    segment_corpus(TASK, out)
    assert any("qqqqqqqqqq" in line for line in read(out / "valid.de"))
    assert "q" not in (out / "subwords" / "codes").read_text(encoding="utf-8")


def test_texts_that_do_not_match_are_told(write_archive, members, tmp_path):
    members["de-en/train.tags.de-en.en"] += "One more.\n"
    with pytest.raises(
        UserError, match=r"de-en\.tgz:de-en/train\.tags\.de-en\.de ends after line 62, but .*de-en\.en has"
    ):
        prepare_corpus(TASK, tmp_path / "out", write_archive(ARCHIVE, members))


def test_segments_are_paired_by_document_and_number(write_archive, members, tmp_path):
    """Each language lacks one segment, so that as many are left: by their order, those between would be shifted."""

    def talks(language, missing):
        return "".join(
            f'<doc docid="{talk}" genre="lectures">\n'
            + "".join(f'<seg id="{n}"> {language} {talk} {n} </seg>\n' for n in (1, 2, 3) if (talk, n) != missing)
            + "</doc>\n"
            for talk in (7, 9)
        )

    for language, missing in (("de", (7, 2)), ("en", (9, 1))):
        members[f"de-en/IWSLT14.TEDX.dev2012.de-en.{language}.xml"] = talks(language, missing)
    out = tmp_path / "out"
    summary = prepare_corpus(TASK, out, write_archive(ARCHIVE, members))
    assert summary["splits"]["test"]["dropped"] == {"unmatched": 2}
    assert summary["splits"]["test"]["first_unmatched"] == [
        "TEDX.dev2012, document 9, segment 1: source only",
        "TEDX.dev2012, document 7, segment 2: target only",
    ]
    assert summary["splits"]["test"]["read"] == 14
    kept = ["7 1", "7 3", "9 2", "9 3"]
    assert [read(out / f"test.{language}")[2:6] for language in ("de", "en")] == [
        [f"{language} {place}" for place in kept] for language in ("de", "en")
    ]
    assert read(out / "test.origin")[1:7] == ["TED.dev2010", *["TEDX.dev2012"] * 4, "TED.tst2010"]


def test_sets_without_a_common_segment_are_told(write_archive, members, tmp_path):
    name = "de-en/IWSLT14.TED.tst2010.de-en.en.xml"
    members[name] = members[name].replace('docid="1"', 'docid="2"')
    with pytest.raises(UserError, match=r"No segment of \S+tst2010\.de-en\.de\.xml has the document and the number of"):
        prepare_corpus(TASK, tmp_path / "out", write_archive(ARCHIVE, members))


def test_a_segment_that_goes_on_is_told(write_archive, members, tmp_path):
    name = "de-en/IWSLT14.TED.tst2010.de-en.en.xml"
    members[name] = members[name].replace(" </seg>", "\n</seg>", 1)
    with pytest.raises(
        UserError, match=r"IWSLT14\.TED\.tst2010\.de-en\.en\.xml, line 7, has a <seg> that does not end"
    ):
        prepare_corpus(TASK, tmp_path / "out", write_archive(ARCHIVE, members))


def test_pairs_come_before_the_archive_is_read_to_its_end(write_archive, members, monkeypatch):
    """The training text is read lazily: the last test set is missing, and the first pairs come nevertheless."""
    del members["de-en/IWSLT14.TED.tst2012.de-en.en.xml"]
    pairs = iter(Iwslt14(write_archive(ARCHIVE, members), ("de", "en")))
    assert next(pairs)[:3] == ("train", "Ein Titel: Wasser", "A title: water")
    with pytest.raises(UserError, match=r"has no member 'de-en/IWSLT14\.TED\.tst2012\.de-en\.en\.xml'"):
        list(pairs)


def test_other_languages_are_refused():
    with pytest.raises(UserError, match="languages are fr to en, but IWSLT'14 here is between de and en"):
        Iwslt14(None, ("fr", "en"))
