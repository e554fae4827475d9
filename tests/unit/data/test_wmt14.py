"""WMT'14 from tiny archives of the real layout: exact text, both splits, both directions, the counts."""

import pytest

from entropyreg.data.preparation import prepare_corpus
from entropyreg.data.wmt14 import Wmt14, without_control_characters
from entropyreg.io.errors import UserError

pytestmark = pytest.mark.usefixtures("no_known_sums")
TASK = {  # as in workflow/config/paper.yaml
    "source": {"kind": "wmt14", "news_commentary": "v9", "valid": "held_out"},
    "languages": {"source": "de", "target": "en"},
    "aggressive_hyphens": True,
    "lowercase": False,
    "length": {"min": 1, "max": 250},
    "ratio": 1.5,
}
PAPER_B = {
    **TASK,
    "source": {"kind": "wmt14", "news_commentary": "v13", "valid": "newstest2013"},
    "languages": {"source": "en", "target": "de"},
    "aggressive_hyphens": False,
    "normalize_punctuation": False,
    "ratio": None,
}
LINES = {"europarl": 150, "crawl": 40, "news": 30}


def text(name, language):
    word = {"de": "Zeile", "en": "Line"}[language]
    return "".join(f"{word} {number} aus {name}\n" for number in range(LINES[name]))


def sgm(side, language):
    texts = {"de": ["Das war\u2019s: „a-b“.", "AT&amp;T"], "en": ["That\u2019s it: “a-b”.", "AT&amp;T"]}[language]
    segments = "".join(f'<seg id="{number}">{line}</seg>\n' for number, line in enumerate(texts, start=1))
    return (
        f'<{side}set setid="newstest2014" srclang="any">\n<doc docid="x">\n<p>\n{segments}</p>\n</doc>\n</{side}set>\n'
    )


@pytest.fixture
def data_dir(write_archive):
    languages = ("en", "de")
    write_archive(
        "wmt14/training-parallel-europarl-v7.tgz",
        {f"training/europarl-v7.{pair}": text("europarl", pair[-2:]) for pair in ("fr-en.en", "de-en.en", "de-en.de")},
    )
    write_archive(
        "wmt14/training-parallel-commoncrawl.tgz",
        {"commoncrawl.de-en.annotation": "no text\n"}
        | {f"commoncrawl.de-en.{language}": text("crawl", language) for language in languages},
    )
    for version, folder in (("v9", "training"), ("v12", "training"), ("v13", "training-parallel-nc-v13")):
        write_archive(
            f"wmt14/training-parallel-nc-{version}.tgz",
            {
                f"{folder}/news-commentary-{version}.de-en.{language}": text("news", language).replace("aus", version)
                for language in languages
            },
        )
    dev = {"de": "Ein „Satz“ von 2013\n", "en": "A “sentence” of 2013\n"}
    write_archive("wmt14/dev.tgz", {f"dev/newstest2013.{language}": dev[language] for language in languages})
    return write_archive(
        "wmt14/test-full.tgz",
        {
            f"test-full/newstest2014-deen-{side}.{language}.sgm": sgm(side, language)
            for side in ("src", "ref")
            for language in languages
        },
    )


def read(path):
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def test_the_recipe_of_paper_a(data_dir, tmp_path):
    summary = prepare_corpus(TASK, tmp_path / "out", data_dir)
    out = tmp_path / "out"
    assert read(out / "valid.de") == ["Zeile 99 aus europarl", "Zeile 9 v9 news"]  # lines 100 and 200 of all
    assert read(out / "valid.origin") == ["europarl-v7", "news-commentary-v9"]
    assert read(out / "train.en")[98:100] == ["Line 98 aus europarl", "Line 100 aus europarl"]
    assert read(out / "train.en")[149] == "Line 0 aus crawl"
    assert read(out / "train.de")[-1] == "Zeile 29 v9 news"
    assert {split: counts["pairs"] for split, counts in summary["splits"].items()} == {
        "train": 218,
        "valid": 2,
        "test": 2,
    }
    assert sorted(summary["inputs_sha256"]) == [
        *("wmt14/test-full.tgz", "wmt14/training-parallel-commoncrawl.tgz"),
        *("wmt14/training-parallel-europarl-v7.tgz", "wmt14/training-parallel-nc-v9.tgz"),
    ]


def test_newstest_is_tokenised_but_not_normalised(data_dir, tmp_path):
    """As the script does: its punctuation stays, the apostrophe aside; training text is normalised."""
    out = tmp_path / "out"
    prepare_corpus(TASK, out, data_dir)
    assert read(out / "test.de") == ["Das war &apos; s : „ a @-@ b “ .", "AT &amp; T"]
    assert read(out / "test.reference") == ["That's it: “a-b”.", "AT&T"]
    assert read(out / "test.origin") == ["newstest2014"] * 2


def test_newstest_is_paired_by_document_and_number(data_dir, write_archive, tmp_path):
    members = {
        f"test-full/newstest2014-deen-{side}.{language}.sgm": sgm(side, language)
        for side in ("src", "ref")
        for language in ("en", "de")
    }
    members["test-full/newstest2014-deen-src.de.sgm"] = '<doc docid="x">\n<seg id="2">AT&amp;T</seg>\n</doc>\n'
    write_archive("wmt14/test-full.tgz", members)
    out = tmp_path / "out"
    summary = prepare_corpus(TASK, out, data_dir)
    assert (read(out / "test.de"), read(out / "test.reference")) == (["AT &amp; T"], ["AT&T"])
    assert summary["splits"]["test"]["dropped"] == {"unmatched": 1}
    assert summary["splits"]["test"]["first_unmatched"] == ["newstest2014, document x, segment 1: target only"]


def test_training_text_is_cleaned_as_the_script_does(data_dir, write_archive, tmp_path):
    texts = {
        "de": ["„Groß-Rede“\u200b hier", "kurz", "lang " * 251, ""],
        "en": ["“Big-talk”\x07 here", "far too long", "long " * 251, "empty"],
    }
    write_archive(
        "wmt14/training-parallel-commoncrawl.tgz",
        {f"commoncrawl.de-en.{language}": "".join(f"{line}\n" for line in texts[language]) for language in texts},
    )
    out = tmp_path / "out"
    summary = prepare_corpus(TASK, out, data_dir)
    crawled = [line for line in read(out / "train.de") if "hier" in line]
    assert crawled == ["&quot; Groß @-@ Rede &quot; hier"]
    assert "&quot; Big @-@ talk &quot; here" in read(out / "train.en")
    assert summary["splits"]["train"]["dropped"] == {"ratio": 1, "too_long": 1, "too_short": 1}


def test_held_out_pairs_are_counted_before_cleaning_and_cleaned(data_dir, write_archive, tmp_path):
    lines = {"de": ["x"] * 60, "en": ["y"] * 60}
    lines["de"][49] = ""  # line 200 of the three corpora: 150 of europarl before it
    write_archive(
        "wmt14/training-parallel-commoncrawl.tgz",
        {f"commoncrawl.de-en.{language}": "\n".join(lines[language]) + "\n" for language in lines},
    )
    summary = prepare_corpus(TASK, tmp_path / "out", data_dir)
    assert summary["splits"]["valid"] | {"tokens": None} == {
        **{"read": 2, "dropped": {"too_short": 1}, "not_chosen": 0, "pairs": 1, "tokens": None}
    }
    assert summary["splits"]["train"]["dropped"] == {}


def test_the_mix_of_paper_b(data_dir, tmp_path):
    out = tmp_path / "out"
    summary = prepare_corpus(PAPER_B, out, data_dir)
    assert read(out / "valid.en") == ["A “ sentence ” of 2013"]
    assert read(out / "valid.reference") == ["Ein „Satz“ von 2013"]
    assert read(out / "train.en")[-1] == "Line 29 v13 news"
    assert read(out / "test.en")[0] == "That &apos;s it : “ a-b ” ."
    assert read(out / "test.reference")[0] == "Das war's: „a-b“."
    assert summary["splits"]["train"]["pairs"] == 220  # nothing is held out
    assert "wmt14/dev.tgz" in summary["inputs_sha256"]


@pytest.mark.parametrize(
    "given, message",
    [
        ({"languages": ("fr", "en")}, "languages are fr to en, but WMT'14 here is between de and en"),
        ({"news_commentary": "v8"}, r"source\.news_commentary is 'v8'; allowed: v9, v12, v13"),
        ({"valid": "newstest2012"}, r"source\.valid is 'newstest2012'; allowed: held_out, newstest2013"),
    ],
)
def test_choices_that_do_not_exist_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        Wmt14(None, **{"languages": ("de", "en"), **given})


def test_missing_archives_are_told_at_once(tmp_path):
    with pytest.raises(
        UserError, match=r"europarl-v7\.tgz, .*commoncrawl\.tgz, .*nc-v12\.tgz, wmt14/test-full\.tgz: neither"
    ):
        Wmt14(tmp_path, ("de", "en"), "v12")


@pytest.mark.parametrize(
    "given, kept", [("a\x07b\u200bc", "a b c"), ("a\tb", "a b"), ("größer\u00a0„x“ 日本", "größer\u00a0„x“ 日本")]
)
def test_control_characters_become_spaces(given, kept):
    assert without_control_characters(given) == kept
