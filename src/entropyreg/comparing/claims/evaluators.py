"""How a claim's declared quantity becomes evidence: what an evaluator is given, and what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entropyreg.comparing.claims.declaration import Filler, Part
from entropyreg.comparing.claims.evidence import Evidence
from entropyreg.comparing.claims.records import Records


@dataclass(frozen=True)
class Case:
    """One claim in one task (and model): what an evaluator is asked about.

    `fillers`: of a pooled claim all tasks that fill its roles, else the one of this case. `split`: the declared split
    in the words of the records (of two: the first).
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

    def named(self, *names: Any) -> tuple[Any, ...]:
        """What is drawn for in this case, and no other."""
        return (self.claim["id"], self.filler.task, self.model, *names)

    def generator(self, *names: Any) -> Any:
        """A generator of this case's own."""
        return self.records.generator(*self.named(*names))


@dataclass(frozen=True)
class Plan:
    """What there is to test with, and how: `evidence` by name of the part is computed only if `counts` suffice.

    `counts` has the keys of a claim's `minimum` that the evaluator knows.
    """

    counts: Mapping[str, int]
    evidence: Callable[[], dict[str | None, Evidence | list[Evidence]]]
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluator:
    """The evaluator of a quantity: the artefacts whose rows it reads, and its plan for a case.

    `unit`: 'model' (a case is a task and a model), 'task', or 'pooled' (all tasks together).
    """

    artefacts: tuple[str, ...]
    plan: Callable[[Case], Plan]
    unit: str = "model"
