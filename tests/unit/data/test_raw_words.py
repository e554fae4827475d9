"""Text comes back whole from subwords and dictionary, whatever signs of fairseq and subword-nmt stand in it."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from entropyreg.config.loading import load_config
from entropyreg.config.settings import measuring_settings, scoring_settings
from entropyreg.data.preparation import prepare_corpus
from entropyreg.data.raw_words import text_of, words_of
from entropyreg.data.subwords import apply, learn, segment_corpus, undo
from entropyreg.data.tokenization import Tokenizer
from entropyreg.experiments import Regularizer, Run
from entropyreg.measuring.text_quality import Texts, read_lines, score_texts
from entropyreg.translation.scoring import filler_entries

SIGNS = ["<s>", "</s>", "<pad>", "<unk>", "<", "@@", "a@@", "@@b", "a@@b", "@@@", "@", "a@", "</w>", "x</w>"]
SIGNS += ["madeupword0000", "Madeupword0001", "&", "&#60;", "&#38;#60;", "&amp;", "#fairseq:overwrite", "größe", "low"]
LINES = st.lists(
    st.lists(st.sampled_from(SIGNS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=6),
    min_size=1,
    max_size=4,
)


def as_a_model_reads_it(folder, lines):
    """The lines after subwords and fairseq's dictionary; every word of them is in the dictionary."""
    from fairseq.data import Dictionary

    (folder / "text").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    (folder / "more").write_text("low lower low\n")
    learn([folder / "text", folder / "more"], 30, folder / "codes")
    apply(folder / "codes", folder / "text", folder / "subwords")
    subwords = (folder / "subwords").read_text(encoding="utf-8").split("\n")[:-1]
    (folder / "dictionary").write_text("", encoding="utf-8")
    Dictionary.add_file_to_dictionary(str(folder / "subwords"), counted := Dictionary(), str.split, 1)
    counted.finalize(padding_factor=8)
    counted.save(str(folder / "dictionary"))
    dictionary = Dictionary.load(str(folder / "dictionary"))
    own = {*filler_entries(dictionary), *range(dictionary.nspecial)}
    numbers = [dictionary.encode_line(line, add_if_not_exist=False, append_eos=False) for line in subwords]
    assert not any(own & set(line.tolist()) for line in numbers)
    return [dictionary.string(line) for line in numbers]


@example([["madeupword0000", "Madeupword0001"], ["madeupword0000", "Madeupword0001"]])  # so often that they are merged
@given(LINES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_text_comes_back(tmp_path, lines):
    texts = [" ".join(words) for words in lines]
    read = as_a_model_reads_it(tmp_path, [" ".join(words_of(text)) for text in texts])
    assert [text_of(undo(line)) for line in read] == [" ".join(text.split()) for text in texts]


@example([["madeupword0000", "@@", "a@@"], ["madeupword0000", "<unk>", "@@"]])
@given(LINES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_text_that_is_tokenised_by_moses_comes_back_as_it_was_tokenised(tmp_path, lines):
    tokenize = Tokenizer("en")
    texts = [" ".join(tokenize(" ".join(words))) for words in lines]
    assert [undo(line) for line in as_a_model_reads_it(tmp_path, texts)] == texts


def test_a_word_of_the_text_is_no_filler_entry_whatever_its_name():
    from fairseq.data import Dictionary

    dictionary = Dictionary()
    for word in ("madeupword0000", "one", "two"):
        dictionary.add_symbol(word)
    dictionary.finalize(padding_factor=8)
    fill = [dictionary.symbols[index] for index in filler_entries(dictionary)]
    assert fill == ["<s>", "<pad>", "madeupword0001"]


def test_words_without_signs_stay_as_they_are():
    assert words_of("It's  50 % > 3, user@host; größe|x") == ["It's", "50", "%", ">", "3,", "user@host;", "größe|x"]
    assert words_of("a@@ <s> AT&T") == ["a&#64;@", "&#60;s>", "AT&#38;T"]


def test_a_perfect_system_scores_100_on_signs(write_corpus, toy_task, tmp_path):
    """From the corpus to the score: `<s>` and `@@` of a reference are in the hypothesis, lower-cased."""
    text = " ".join(SIGNS)
    texts = {f"{split}_en": f"{text}\n{text} one\n" for split in ("train", "valid", "test")}
    sources = {f"{split}_de": "eins zwei drei\nvier\n" for split in ("train", "valid", "test")}
    task = {**toy_task, "tokenizer": "none", "length": {"min": 1, "max": None}, "ratio": None}
    prepare_corpus(task, tmp_path / "out", str(write_corpus(**texts, **sources)))
    segment_corpus(task, tmp_path / "out")
    tokenized = read_lines(tmp_path / "out" / "test.en")[:2]
    (tmp_path / "model").mkdir()
    hypotheses = as_a_model_reads_it(tmp_path / "model", tokenized)
    options = {"target_language": "en", "lowercase": True, "subwords": 10, "bleu_as_published": "tokenized"}
    references = read_lines(tmp_path / "out" / "test.reference")[:2]
    found = score_texts(
        {"metric": "bleu", "tokenizer": "none", **options}, hypotheses, Texts(references, tokenized, tmp_path), "here"
    )[0]
    assert (found["bleu"], found["bleu_as_published"]) == pytest.approx((100, 100))


def test_what_scores_depend_on_reaches_searches_too(workflow_dir):
    changed = {"tasks": {"smoke_de_en": {"tokenizer": "none", "bleu_tokenizer": "char"}}}
    config = load_config(workflow_dir, {"scale": "smoke", **changed})
    run = Run("smoke_de_en", "transformer", Regularizer(0.5, 1.0), seed=1)
    for found in (measuring_settings(config, run), scoring_settings(config, run)):
        assert (found["tokenizer"], found["bleu_tokenizer"]) == ("none", "char")
