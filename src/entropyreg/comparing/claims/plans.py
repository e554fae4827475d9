"""Defines the input of a named statistic (a case) and its result (a plan)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entropyreg.comparing.claims.declaration import Filler, Part
from entropyreg.comparing.claims.evidence import Evidence
from entropyreg.comparing.claims.records import Records, Row

TEXTS = ("translation", "summarization")


@dataclass(frozen=True)
class Case:
    """One claim in one task (and model).

    `fillers`: of a pooled claim all tasks that fill its roles, else the one of this case. The statistic and what it
    reads are declared under `test`, of the claim and of its parts.
    """

    claim: Mapping[str, Any]
    parts: Sequence[Part]
    records: Records
    fillers: tuple[Filler, ...]
    model: str | None = None
    split: str = "test"

    @property
    def filler(self) -> Filler:
        return self.fillers[0]

    @property
    def test(self) -> Mapping[str, Any]:
        """The declaration of the whole claim."""
        return self.claim["test"]

    @property
    def of_text(self) -> bool:
        """Whether the task is one of text; calibration is measured on text and on images."""
        return self.filler.role in TEXTS

    def rows(self) -> list[Row]:
        """The finished rows that the claim reads, of this task and model."""
        return self.records.rows(self.test["read"], self.filler, self.model)

    def named(self, *names: Any) -> tuple[Any, ...]:
        """The names that seed the random numbers of this case alone."""
        return (self.claim["id"], self.filler.task, self.model, *names)

    def generator(self, *names: Any) -> Any:
        """A random generator for this case alone."""
        return self.records.generator(*self.named(*names))


@dataclass(frozen=True)
class Plan:
    """The counts and the functions of a test: `evidence` by name of the part is computed only if `counts` suffice.

    `counts` has the keys of a claim's `minimum` that the statistic knows.
    """

    counts: Mapping[str, int]
    evidence: Callable[[], dict[str | None, Evidence | list[Evidence]]]
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Statistic:
    """A named statistic: its plan for a case, and what `test` may say.

    `options`: the keys that it reads besides `statistic`, `read` and `per`; `measures`: the measures that it knows.
    """

    plan: Callable[[Case], Plan]
    options: tuple[str, ...]
    measures: Collection[str]
