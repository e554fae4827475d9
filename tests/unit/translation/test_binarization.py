"""What is read of a binary data set without fairseq's task agrees with fairseq; what is too long or too few is told."""

import numpy as np
import pytest
from fairseq.data import Dictionary, LanguagePairDataset, data_utils
from fairseq.models.transformer import DEFAULT_MAX_SOURCE_POSITIONS, DEFAULT_MAX_TARGET_POSITIONS
from fairseq.tasks.translation import TranslationConfig, TranslationTask

from entropyreg.io.errors import UserError
from entropyreg.translation.binarization import POSITIONS, binarize, left_out, verify_binary, vocabulary_size
from entropyreg.translation.prediction import iterate_batches


def test_the_vocabulary_has_as_many_entries_as_fairseq_loads(tmp_path):
    dictionary = Dictionary()
    for word in ("the", "caf\u00e9", "a\u2028b", "x\u0085y"):  # separators of lines to Python, not to a file
        dictionary.add_symbol(word)
    dictionary.finalize(padding_factor=8)
    dictionary.save(str(tmp_path / "dict.en.txt"))
    assert vocabulary_size(tmp_path, "en") == len(dictionary) == len(Dictionary.load(str(tmp_path / "dict.en.txt")))


def test_names_of_languages_with_a_region_or_script_make_a_data_set(tmp_path):
    names = ("pt_BR", "zh-CN")
    for split in ("train", "valid", "test"):
        for name in names:
            (tmp_path / f"{split}.{name}").write_text(f"{name} one two\n" * 2, encoding="utf-8")
    languages = {"languages": dict(zip(("source", "target"), names, strict=True)), "joined_dictionary": False}
    binarize(languages, tmp_path, tmp_path / "binary")
    verify_binary(tmp_path / "binary")
    task = TranslationTask.setup_task(
        TranslationConfig(data=str(tmp_path / "binary"), source_lang=names[0], target_lang=names[1], dataset_impl=None)
    )
    task.load_dataset("valid")
    pair = task.datasets["valid"][0]
    assert task.source_dictionary.string(pair["source"]) == "pt_BR one two"
    assert task.target_dictionary.string(pair["target"]) == "zh-CN one two"
    assert vocabulary_size(tmp_path / "binary", "zh-CN") == len(task.target_dictionary)


LANGUAGES = {"source": "de", "target": "en"}


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    """A function that binarizes a corpus whose sentences have so many subwords, (source, target) by split."""

    def make(**lengths):
        folder = tmp_path_factory.mktemp("corpus")
        for split, pairs in ({"train": [(3, 3)], "valid": [(3, 3)] * 2, "test": [(3, 3)] * 2} | lengths).items():
            for side, language in enumerate(LANGUAGES.values()):
                lines = [" ".join(["w"] * pair[side]) + "\n" for pair in pairs]
                (folder / f"{split}.{language}").write_text("".join(lines))
        settings = {"languages": LANGUAGES, "joined_dictionary": True}
        binarize(settings, folder, folder / "binary")
        return folder / "binary"

    return make


def test_training_pairs_that_are_too_long_are_those_that_fairseq_leaves_out(binary):
    """Longer than max_tokens on either side, the end included; fairseq's own filter is the oracle."""
    pairs = [(3, 3), (10, 3), (9, 9), (3, 10), (12, 12), (3, 4)]
    folder = binary(train=pairs)
    sides = [data_utils.load_indexed_dataset(f"{folder}/train.de-en.{one}", None) for one in ("de", "en")]
    dictionary = Dictionary.load(str(folder / "dict.en.txt"))
    data = LanguagePairDataset(sides[0], sides[0].sizes, dictionary, sides[1], sides[1].sizes, dictionary)
    _, ignored = data.filter_indices_by_size(np.arange(len(pairs)), (10, 10))
    found = left_out(folder, LANGUAGES, {"max_tokens": 10})
    assert found == {"pairs": 3, "of": 6, "limit": 10, "longest": 13, "lines": [2, 4, 5]}
    assert sorted(ignored) == [number - 1 for number in found["lines"]]
    assert left_out(folder, LANGUAGES, {"max_tokens": 13}) is None


def test_the_longest_sentence_is_that_of_fairseqs_task_and_models():
    task = TranslationConfig()
    assert task.max_source_positions == task.max_target_positions == POSITIONS
    assert (DEFAULT_MAX_SOURCE_POSITIONS, DEFAULT_MAX_TARGET_POSITIONS) == (POSITIONS, POSITIONS)


@pytest.mark.parametrize(
    "lengths, message",
    [
        (
            {"valid": [(3, 3), (3, 11)]},
            r"/binary: line 2 of the prepared valid\.en has 12 subwords, its end included, and 0 more lines are too "
            r"long; allowed by models\.\*\.max_tokens: 10; raise that, or shorten",
        ),
        (
            {"test": [(3, 3), (1024, 3), (1025, 3)]},
            r"line 2 of the prepared test\.de has 1025 subwords.* 1 more line.*the positions of a model: 1024; shorten",
        ),
        (
            {"train": [(10, 3), (3, 11)]},
            r"all 2 training pairs have more than 10 subwords.*models\.\*\.max_tokens is 10",
        ),
    ],
)
def test_what_a_model_cannot_take_is_refused_by_its_line(binary, lengths, message):
    with pytest.raises(UserError, match=message):
        left_out(binary(**lengths), LANGUAGES, {"max_tokens": 10})


def test_sources_that_a_model_cuts_are_not_too_long(binary):
    folder = binary(valid=[(2000, 3), (3, 3)], train=[(2000, 3), (3, 3)])
    assert left_out(folder, LANGUAGES, {"max_tokens": 2048, "truncate_source": True}) is None
    with pytest.raises(UserError, match=r"line 1 of the prepared valid\.de has 2001 subwords"):
        left_out(folder, LANGUAGES, {"max_tokens": 2048})


def test_a_model_that_skips_long_sentences_of_validation_takes_those_that_can_be_predicted(binary):
    folder = binary(valid=[(3, 3), (3, 11)])
    assert left_out(folder, LANGUAGES, {"max_tokens": 10, "skip_invalid_size": True}) is None
    with pytest.raises(UserError, match=r"valid\.en has 1026 subwords.*the positions of a model: 1024"):
        left_out(binary(valid=[(3, 3), (3, 1025)]), LANGUAGES, {"max_tokens": 10, "skip_invalid_size": True})


@pytest.mark.parametrize("split", ["valid", "test"])
def test_a_set_without_two_pairs_is_refused_before_anything_is_trained(binary, split):
    with pytest.raises(UserError, match=rf"The {split} set of \S+ has 1 pair; allowed: 2 or more"):
        binary(**{split: [(3, 3)]})


def test_in_predictions_a_sentence_longer_than_a_batch_is_a_batch_of_its_own(binary):
    folder = binary(test=[(3, 3), (30, 3), (4, 4), (3, 25)])
    plain = {"dataset_impl": None, "required_seq_len_multiple": 1}  # otherwise taken from the options of a training
    options = TranslationConfig(data=str(folder), source_lang="de", target_lang="en", **plain)
    task = TranslationTask.setup_task(options)
    batches = [sorted(batch["id"].tolist()) for batch in iterate_batches(task, "test", 10)]
    assert sorted(batches) == [[0, 2], [1], [3]]
    assert [sorted(one["id"].tolist()) for one in iterate_batches(task, "test", 1000)] == [[0, 1, 2, 3]]
