"""Joint byte-pair encoding: literal merges, both languages, undone without loss."""

import pytest

from entropyreg.data.preparation import prepare_corpus
from entropyreg.data.subwords import apply, learn, segment_corpus, undo
from entropyreg.io.errors import UserError


def write(path, text: str):
    path.write_text(text, encoding="utf-8")
    return path


def test_literal_merges_are_learned_from_both_files_and_applied(tmp_path):
    first, second = write(tmp_path / "a", "low low low\n"), write(tmp_path / "b", "lower\nlow new\n")
    assert learn([first, second], 2, tmp_path / "codes") == 2
    assert (tmp_path / "codes").read_text() == "#version: 0.2\nl o\nlo w</w>\n"
    text = write(tmp_path / "text", "low lower\n\nnewly\n")
    assert apply(tmp_path / "codes", text, tmp_path / "out") == 10
    assert (tmp_path / "out").read_text() == "low lo@@ w@@ e@@ r\n\nn@@ e@@ w@@ l@@ y\n"


def test_merges_do_not_depend_on_the_order_of_the_text(tmp_path):
    lines = ["der Hund läuft\n", "die Katze läuft\n", "der Hut\n", "die Hand\n"]
    for name, order in (("a", lines), ("b", lines[::-1])):
        learn([write(tmp_path / name, "".join(order))], 12, tmp_path / f"codes.{name}")
    assert (tmp_path / "codes.a").read_bytes() == (tmp_path / "codes.b").read_bytes()


def test_learning_stops_where_nothing_repeats_and_says_how_many(tmp_path, capfd):
    n_learned = learn([write(tmp_path / "a", "ab ab cd\n")], 1000, tmp_path / "codes")
    assert n_learned == 1
    assert capfd.readouterr() == ("", "")  # no progress bar


@pytest.mark.parametrize("text", ["", "\n\n", "a b c\n"])
def test_nothing_to_learn_from_is_an_error(tmp_path, text):
    with pytest.raises(UserError, match="nothing to learn subwords from"):
        learn([write(tmp_path / "a", text)], 10, tmp_path / "codes")


@pytest.mark.parametrize(
    "line, words", [("lo@@ w er", "low er"), ("a@@ b@@ c", "abc"), ("", ""), ("cut@@", "cut"), ("a b", "a b")]
)
def test_undo(line, words):
    assert undo(line) == words


def test_a_corpus_is_segmented_and_restored(small_embedded, tmp_path):
    task = {
        "source": {"kind": "embedded", "name": "registry.de-en"},
        "languages": {"source": "de", "target": "en"},
        "lowercase": True,
        "split": {"valid": 0.1, "test": 0.1},
        "subwords": 100,
    }
    prepare_corpus(task, tmp_path)
    summary = segment_corpus(task, tmp_path)
    assert summary["merges"] == {"asked": 100, "learned": 100}
    for split in ("train", "valid", "test"):
        for language in ("de", "en"):
            segmented = (tmp_path / "subwords" / f"{split}.{language}").read_text(encoding="utf-8").split("\n")
            assert "@@ " in " ".join(segmented)
            assert "\n".join(map(undo, segmented)) == (tmp_path / f"{split}.{language}").read_text(encoding="utf-8")
            assert summary["subwords"][f"{split}.{language}"] == sum(len(line.split()) for line in segmented)
