"""Reads the keys of a task that tell how its corpus is prepared (the configuration schema describes all of them)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from entropyreg.io.errors import UserError

KINDS = ("embedded", "multi30k", "iwslt14", "wmt14", "mttt", "cnn_dailymail", "parallel")
TOKENIZERS = ("moses", "none")
OPTIONS = (  # read as they stand
    *("lowercase", "ratio", "truncate_source", "tokenizer", "tokenizer_language"),
    *("normalize_punctuation", "aggressive_hyphens", "subwords"),
)


@dataclass(frozen=True)
class CorpusTask:
    """One corpus in one direction; keys of a task that are not about text (title, dictionaries) are left aside."""

    source: Mapping[str, Any]  # kind, and the keys of that kind
    languages: tuple[str, str]  # (source, target)
    lowercase: bool = False
    length: tuple[int, int | None] = (1, None)  # tokens a sentence, both included
    ratio: float | None = None  # of the two lengths; training pairs only
    split: Mapping[str, float] = field(default_factory=lambda: {"valid": 0.05, "test": 0.05})  # embedded corpora only
    caps: Mapping[str, int | None] = field(default_factory=dict)  # at most so many pairs, by split
    tokenizer: str = "moses"  # or none: words are what spaces separate
    tokenizer_language: str | None = None  # Moses rules of both sides; None: those of each side's own language
    normalize_punctuation: bool = True
    aggressive_hyphens: bool = False
    subwords: int | str | None = None  # merges, or gpt2
    truncate_source: int | None = None  # the source is cut after so many tokens, before its length is judged

    @classmethod
    def read(cls, task: Mapping[str, Any]) -> "CorpusTask":
        """Read and check a task as it stands in the configuration."""
        for key in ("source", "languages"):
            if key not in task:
                raise UserError(f"The task has no key {key!r}; it needs source and languages.")
        kind = task["source"].get("kind")
        if kind not in KINDS:
            raise UserError(f"source.kind is {kind!r}; allowed: {', '.join(KINDS)}.")
        given = {key: task[key] for key in OPTIONS if task.get(key) is not None}
        if task.get("length") is not None:
            given["length"] = (task["length"].get("min") or 1, task["length"].get("max"))
        if task.get("split") is not None:
            given["split"] = {name: float(task["split"][name]) for name in ("valid", "test")}
        made = cls(
            source=task["source"],
            languages=(task["languages"]["source"], task["languages"]["target"]),
            caps={name: task.get(f"{name}_pairs") for name in ("train", "valid", "test")},
            **given,
        )
        made._check()
        return made

    def _check(self) -> None:
        if self.tokenizer not in TOKENIZERS:
            raise UserError(f"tokenizer is {self.tokenizer!r}; allowed: {', '.join(TOKENIZERS)}.")
        if self.truncate_source is not None and self.truncate_source < 1:
            raise UserError(f"truncate_source is {self.truncate_source}; allowed: 1 or more, or null.")
        shortest, longest = self.length
        if shortest < 1 or (longest is not None and longest < shortest):
            raise UserError(f"length is min {shortest}, max {longest}; allowed: 1 <= min <= max, or a max of null.")
        if self.ratio is not None and self.ratio < 1:
            raise UserError(f"ratio is {self.ratio}; allowed: 1 or more, or null.")
        if min(self.split.values()) < 0 or sum(self.split.values()) >= 1:
            raise UserError(f"split is {dict(self.split)}; allowed: fractions from 0, of a sum under 1.")
        for name, cap in self.caps.items():
            if cap is not None and cap < 1:
                raise UserError(f"{name}_pairs is {cap}; allowed: 1 or more, or null for all.")
