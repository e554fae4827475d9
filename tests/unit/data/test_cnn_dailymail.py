"""CNN/DailyMail from tiny parquet files with tiny GPT-2 tables, up to fairseq's binary data."""

import json

import pytest

from entropyreg.data.cnn_dailymail import FILES, summary_line
from entropyreg.data.gpt2_bpe import decoder, printable_bytes
from entropyreg.data.preparation import prepare_corpus
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json, sha256_of
from entropyreg.translation.gpt2_encoding import encode_corpus

pyarrow = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

TASK = {
    "source": {"kind": "cnn_dailymail"},
    "languages": {"source": "article", "target": "highlights"},
    "tokenizer": "none",
    "lowercase": False,
    "length": {"min": 1, "max": None},
    "ratio": None,
    "subwords": "gpt2",
    "joined_dictionary": True,
}
ROWS = {  # file: (article, highlights, id)
    "train-00000-of-00003.parquet": [
        ("LONDON (Reuters) -- The  café\nopened.", "The café opened .\nIt is new.", "a1"),
        ("", "An article without text .", "a2"),
    ],
    "train-00001-of-00003.parquet": [("The other one.", "The other .", "a3")],
    "train-00002-of-00003.parquet": [("Third\u2028text & more", "Third !", "a4")],
    "validation-00000-of-00001.parquet": [("Valid text.", "the " * 1500, "b1")],
    "test-00000-of-00001.parquet": [("Test text, the end.", "The end .\nReally", "c1"), ("", "No article", "c2")],
}


def tiny_gpt2(folder):
    """All bytes and the merges 't h', 'th e', 'Ġ the' (the space before a word is the character Ġ)."""
    folder.mkdir()
    merges = [("t", "h"), ("th", "e"), ("\u0120", "the")]
    subwords = [*sorted(printable_bytes()), *("".join(pair) for pair in merges)]
    (folder / "encoder.json").write_text(json.dumps({one: number for number, one in enumerate(subwords)}))
    (folder / "vocab.bpe").write_text("#version: 0.2\n" + "".join(f"{one} {other}\n" for one, other in merges))
    (folder / "dict.txt").write_text("".join(f"{number} 1\n" for number in reversed(range(len(subwords)))))
    return subwords


def write_parquet(path, rows, columns=("article", "highlights", "id")):
    values = zip(*rows, strict=True)
    parquet.write_table(pyarrow.table({name: list(one) for name, one in zip(columns, values, strict=True)}), path)


@pytest.fixture
def data_dir(tmp_path):
    folder = tmp_path / "data"
    (folder / "cnn_dailymail").mkdir(parents=True)
    for name, rows in ROWS.items():
        write_parquet(folder / "cnn_dailymail" / name, rows)
    tiny_gpt2(folder / "gpt2_bpe")
    return folder


def read(path):
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def test_text_is_a_line_each_cased_and_not_tokenised(data_dir, tmp_path):
    out = tmp_path / "out"
    summary = prepare_corpus(TASK, out, str(data_dir))
    assert read(out / "train.article") == [
        "LONDON (Reuters) -- The café opened.",
        "The other one.",
        "Third text & more",
    ]
    assert read(out / "train.highlights") == ["The café opened. It is new.", "The other.", "Third !"]
    assert read(out / "test.article") == ["Test text, the end.", ""]  # a benchmark's test set is never filtered
    assert read(out / "test.highlights") == read(out / "test.reference") == ["The end. Really", "No article"]
    assert read(out / "test.origin") == ["c1", "c2"]
    assert summary["splits"]["train"]["dropped"] == {"too_short": 1}
    assert summary["inputs_sha256"]["dict.txt"] == sha256_of(data_dir / "gpt2_bpe" / "dict.txt")
    for name in ROWS:
        assert summary["inputs_sha256"][name] == sha256_of(data_dir / "cnn_dailymail" / name)


def test_only_a_full_stop_set_off_by_a_space_is_moved():
    assert summary_line("Seen on Monday .\n\n 'Yes' .\nWhy ? \n5 . 5 . ") == "Seen on Monday. 'Yes'. Why ? 5 . 5."


def test_subwords_are_numbers_and_decode_to_the_text(data_dir, tmp_path):
    out = tmp_path / "out"
    prepare_corpus(TASK, out, str(data_dir))
    summary = encode_corpus(TASK, out)
    numbers = json.loads((out / "gpt2_bpe" / "encoder.json").read_text())
    expected = [*"Test", "\u0120", *"text,", "\u0120the", "\u0120", *"end."]
    assert read(out / "subwords" / "test.article")[0] == " ".join(str(numbers[one]) for one in expected)
    decode = decoder(out)
    for name in ("train.article", "train.highlights", "test.article", "test.highlights"):
        assert [decode(line) for line in read(out / "subwords" / name)] == read(out / name)
        assert summary["subwords"][name] == sum(len(line.split()) for line in read(out / "subwords" / name))
    assert decode("<unk> " + str(numbers["A"])) == "A"


def test_long_references_are_cut_to_the_models_positions_where_they_are_scored(data_dir, tmp_path):
    out = tmp_path / "out"
    prepare_corpus(TASK, out, str(data_dir))
    summary = encode_corpus(TASK, out)
    assert summary["cut"] == {"valid.highlights": 1} and summary["subwords"]["valid.highlights"] == 1023
    assert len(read(out / "valid.reference")[0].split()) == 1500


def test_binary_data_keep_the_published_numbering(data_dir, tmp_path):
    from fairseq.data import Dictionary, data_utils

    from entropyreg.translation.binarization import binarize

    for (name,) in (FILES["valid"], FILES["test"]):  # two pairs each, which a data set needs
        write_parquet(data_dir / "cnn_dailymail" / name, ROWS[name] * 2)
    out = tmp_path / "out"
    prepare_corpus(TASK, out, str(data_dir))
    encode_corpus(TASK, out)
    binarize(TASK, out / "subwords", out / "binary")
    published = Dictionary.load(str(data_dir / "gpt2_bpe" / "dict.txt"))
    for language in ("article", "highlights"):
        words = Dictionary.load(str(out / "binary" / f"dict.{language}.txt"))
        assert words.symbols == published.symbols
        data = data_utils.load_indexed_dataset(str(out / "binary" / f"train.article-highlights.{language}"), words)
        assert [words.string(sentence) for sentence in data] == read(out / "subwords" / f"train.{language}")
    assert "dict.highlights.txt" in read_json(out / "binary" / "binary.json")


def test_the_bytes_are_fairseqs():
    from fairseq.data.encoders.gpt2_bpe_utils import bytes_to_unicode

    assert printable_bytes() == {character: byte for byte, character in bytes_to_unicode().items()}


def test_rows_are_read_a_batch_at_a_time(tmp_path, monkeypatch):
    from entropyreg.data import parquet_rows

    monkeypatch.setattr(parquet_rows, "ROWS_AT_ONCE", 2)
    write_parquet(tmp_path / "x.parquet", [(f"a{number}", "h", str(number)) for number in range(5)])
    assert [row[2] for row in parquet_rows.read_rows(tmp_path / "x.parquet", ["article", "highlights", "id"])] == list(
        "01234"
    )


def test_missing_damaged_and_other_files_are_reported(data_dir, tmp_path):
    folder = data_dir / "cnn_dailymail"
    write_parquet(folder / FILES["test"][0], ROWS[FILES["test"][0]], columns=("document", "summary", "id"))
    with pytest.raises(UserError, match=r"test-00000-of-00001\.parquet has no column 'article'"):
        prepare_corpus(TASK, tmp_path / "out", str(data_dir))
    (folder / FILES["test"][0]).write_bytes(b"PAR1 nothing")
    with pytest.raises(UserError, match=r"test-00000-of-00001\.parquet is not a whole parquet file"):
        prepare_corpus(TASK, tmp_path / "out", str(data_dir))
    (folder / FILES["test"][0]).unlink()
    with pytest.raises(UserError, match=r"cnn_dailymail/test-00000-of-00001\.parquet: neither in data_dir"):
        prepare_corpus(TASK, tmp_path / "out", str(data_dir))
    (data_dir / "gpt2_bpe" / "vocab.bpe").unlink()
    write_parquet(folder / FILES["test"][0], ROWS[FILES["test"][0]])
    with pytest.raises(UserError, match=r"gpt2_bpe/vocab\.bpe: neither in data_dir"):
        prepare_corpus(TASK, tmp_path / "out", str(data_dir))
