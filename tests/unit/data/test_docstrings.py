"""The docstring pairs as a summarisation task: sources cut, summaries untouched, no template on both sides."""

import hashlib
import lzma
from itertools import islice

import pytest

from entropyreg.config.loading import load_config
from entropyreg.config.settings import preparation_settings
from entropyreg.data import embedded
from entropyreg.data.pairs import TRAINING, PlacedPair
from entropyreg.data.preparation import prepare_corpus, prepare_pair, tokenizers_of
from entropyreg.data.split import SPLITS, Splitter, variants_of
from entropyreg.data.subwords import segment_corpus, undo
from entropyreg.data.task import CorpusTask
from entropyreg.io.errors import UserError


def read(path):
    return path.read_text(encoding="utf-8").split("\n")[:-1]


@pytest.fixture(scope="module")
def demo_task(workflow_dir):
    return preparation_settings(load_config(workflow_dir), "demo_docstrings")


@pytest.fixture(scope="module")
def first_rows(tmp_path_factory):
    """The first 900 real pairs in place of all."""
    rows = islice(embedded.read_pairs("docstrings.sum"), 900)
    folder, name = tmp_path_factory.mktemp("embedded"), "docstrings.sum.tsv.xz"
    content = lzma.compress("".join("\t".join(row) + "\n" for row in rows).encode(), preset=0)
    (folder / name).write_bytes(content)
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "FOLDER", folder)
        yield


@pytest.fixture(scope="module")
def prepared(demo_task, tmp_path_factory, first_rows):
    folder = tmp_path_factory.mktemp("docstrings")
    return folder, prepare_corpus(demo_task, folder)


@pytest.mark.slow
def test_the_demo_task_has_its_pairs(demo_task, tmp_path):
    splits = prepare_corpus(demo_task, tmp_path)["splits"]
    assert [splits[split]["pairs"] for split in SPLITS] == [3500, 300, 300]


def test_sources_are_cut_to_sixty_tokens(prepared):
    folder, summary = prepared
    for split in SPLITS:
        assert summary["splits"][split]["pairs"] > 30
        lengths = [len(line.split()) for line in read(folder / f"{split}.body")]
        assert max(lengths) == 60 and min(lengths) >= 4
        assert summary["splits"][split]["dropped"].get("too_long", 0) == 0  # cut, not dropped
        assert lengths.count(60) > len(lengths) / 5


def test_references_are_the_summaries_as_they_came(prepared):
    folder, _ = prepared
    summaries = {summary for _, summary, _ in embedded.read_pairs("docstrings.sum")}
    for split in ("valid", "test"):
        references = read(folder / f"{split}.reference")
        assert len(references) > 30 and set(references) <= summaries


def test_both_sides_are_tokenised_as_english(demo_task):
    """The rules of no known language would give "doesn ' t"."""
    settings = CorpusTask.read(demo_task)
    assert [tokenize("It doesn't.") for tokenize in tokenizers_of(settings)] == [["It", "doesn", "&apos;t", "."]] * 2


def test_no_template_is_in_two_splits(prepared, demo_task):
    """Of the raw pairs that were kept, on both sides, by comparing everything with everything."""
    pairs = [(summary, body) for body, summary, _ in embedded.read_pairs("docstrings.sum")]
    splitter = Splitter(lambda: pairs, demo_task["split"])
    kept = {split: [] for split in SPLITS}
    for pair in pairs:
        place = splitter.place(*pair)
        if not place.near_duplicate:
            kept[place.split].append(splitter.keys_of(*pair))
    for side in (0, 1):
        variants = {name: {one for pair in kept[name] for one in variants_of(pair[side])} for name in ("valid", "test")}
        assert variants["valid"].isdisjoint(variants["test"])
        for name in variants:
            assert not any(one in variants[name] for pair in kept["train"] for one in variants_of(pair[side]))
    assert 0.03 * len(pairs) < len(kept["test"]) < 0.09 * len(pairs)


def test_subwords_restore_the_text(demo_task, prepared):
    folder, _ = prepared
    segment_corpus({**demo_task, "subwords": 50}, folder)
    assert [undo(line) for line in read(folder / "subwords" / "test.summary")] == read(folder / "test.summary")


@pytest.mark.parametrize(
    "limit, expected", [(3, ("a b c", "x y")), (None, ("a b c d e", "x y")), (9, ("a b c d e", "x y"))]
)
def test_only_the_source_is_cut(limit, expected):
    task = {"source": {"kind": "embedded"}, "languages": {"source": "body", "target": "summary"}, "tokenizer": "none"}
    settings = CorpusTask.read({**task, "truncate_source": limit})
    pair = PlacedPair("train", "a b c  d e", "x y", "origin")
    assert prepare_pair(pair, tokenizers_of(settings), settings, TRAINING) == expected


@pytest.mark.parametrize(
    "change, message",
    [
        ({"truncate_source": 0}, r"truncate_source is 0; allowed: 1 or more"),
        ({"tokenizer": "mosas"}, r"tokenizer is 'mosas'; allowed: moses, none"),
        ({"languages": {"source": "de", "target": "en"}}, r"docstrings\.sum has body and summary"),
    ],
)
def test_bad_keys_are_told(demo_task, tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        prepare_corpus({**demo_task, **change}, tmp_path / "out")
