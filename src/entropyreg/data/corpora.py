"""Opens the corpus that a task names as one stream of placed sentence pairs: embedded, downloaded or the user's own."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from entropyreg.data import cnn_dailymail, embedded, gpt2_bpe
from entropyreg.data.cnn_dailymail import CnnDailymail
from entropyreg.data.iwslt14 import Iwslt14
from entropyreg.data.local import SplitFolder
from entropyreg.data.mttt import Mttt
from entropyreg.data.multi30k import TEST_SETS, Multi30k
from entropyreg.data.pairs import TRAINING, PlacedPair, Treatment
from entropyreg.data.sources import Folder, locate_all
from entropyreg.data.split import Splitter
from entropyreg.data.task import CorpusTask
from entropyreg.data.wmt14 import Wmt14
from entropyreg.io.errors import UserError

DOWNLOADED = {"multi30k": Multi30k, "iwslt14": Iwslt14, "wmt14": Wmt14, "mttt": Mttt}
EMBEDDED = {"train": TRAINING, "valid": TRAINING._replace(ratio=False), "test": TRAINING._replace(ratio=False)}


class Corpus(Protocol):
    """What preparation needs of a corpus."""

    sha256: dict[str, str]  # of every file read, by its name
    treatment: Mapping[str, Treatment]  # by split
    hold_out_every: int | None  # every so many clean training pairs, one goes to valid

    def __iter__(self) -> Iterator[PlacedPair]: ...


class EmbeddedCorpus:
    """An embedded set, split by masked key of its English (second) column; either column can be the source."""

    treatment = EMBEDDED
    hold_out_every = None

    def __init__(self, task: CorpusTask) -> None:
        self._name = task.source["name"]
        columns = embedded.languages_of(self._name)
        if sorted(task.languages) != sorted(columns):
            raise UserError(
                f"languages are {task.languages[0]} to {task.languages[1]}, but the embedded set {self._name} has "
                f"{columns[0]} and {columns[1]}."
            )
        self._is_reversed = task.languages != columns
        file_name = self._name + embedded.SUFFIX
        self.sha256 = {file_name: embedded.checked_path(file_name)[1]}
        self._splitter = Splitter(self._english_and_foreign, task.split)

    def _english_and_foreign(self) -> Iterator[tuple[str, str]]:
        return ((english, foreign) for foreign, english, _ in embedded.read_pairs(self._name))

    def __iter__(self) -> Iterator[PlacedPair]:
        for foreign, english, origin in embedded.read_pairs(self._name):
            split, near_duplicate = self._splitter.place(english, foreign)
            source, target = (english, foreign) if self._is_reversed else (foreign, english)
            yield PlacedPair(split, source, target, origin, "near_duplicate" if near_duplicate else None)


def open_corpus(task: CorpusTask, data_dir: Folder, download_dir: Folder = None) -> Corpus:
    """The corpus of a task, its files found (in `data_dir`, else in `download_dir`) and checked."""
    source, languages = task.source, task.languages
    match source["kind"]:
        case "embedded":
            return EmbeddedCorpus(task)
        case "parallel":
            return SplitFolder(data_dir, source["folder"], languages)
        case "multi30k":
            test_sets = source.get("test_sets") or TEST_SETS[:1]
            return Multi30k(data_dir, languages, test_sets, source.get("first"), download_dir)
        case "iwslt14":
            return Iwslt14(data_dir, languages, download_dir)
        case "mttt":
            return Mttt(data_dir, languages, download_dir)
        case "cnn_dailymail":
            located = locate_all(_parquet_files(), data_dir, download_dir)
            return CnnDailymail({name.partition("/")[2]: file.path for name, file in located.items()})
        case "wmt14":
            return Wmt14(data_dir, languages, source["news_commentary"], source["valid"], download_dir)
        case kind:
            raise UserError(f"source.kind is '{kind}', of which no corpus is made.")


def needed_sources(task: Mapping[str, Any]) -> list[str]:
    """Names of the files of `sources.yaml` that a task of the configuration needs; wrong choices are a `UserError`."""
    kind, languages = task["source"]["kind"], (task["languages"]["source"], task["languages"]["target"])
    subwords = [f"{gpt2_bpe.NAME}/{name}" for name in gpt2_bpe.FILES] if task.get("subwords") == "gpt2" else []
    if kind == "cnn_dailymail":
        return [*_parquet_files(), *subwords]
    return [*(DOWNLOADED[kind].needed(task["source"], languages) if kind in DOWNLOADED else []), *subwords]


def _parquet_files() -> list[str]:
    return [f"{cnn_dailymail.FOLDER}/{name}" for name in cnn_dailymail.NAMES]
