"""The shipped sets are whole, licensed, and read lazily."""

import hashlib
import lzma

import pytest

from entropyreg.data import embedded
from entropyreg.io.errors import UserError

PAIRS = {"registry.de-en": 18_761, "registry.fr-en": 14_402, "docstrings.sum": 7_182}


@pytest.mark.parametrize("name", PAIRS)
def test_every_row_has_three_filled_columns(name):
    rows = list(embedded.read_pairs(name))
    assert len(rows) == PAIRS[name]
    assert all(source.strip() and target.strip() and origin for source, target, origin in rows)
    assert not any(text.splitlines() != [text] or "\t" in text for row in rows for text in row)


def test_names_and_languages():
    assert embedded.names() == sorted(PAIRS)
    assert embedded.languages_of("registry.de-en") == ("de", "en")
    assert embedded.languages_of("docstrings.sum") == ("body", "summary")
    with pytest.raises(UserError, match=r"'fashion' has no two languages; allowed: docstrings\.sum, registry"):
        embedded.languages_of("fashion")


def test_every_shipped_data_file_has_a_sum_that_holds():
    files = sorted(path.name for path in embedded.FOLDER.iterdir() if path.suffix in (".xz", ".npz"))
    assert len(files) == 4
    for name in files:
        embedded.checked_path(name)


def test_readme_names_every_file_and_the_sum_of_its_text():
    readme = (embedded.FOLDER / "README.md").read_text(encoding="utf-8")
    for name in embedded.names():
        text = lzma.decompress((embedded.FOLDER / f"{name}.tsv.xz").read_bytes())
        assert f"`{name}.tsv.xz`" in readme and hashlib.sha256(text).hexdigest() in readme


def test_every_source_package_has_its_licence():
    licences = [path.name.lower().replace("_", "-") for path in (embedded.FOLDER / "licenses").iterdir()]
    origins = {origin.rpartition("-")[0] or origin for name in PAIRS for *_, origin in embedded.read_pairs(name)}
    origins = {origin.replace("_", "-") for origin in origins}
    assert {"django", "monaco-vscode", "scikit-learn"} <= origins
    missing = [origin for origin in origins if not any(licence.startswith(origin) for licence in licences)]
    assert not missing
    assert any("fashion-mnist" in licence for licence in licences) and "vscode.license.txt" in licences


def test_a_changed_byte_is_told_with_both_sums_before_the_first_pair(small_embedded):
    path = small_embedded / "registry.de-en.tsv.xz"
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    with pytest.raises(
        UserError, match=rf"registry\.de-en\.tsv\.xz is corrupt: expected sha256 {expected}, found {found}"
    ):
        embedded.read_pairs("registry.de-en")  # not iterated


def test_an_unknown_or_missing_set_is_told_with_those_that_are_there(small_embedded):
    with pytest.raises(UserError, match=r"no embedded data file 'registry\.nl-en\.tsv\.xz'; allowed: registry\.de-en"):
        embedded.read_pairs("registry.nl-en")
    (small_embedded / "registry.de-en.tsv.xz").unlink()
    with pytest.raises(UserError, match=r"no embedded data file 'registry\.de-en\.tsv\.xz'"):
        embedded.read_pairs("registry.de-en")


def test_rows_are_decompressed_one_by_one(use_embedded):
    """The last row is malformed, and is not reached by whoever wants the first."""
    use_embedded("ja\tyes\tx\n" * 100_000 + "no tabs\n")
    pairs = embedded.read_pairs("registry.de-en")
    assert next(pairs) == ("ja", "yes", "x")
    with pytest.raises(ValueError):
        list(pairs)
