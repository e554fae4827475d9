"""Damaged corpora and prepared texts: told with the file and the line, or what can be used of them is used."""

import gzip
import json
import random

import pytest
from damage import LONG, damaged_bytes, run_stage, spoil

from entropyreg.config.loading import load_config
from entropyreg.config.settings import preparation_settings

SPLITS, LANGUAGES = ("train", "valid", "test"), ("de", "en")
N_LINES = {"train": 40, "valid": 8, "test": 8}


@pytest.fixture(scope="module")
def settings(workflow_dir):
    """A task whose corpus is a folder of the user's own."""
    config = load_config(workflow_dir, {"scale": "smoke"})
    task = preparation_settings(config, "smoke_de_en")
    kept = {key: value for key, value in task.items() if key not in ("split", "train_pairs")}
    return kept | {"source": {"kind": "parallel", "folder": "mine"}, "subwords": 60}


@pytest.fixture
def corpus(tmp_path):
    """Sentences that differ, in files as a user would have them; two are packed."""
    folder = tmp_path / "data" / "mine"
    folder.mkdir(parents=True)
    for split in SPLITS:
        for language, words in zip(LANGUAGES, ("Das große Haus", "The big house"), strict=True):
            content = "".join(f"{words} Nr. {split} {n} {n * n}.\n" for n in range(N_LINES[split])).encode()
            if split == "test":
                (folder / f"{split}.{language}.gz").write_bytes(gzip.compress(content, mtime=0))
            else:
                (folder / f"{split}.{language}").write_bytes(content)
    return folder


def prepare(settings, corpus):
    out = corpus.parent.parent / "text"
    arguments = ["--settings", json.dumps(settings), "--data-dir", corpus.parent, "--out", out]
    return run_stage("prepare", *arguments), out


def test_the_whole_corpus_is_prepared(settings, corpus):
    error, out = prepare(settings, corpus)
    assert error is None
    assert len((out / "train.de").read_bytes().splitlines()) == N_LINES["train"]
    assert run_stage("segment", "--settings", json.dumps(settings), "--text", out) is None


@pytest.mark.parametrize("number", range(30 * LONG))
def test_a_damaged_corpus_is_told_with_the_file(settings, corpus, number):
    generator = random.Random(number)
    name = generator.choice(sorted(path.name for path in corpus.iterdir()))
    spoil(corpus / name, damaged_bytes, generator)
    error, out = prepare(settings, corpus)
    if error is not None:
        split = name.partition(".")[0]
        assert name.removesuffix(".gz") in error or f"No {split} pair" in error or "misaligned" in error
        assert not (out / "summary.json").exists() and not list(out.glob(".*"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.de", b"gut\nGr\xf6\xdfe\n", "train.de, line 2, is not UTF-8 (byte 3 of the line is 0xf6)"),
        ("train.de", b"", "misaligned: {folder}/train.de ends after line 0"),
        ("valid.en", b"one\n", "misaligned: {folder}/valid.en ends after line 1, but {folder}/valid.de has a line 2"),
        ("train.en", "\ud800".encode("utf-16", "surrogatepass"), "train.en, line 1, is not UTF-8"),
        ("test.de.gz", b"\x1f\x8b", "test.de.gz is not a whole gzip file"),
        ("test.en.gz", b"plain text", "test.en.gz is not a whole gzip file"),
    ],
)
def test_what_is_wrong_with_a_corpus_is_said(settings, corpus, name, content, message):
    (corpus / name).write_bytes(content)
    error, _ = prepare(settings, corpus)
    assert message.format(folder=corpus) in error


def test_nul_and_other_controls_do_not_shift_lines(settings, corpus):
    """They are text of the user's; what matters is that the two sides stay aligned."""
    content = (corpus / "train.de").read_text().replace(" 7 ", " \x00\x0b\x1c\u2028 7 ")
    (corpus / "train.de").write_text(content)
    error, out = prepare(settings, corpus)
    assert error is None
    lines = [(out / f"train.{language}").read_text(encoding="utf-8").split("\n") for language in LANGUAGES]
    assert len(lines[0]) == len(lines[1]) == N_LINES["train"] + 1
    assert lines[0][7].endswith(" train 7 49.") and lines[1][7].endswith(" train 7 49 .")


def test_two_empty_sides_are_an_empty_corpus(settings, corpus):
    for language in LANGUAGES:
        (corpus / f"valid.{language}").write_bytes(b"")
    error, _ = prepare(settings, corpus)
    assert "The corpus is empty: no line in" in error and "valid.de" in error


@pytest.mark.parametrize("number", range(25 * LONG))
def test_damaged_prepared_text_is_never_segmented(settings, corpus, tmp_path, number):
    """Any byte of it, and `summary.json` itself; a deleted file as well."""
    _, out = prepare(settings, corpus)
    generator = random.Random(number)
    name = generator.choice(sorted(path.name for path in out.iterdir()))
    before = (out / name).read_bytes()
    if number % 5 == 0:
        (out / name).unlink()
    else:
        spoil(out / name, damaged_bytes, generator)
    error = run_stage("segment", "--settings", json.dumps(settings), "--text", out)
    if number % 5 == 0 or (name != "summary.json" and (out / name).read_bytes() != before):
        assert (name in error and "run again" in error) or f"{name} does not exist" in error
    elif error is not None:
        assert "summary.json" in error
    assert (error is None) == (out / "subwords" / "summary.json").exists()
