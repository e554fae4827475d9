"""What is read of a binary data set without fairseq agrees with fairseq."""

from fairseq.data import Dictionary

from entropyreg.translation.binarization import vocabulary_size


def test_the_vocabulary_has_as_many_entries_as_fairseq_loads(tmp_path):
    dictionary = Dictionary()
    for word in ("the", "caf\u00e9", "a\u2028b", "x\u0085y"):  # separators of lines to Python, not to a file
        dictionary.add_symbol(word)
    dictionary.finalize(padding_factor=8)
    dictionary.save(str(tmp_path / "dict.en.txt"))
    assert vocabulary_size(tmp_path, "en") == len(dictionary) == len(Dictionary.load(str(tmp_path / "dict.en.txt")))
