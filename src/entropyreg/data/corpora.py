"""Opens the corpus that a task names, embedded or local, as one stream of placed sentence pairs."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from entropyreg.data import embedded
from entropyreg.data.local import TEST_SETS, Multi30k, SplitFolder
from entropyreg.data.split import Splitter
from entropyreg.data.task import CorpusTask
from entropyreg.errors import UserError


class PlacedPair(NamedTuple):
    """A raw pair in the direction of the task, its split, and whether a near-duplicate of it is held out."""

    split: str
    source: str
    target: str
    origin: str
    near_duplicate: bool = False


class Corpus(Protocol):
    """What preparation needs of a corpus."""

    sha256: dict[str, str]  # of every file read, by its name
    is_benchmark: bool  # valid and test are published sets, never filtered

    def __iter__(self) -> Iterator[PlacedPair]: ...


class EmbeddedCorpus:
    """An embedded set, split by masked key of its English (second) column; either column can be the source."""

    is_benchmark = False

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
            yield PlacedPair(split, source, target, origin, near_duplicate)


class Multi30kCorpus(Multi30k):
    """Multi30k with its published splits."""

    is_benchmark = True

    def __iter__(self) -> Iterator[PlacedPair]:
        return (PlacedPair(*pair) for pair in super().__iter__())


class ParallelCorpus(SplitFolder):
    """A folder of {train,valid,test}.{language} with the splits that it came with."""

    is_benchmark = True

    def __iter__(self) -> Iterator[PlacedPair]:
        return (PlacedPair(*pair) for pair in super().__iter__())


def open_corpus(task: CorpusTask, data_dir: str | None) -> Corpus:
    """The corpus of a task, its files found and checked; `data_dir` is needed by local corpora only."""
    match task.source["kind"]:
        case "embedded":
            return EmbeddedCorpus(task)
        case "multi30k":
            test_sets = task.source.get("test_sets") or TEST_SETS[:1]
            return Multi30kCorpus(data_dir, task.languages, test_sets, task.source.get("first"))
        case _:
            return ParallelCorpus(data_dir, task.source["folder"], task.languages)
