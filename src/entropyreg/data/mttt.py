"""Multitarget TED Talks (MTTT) from the raw archive: English with one of 19 other languages; paper A uses Fr-En.

Raw text of `multitarget-ted/en-fr/raw/`: train, dev (valid) and test1 (test) as published. dev has 1,958 and test1 has
1,982 sentences in every language, which is checked; the paper's own preparation is not known.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from entropyreg.data.archives import member_name, read_member_lines
from entropyreg.data.pairs import BENCHMARK, PlacedPair
from entropyreg.data.parallel_text import align
from entropyreg.data.sources import Folder, locate
from entropyreg.io.errors import UserError

ARCHIVE = "mttt/multitarget-ted.tgz"
MEMBER = "multitarget-ted/en-{other}/raw/ted_{name}_en-{other}.raw.{language}"
SETS = {"train": "train", "dev": "valid", "test1": "test"}
SIZES = {"dev": 1958, "test1": 1982}


class Mttt:
    """MTTT between English and another language, in either direction."""

    treatment = BENCHMARK
    hold_out_every = None

    def __init__(self, data_dir: Folder, languages: tuple[str, str], download_dir: Folder = None) -> None:
        """Find and check the archive."""
        self.languages = languages
        self.archive, sha256 = locate(self.needed({}, languages)[0], data_dir, download_dir)
        self.sha256 = {ARCHIVE: sha256}

    @staticmethod
    def needed(source: Mapping[str, Any], languages: tuple[str, str]) -> list[str]:
        """Names of the files that a task needs."""
        if "en" not in languages:
            raise UserError(f"languages are {languages[0]} to {languages[1]}, but one side of MTTT is en.")
        return [ARCHIVE]

    def __iter__(self) -> Iterator[PlacedPair]:
        other = next(language for language in self.languages if language != "en")
        for name, split in SETS.items():
            members = [MEMBER.format(other=other, name=name, language=language) for language in self.languages]
            texts = [read_member_lines(self.archive, member) for member in members]
            number = 0
            for source, target in align([member_name(self.archive, member) for member in members], texts):
                number += 1
                yield PlacedPair(split, source, target, name)
            if number != SIZES.get(name, number):
                raise UserError(f"{self.archive} has {number} sentences in {name}; published: {SIZES[name]}.")
