"""What is read of a binary data set without fairseq agrees with fairseq."""

from fairseq.data import Dictionary
from fairseq.tasks.translation import TranslationConfig, TranslationTask

from entropyreg.translation.binarization import binarize, verify_binary, vocabulary_size


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
            (tmp_path / f"{split}.{name}").write_text(f"{name} one two\n", encoding="utf-8")
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
