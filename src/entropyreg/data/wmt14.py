"""WMT'14 between German and English from the raw archives: europarl-v7, commoncrawl, news-commentary, newstest.

- Paper A (De-En): the recipe of fairseq's prepare-wmt14en2de.sh; which one the paper used is not known.
  Control characters become spaces; every 100th line of the three corpora, joined in that order, goes to valid, before
  any cleaning; test is newstest2014 (full), whose punctuation is not normalised.
- Paper B (En-De): tensor2tensor's mix, with news-commentary v13, and newstest2013 as valid.

Not followed: the script cleans by length and ratio after it has cut words into subwords, we do it before. Everything
streams out of the tgz files.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from entropyreg.data.archives import member_name, read_member_lines
from entropyreg.data.pairs import PUBLISHED, TRAINING, PlacedPair
from entropyreg.data.parallel_text import align
from entropyreg.data.sources import Folder, locate_all
from entropyreg.data.tagged_text import paired_segments
from entropyreg.io.errors import UserError

EUROPARL = ("wmt14/training-parallel-europarl-v7.tgz", "training/europarl-v7.de-en.{language}")
COMMONCRAWL = ("wmt14/training-parallel-commoncrawl.tgz", "commoncrawl.de-en.{language}")
NEWS_COMMENTARY = {  # by the year of the shared task: WMT'14, WMT'17 (the script's default), WMT'18 (paper B)
    "v9": ("wmt14/training-parallel-nc-v9.tgz", "training/news-commentary-v9.de-en.{language}"),
    "v12": ("wmt14/training-parallel-nc-v12.tgz", "training/news-commentary-v12.de-en.{language}"),
    "v13": ("wmt14/training-parallel-nc-v13.tgz", "training-parallel-nc-v13/news-commentary-v13.de-en.{language}"),
}
VALID = ("held_out", "newstest2013")
NEWSTEST_2013 = ("wmt14/dev.tgz", "dev/newstest2013.{language}")
NEWSTEST_2014 = ("wmt14/test-full.tgz", "test-full/newstest2014-deen-{side}.{language}.sgm")
HELD_OUT_EVERY = 100
NEWSTEST = PUBLISHED._replace(normalize=False)


class Wmt14:
    """WMT'14 between German and English, in either direction."""

    hold_out_every = None  # here it is by lines of the raw corpora

    def __init__(
        self,
        data_dir: Folder,
        languages: tuple[str, str],
        news_commentary: str = "v9",
        valid: str = "held_out",
        download_dir: Folder = None,
    ) -> None:
        """Find and check the archives; `news_commentary` and `valid` as in `NEWS_COMMENTARY` and `VALID`."""
        self.languages, self.news_commentary, self.valid = languages, news_commentary, valid
        names = self.needed({"news_commentary": news_commentary, "valid": valid}, languages)
        located = locate_all(names, data_dir, download_dir)
        self.paths = {name: file.path for name, file in located.items()}
        self.sha256 = {name: file.sha256 for name, file in located.items()}
        held_out = TRAINING if valid == "held_out" else NEWSTEST
        self.treatment = {"train": TRAINING, "valid": held_out, "test": NEWSTEST}

    @staticmethod
    def needed(source: Mapping[str, Any], languages: tuple[str, str]) -> list[str]:
        """Names of the files that a task needs, after checking its choices."""
        if sorted(languages) != ["de", "en"]:
            raise UserError(f"languages are {languages[0]} to {languages[1]}, but WMT'14 here is between de and en.")
        for key, allowed in (("news_commentary", NEWS_COMMENTARY), ("valid", VALID)):
            if source.get(key) not in allowed:
                raise UserError(f"source.{key} is {source.get(key)!r}; allowed: {', '.join(allowed)}.")
        corpora = [EUROPARL, COMMONCRAWL, NEWS_COMMENTARY[source["news_commentary"]]]
        newstest = [NEWSTEST_2013] if source["valid"] == "newstest2013" else []
        return [archive for archive, _ in (*corpora, *newstest, NEWSTEST_2014)]

    def __iter__(self) -> Iterator[PlacedPair]:
        number = 0
        for archive, member in (EUROPARL, COMMONCRAWL, NEWS_COMMENTARY[self.news_commentary]):
            origin = Path(member).name.partition(".")[0]
            for source, target in self._pairs(archive, [member.format(language=name) for name in self.languages]):
                number += 1
                is_valid = self.valid == "held_out" and number % HELD_OUT_EVERY == 0
                split = "valid" if is_valid else "train"
                yield PlacedPair(split, without_control_characters(source), without_control_characters(target), origin)
        if self.valid == "newstest2013":
            archive, member = NEWSTEST_2013
            for source, target in self._pairs(archive, [member.format(language=name) for name in self.languages]):
                yield PlacedPair("valid", source, target, "newstest2013")
        archive, member = NEWSTEST_2014
        sides = zip(("src", "ref"), self.languages, strict=True)
        members = [member.format(side=side, language=name) for side, name in sides]
        yield from paired_segments(*self._texts(archive, members), "test", "newstest2014")

    def _pairs(self, archive: str, members: Sequence[str]) -> Iterator[tuple[str, ...]]:
        return align(*self._texts(archive, members))

    def _texts(self, archive: str, members: Sequence[str]) -> tuple[list[str], list[Iterator[str]]]:
        path = self.paths[archive]
        return [member_name(path, member) for member in members], [
            read_member_lines(path, member) for member in members
        ]


def without_control_characters(text: str) -> str:
    r"""Every character of Unicode's category C (Perl's `\p{C}`) as a space, as remove-non-printing-char.perl does."""
    if text.isprintable():  # of what is printable nothing is in C: the usual case, and fast
        return text
    return "".join(" " if unicodedata.category(character)[0] == "C" else character for character in text)
