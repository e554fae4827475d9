"""The small real corpora shipped inside the package: checked against `embedded/SHA256SUMS`, read without extraction.

Columns are separated by tabs: source, target, origin (see `embedded/README.md` for what each file is and its licence).
"""

import lzma
from collections.abc import Iterator
from pathlib import Path

from entropyreg.io.errors import UserError
from entropyreg.io.files import sha256_of

FOLDER = Path(__file__).with_suffix("")  # `embedded/`, beside this module
SUFFIX = ".tsv.xz"
COLUMNS = {"docstrings.sum": ("body", "summary")}  # of sets that are no translations


def names() -> list[str]:
    """Names that `read_pairs` takes, sorted."""
    return sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))


def languages_of(name: str) -> tuple[str, str]:
    """What the two columns hold: 'registry.de-en' -> ('de', 'en'), 'docstrings.sum' -> ('body', 'summary')."""
    if name in COLUMNS:
        return COLUMNS[name]
    first, separator, second = name.rpartition(".")[2].partition("-")
    if not separator:
        raise UserError(f"The embedded set {name!r} has no two languages; allowed: {', '.join(names())}.")
    return first, second


def checked_path(file_name: str) -> tuple[Path, str]:
    """Path of a shipped file and its sha256, after comparing it with `SHA256SUMS`."""
    if not (FOLDER / "SHA256SUMS").is_file():
        raise UserError(
            f"{FOLDER} has no file SHA256SUMS: the embedded data are not installed; install the package again."
        )
    lines = (FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    expected = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    path = FOLDER / file_name
    if file_name not in expected or not path.is_file():
        raise UserError(f"There is no embedded data file {file_name!r}; allowed: {', '.join(sorted(expected))}.")
    found = sha256_of(path)
    if found != expected[file_name]:
        raise UserError(
            f"{path} is corrupt: expected sha256 {expected[file_name]}, found {found}; install the package again."
        )
    return path, found


def read_pairs(name: str) -> Iterator[tuple[str, str, str]]:
    """Iterate over (source, target, origin) of an embedded set, as 'registry.de-en' or 'docstrings.sum'.

    The file is checked before this returns; its rows are then decompressed one after another, in memory.
    """
    path, _ = checked_path(name + SUFFIX)
    return _rows(path)


def _rows(path: Path) -> Iterator[tuple[str, str, str]]:
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            source, target, origin, *_ = line.rstrip("\n").split("\t")
            yield source, target, origin
