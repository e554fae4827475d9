"""Corpora in a folder of the user's (the configuration key `data_dir`), as line-aligned text, plain or `.gz`.

- Multi30k: `<data_dir>/multi30k/{train,val,test_2016_flickr,...}.{de,en,fr}`, as published. The texts are checked
  against the sums in `multi30k.yaml` before the first sentence is read. It is for research and education only, so the
  project never ships it.
- Any other corpus that is split already: `<data_dir>/<folder>/{train,valid,test}.{language}`.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import yaml

from entropyreg.data.parallel_text import read_parallel
from entropyreg.data.split import SPLITS
from entropyreg.errors import UserError

TEST_SETS = ("test_2016_flickr", "test_2017_flickr", "test_2017_mscoco", "test_2018_flickr")
LANGUAGES = ("de", "en", "fr")
TRAINING_PAIRS = 29_000


class LocalPair(NamedTuple):
    """One aligned pair, its split, and the set that it came from (the name of the files)."""

    split: str
    source: str
    target: str
    origin: str


class Multi30k:
    """Multi30k under `data_dir` in one direction; iterating yields train, then valid (`val`), then the pooled tests."""

    def __init__(
        self,
        data_dir: str | Path | None,
        languages: tuple[str, str],
        test_sets: Sequence[str] = TEST_SETS[:1],
        first: int | None = None,
    ) -> None:
        """Find and check every file; `first` keeps that many training pairs in file order, None keeps all 29,000."""
        self.languages, self.test_sets, self.first = languages, tuple(test_sets), first
        _check_choice("languages", languages, LANGUAGES)
        _check_choice("source.test_sets", test_sets, TEST_SETS)
        if first is not None and not 1 <= first <= TRAINING_PAIRS:
            raise UserError(f"source.first is {first}; allowed: 1 to {TRAINING_PAIRS}, or null for all.")
        wanted = [f"{name}.{language}" for name in ("train", "val", *self.test_sets) for language in languages]
        self.paths = find_files(data_dir, "multi30k", wanted)
        pinned = yaml.safe_load(files("entropyreg.data").joinpath("multi30k.yaml").read_text(encoding="utf-8"))
        self.sha256 = {name: check_text(path, pinned["text_sha256"][name]) for name, path in self.paths.items()}

    def __iter__(self) -> Iterator[LocalPair]:
        for name, split in [("train", "train"), ("val", "valid"), *((name, "test") for name in self.test_sets)]:
            pairs = read_parallel([self.paths[f"{name}.{language}"] for language in self.languages])
            for source, target in islice(pairs, self.first if split == "train" else None):
                yield LocalPair(split, source, target, name)


class SplitFolder:
    """A corpus under `<data_dir>/<folder>` that is split already; its texts are whatever the user put there."""

    def __init__(self, data_dir: str | Path | None, folder: str, languages: tuple[str, str]) -> None:
        """Find every file; no sum is known to check them against, so `sha256` only records what they are."""
        self.languages = languages
        self.paths = find_files(data_dir, folder, [f"{split}.{language}" for split in SPLITS for language in languages])
        self.sha256 = {name: text_sha256(path) for name, path in self.paths.items()}

    def __iter__(self) -> Iterator[LocalPair]:
        for split in SPLITS:
            for source, target in read_parallel([self.paths[f"{split}.{language}"] for language in self.languages]):
                yield LocalPair(split, source, target, split)


def find_files(data_dir: str | Path | None, corpus: str, wanted: Sequence[str]) -> dict[str, Path]:
    """Paths of the wanted files of `<data_dir>/<corpus>/`, plain or .gz; all that is missing is told at once."""
    layout = f"{corpus}/ needs {', '.join(f'{name}[.gz]' for name in wanted)}"
    if data_dir is None:
        raise UserError(f"data_dir is not set: give the folder that holds {corpus}/; {layout}.")
    folder = Path(data_dir) / corpus
    if not folder.is_dir():
        raise UserError(f"data_dir is {str(data_dir)!r}, but there is no folder {folder}; {layout}.")
    found = {}
    for name in wanted:
        candidates = [path for path in (folder / name, folder / f"{name}.gz") if path.is_file()]
        if candidates:
            found[name] = candidates[0]
    missing = [f"{name}[.gz]" for name in wanted if name not in found]
    if missing:
        raise UserError(f"data_dir is {str(data_dir)!r}, but {folder} lacks {', '.join(missing)}; {layout}.")
    return found


def text_sha256(path: Path) -> str:
    """Hexadecimal sha256 of a text: of what a .gz holds, so that packing it anew changes nothing."""
    digest = hashlib.sha256()
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a whole gzip file ({error}): fetch it again.") from None
    return digest.hexdigest()


def check_text(path: Path, expected: str) -> str:
    """Return the sha256 of a text, which must be the expected one."""
    found = text_sha256(path)
    if found != expected:
        raise UserError(
            f"The text of {path} is not the published one: expected sha256 {expected}, found {found}; fetch it again."
        )
    return found


def _check_choice(key: str, chosen: Sequence[str], allowed: Sequence[str]) -> None:
    if not chosen or len(set(chosen)) != len(chosen) or not set(chosen) <= set(allowed):
        raise UserError(f"{key} is {list(chosen)}; allowed: different ones of {', '.join(allowed)}.")
