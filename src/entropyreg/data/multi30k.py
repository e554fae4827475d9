"""Multi30k with its published splits: `multi30k/{train,val,test_2016_flickr,...}.{de,en,fr}.gz`, raw text.

A file is the user's own, unpacked or packed anew, or a downloaded one: its text is checked before the first sentence is
read. The texts are for research and education only, so the project never ships them.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from entropyreg.data.pairs import BENCHMARK, PlacedPair
from entropyreg.data.parallel_text import read_parallel
from entropyreg.data.sources import Folder, locate_all
from entropyreg.io.errors import UserError

TEST_SETS = ("test_2016_flickr", "test_2017_flickr", "test_2017_mscoco", "test_2018_flickr")
LANGUAGES = ("de", "en", "fr")
TRAINING_PAIRS = 29_000


class Multi30k:
    """Multi30k in one direction; iterating yields train, then valid (`val`), then the pooled tests."""

    treatment = BENCHMARK
    hold_out_every = None

    def __init__(
        self,
        data_dir: Folder,
        languages: tuple[str, str],
        test_sets: Sequence[str] = TEST_SETS[:1],
        first: int | None = None,
        download_dir: Folder = None,
    ) -> None:
        """Find and check every file; `first` keeps that many training pairs in file order, None keeps all 29,000."""
        self.languages, self.test_sets, self.first = languages, tuple(test_sets), first
        names = self.needed({"test_sets": test_sets, "first": first}, languages)
        located = locate_all(names, data_dir, download_dir)
        short = {name: name.removeprefix("multi30k/").removesuffix(".gz") for name in names}
        self.paths = {short[name]: file.path for name, file in located.items()}
        self.sha256 = {short[name]: file.sha256 for name, file in located.items()}

    @staticmethod
    def needed(source: Mapping[str, Any], languages: tuple[str, str]) -> list[str]:
        """Names of the files that a task needs, after checking its choices."""
        test_sets, first = source.get("test_sets", TEST_SETS[:1]), source.get("first")
        _check_choice("languages", languages, LANGUAGES)
        _check_choice("source.test_sets", test_sets, TEST_SETS)
        if first is not None and not 1 <= first <= TRAINING_PAIRS:
            raise UserError(f"source.first is {first}; allowed: 1 to {TRAINING_PAIRS}, or null for all.")
        return [f"multi30k/{name}.{language}.gz" for name in ("train", "val", *test_sets) for language in languages]

    def __iter__(self) -> Iterator[PlacedPair]:
        for name, split in [("train", "train"), ("val", "valid"), *((name, "test") for name in self.test_sets)]:
            pairs = read_parallel([self.paths[f"{name}.{language}"] for language in self.languages])
            for source, target in islice(pairs, self.first if split == "train" else None):
                yield PlacedPair(split, source, target, name)


def _check_choice(key: str, chosen: Sequence[str], allowed: Sequence[str]) -> None:
    if not chosen or len(set(chosen)) != len(chosen) or not set(chosen) <= set(allowed):
        raise UserError(f"{key} is {list(chosen)}; allowed: different ones of {', '.join(allowed)}.")
