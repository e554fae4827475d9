"""Prepares the corpus of a task as the papers do: normalise, Moses-tokenise, clean, lower-case, choose.

All text is brought to Unicode's form NFC first: "ü" as one character, whatever the corpus writes, so that equal text is
equal to the tokenizers and to BLEU.

A source is cut to `truncate_source` tokens, if set. Training pairs are cleaned by length and ratio; which steps valid
and test get is the corpus's `treatment` (those of a published benchmark are never filtered). A corpus may hold out
every n-th clean training pair for valid. Of what is left, `train_pairs`, `valid_pairs` and `test_pairs` keep at most
the first ones in the order of a hash, so that smaller sets lie inside larger ones, whatever the order of the file.
Written, line-aligned: `{train,valid,test}.{language}` (tokenised), `{valid,test}.reference` (the target line as it
came, in NFC), `{valid,test}.origin`; and `summary.json`, last. Memory: one pair, and the hashes of a capped split.
"""

import hashlib
import heapq
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from entropyreg.data import gpt2_bpe
from entropyreg.data.cleaning import drop_reason
from entropyreg.data.corpora import Corpus, open_corpus
from entropyreg.data.languages import language_code
from entropyreg.data.pairs import TRAINING, PlacedPair, Treatment
from entropyreg.data.raw_words import words_of
from entropyreg.data.sources import Folder, locate_all
from entropyreg.data.split import SPLITS
from entropyreg.data.task import CorpusTask
from entropyreg.data.tokenization import Tokenizer
from entropyreg.io.errors import UserError
from entropyreg.io.files import atomic_path, sha256_of, write_json

SUMMARY = "summary.json"
NAMED = 10  # segments that `summary.json` names, of those that one language lacks
Tokenize = Callable[[str], list[str]]


def prepare_corpus(
    task: Mapping[str, Any], out_dir: str | Path, data_dir: Folder = None, download_dir: Folder = None
) -> dict[str, Any]:
    """Write the prepared corpus of a task under `out_dir` and return what `summary.json` holds.

    Raw files are looked for in `data_dir`, then in `download_dir`; nothing is downloaded. All outputs appear together
    at the end; an error leaves what was there as it was.
    """
    settings, out_dir = CorpusTask.read(task), Path(out_dir)
    corpus = open_corpus(settings, data_dir, download_dir)
    tables = _gpt2_tables(data_dir, download_dir) if task.get("subwords") == "gpt2" else None
    out_dir.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        staged = {split: _Staged(stack.enter_context(_staging_file(out_dir))) for split in SPLITS}
        _stage(corpus, settings, staged)
        for split in SPLITS:
            _check_not_empty(split, staged[split], settings)
        outputs = [name for split in SPLITS for name in _write_split(split, staged[split], settings, out_dir, stack)]
    inputs = corpus.sha256 | (gpt2_bpe.copy_files(tables, out_dir) if tables else {})
    summary = {
        "source": dict(settings.source),
        "languages": dict(zip(("source", "target"), settings.languages, strict=True)),
        "splits": {split: staged[split].counts(settings) for split in SPLITS},
        "inputs_sha256": inputs,
        "outputs_sha256": {name: sha256_of(out_dir / name) for name in outputs},
    }
    write_json(out_dir / SUMMARY, summary)
    return summary


def prepare_pair(
    pair: PlacedPair, tokenizers: tuple[Tokenize, Tokenize], settings: CorpusTask, treatment: Treatment
) -> tuple[str, str] | str:
    """The two tokenised lines of a raw pair, or the reason for dropping it, as one word."""
    if pair.drop:
        return pair.drop
    source, target = (tokenize(text) for tokenize, text in zip(tokenizers, (pair.source, pair.target), strict=True))
    source = source[: settings.truncate_source]
    if treatment.length:
        shortest, longest = settings.length
        ratio = settings.ratio if treatment.ratio else None
        reason = drop_reason(len(source), len(target), shortest=shortest, longest=longest, ratio=ratio)
        if reason:
            return reason
    lines = " ".join(source), " ".join(target)
    return (lines[0].lower(), lines[1].lower()) if settings.lowercase else lines


def tokenizers_of(settings: CorpusTask, treatment: Treatment = TRAINING) -> tuple[Tokenize, Tokenize]:
    """Moses tokenisers of source and target, or, for tokenizer 'none', the words between spaces.

    These are escaped unless GPT-2's subwords follow, which are numbers and no signs of anything.
    """
    if settings.tokenizer == "none":
        split = str.split if settings.subwords == "gpt2" else words_of
        return split, split
    options = settings.normalize_punctuation and treatment.normalize, settings.aggressive_hyphens
    names = (settings.tokenizer_language or language for language in settings.languages)
    source, target = (Tokenizer(language_code(name), *options) for name in names)
    return source, target


def hash_rank(pair: PlacedPair, languages: tuple[str, str]) -> str:
    """Place of a pair in the order by which subsets are chosen: the same for both directions and at any time."""
    by_language = sorted(zip(languages, (pair.source, pair.target), strict=True))
    return hashlib.sha256("\n".join(text for _, text in by_language).encode()).hexdigest()


class _Staged:
    """The cleaned pairs of one split in a temporary file, before some are chosen; and what was counted."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file
        self.n_read = self.n_clean = self.n_written = 0
        self.dropped: Counter[str] = Counter()
        self.unmatched: list[str] = []  # the first ones: where they stand
        self.tokens = [0, 0]

    def add(self, rank: str, *lines: str) -> None:
        self.file.write(json.dumps([rank, self.n_clean, *lines]) + "\n")
        self.n_clean += 1

    def drop(self, pair: PlacedPair, reason: str) -> None:
        self.dropped[reason] += 1
        if reason == "unmatched" and len(self.unmatched) < NAMED:
            self.unmatched.append(pair.origin)

    def __iter__(self) -> Iterator[list[Any]]:
        self.file.seek(0)
        return (json.loads(line) for line in self.file)

    def chosen(self, cap: int | None) -> Iterator[list[str]]:
        """The lines of the first `cap` pairs in hash order (of equal pairs, the first ones), in the corpus's order."""
        everything = cap is None or cap >= self.n_clean
        last = None if everything else heapq.nsmallest(cap, ((rank, number) for rank, number, *_ in self))[-1]
        for rank, number, *lines in self:
            if last is None or (rank, number) <= last:
                yield lines

    def counts(self, settings: CorpusTask) -> dict[str, Any]:
        return {
            "read": self.n_read,
            "dropped": dict(self.dropped),
            **({"first_unmatched": self.unmatched} if self.unmatched else {}),
            "not_chosen": self.n_clean - self.n_written,
            "pairs": self.n_written,
            "tokens": dict(zip(settings.languages, self.tokens, strict=True)),
        }


def _gpt2_tables(data_dir: Folder, download_dir: Folder) -> dict[str, Path]:
    located = locate_all([f"{gpt2_bpe.NAME}/{name}" for name in gpt2_bpe.FILES], data_dir, download_dir)
    return {Path(name).name: file.path for name, file in located.items()}


def _staging_file(folder: Path) -> IO[str]:
    """A nameless file that vanishes with this process, even when it is killed."""
    return tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", dir=folder)


def _stage(corpus: Corpus, settings: CorpusTask, staged: Mapping[str, _Staged]) -> None:
    tokenizers = {split: tokenizers_of(settings, corpus.treatment[split]) for split in SPLITS}
    n_clean = 0  # training pairs, before some of them are held out
    for raw in corpus:
        pair = raw.in_nfc()
        prepared = prepare_pair(pair, tokenizers[pair.split], settings, corpus.treatment[pair.split])
        split = pair.split
        if split == "train" and corpus.hold_out_every and not isinstance(prepared, str):
            n_clean += 1
            split = "valid" if n_clean % corpus.hold_out_every == 0 else "train"
        staged[split].n_read += 1
        if isinstance(prepared, str):
            staged[split].drop(pair, prepared)
        else:
            staged[split].add(hash_rank(pair, settings.languages), *prepared, pair.target, pair.origin)


def _check_not_empty(split: str, staged: _Staged, settings: CorpusTask) -> None:
    if staged.n_clean == 0:
        raise UserError(
            f"No {split} pair is left of {staged.n_read} read (dropped: {dict(staged.dropped)}); "
            f"length is {settings.length}, ratio {settings.ratio}, split {dict(settings.split)}."
        )


def _write_split(split: str, staged: _Staged, settings: CorpusTask, out_dir: Path, stack: ExitStack) -> list[str]:
    """Write the files of a split beside their final names, which they get when `stack` closes; return those names."""
    names = [f"{split}.{language}" for language in settings.languages]
    if split != "train":
        names += [f"{split}.reference", f"{split}.origin"]
    temporaries = [stack.enter_context(atomic_path(out_dir / name)) for name in names]
    with ExitStack() as open_files:
        files = [open_files.enter_context(path.open("w", encoding="utf-8", newline="\n")) for path in temporaries]
        for lines in staged.chosen(settings.caps.get(split)):
            for file, line in zip(files, lines, strict=False):  # train has no file for reference and origin
                file.write(line + "\n")
            staged.n_written += 1
            staged.tokens = [n + len(line.split()) for n, line in zip(staged.tokens, lines[:2], strict=True)]
    return names
