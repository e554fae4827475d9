"""How far a record's numbers may lie from the reference on a processor of another type: tolerances.yaml."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from entropyreg.results.tidy_records import SPLITS
from entropyreg.schemas import read_yaml

PATH = Path(__file__).with_name("tolerances.yaml")


class Rule(NamedTuple):
    """Largest absolute difference, largest share of the larger number, and whether null on one side is accepted."""

    allowed: float = 0.0
    relative: float = 0.0
    absent: bool = False

    def bound(self, first: float, second: float) -> float:
        """The largest difference that two numbers may have."""
        return max(self.allowed, self.relative * max(abs(first), abs(second)))


EXACT = Rule()


class Tolerances(NamedTuple):
    """The rules in their order, by pattern, and the names of texts that are not compared."""

    rules: dict[str, Rule]
    ignored: frozenset[str]
    ignored_elsewhere: frozenset[str]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Tolerances":
        found: dict[str, Rule] = {}
        for one in content["rules"]:
            rule = Rule(one.get("allowed", 0.0), one.get("relative", 0.0), one.get("absent", False))
            for name in one["names"]:
                found.setdefault(name, rule)
        return cls(found, frozenset(content["ignored"]), frozenset(content["ignored_on_another_processor"]))

    def rule(self, name: str) -> Rule:
        """The first rule whose pattern is the end of the name, at a dot; without one, nothing may differ."""
        return next((rule for end, rule in self.rules.items() if fnmatchcase(f".{name}", f"*.{end}")), EXACT)


@cache
def tolerances() -> Tolerances:
    """The rules that come with the package."""
    return Tolerances.of(read_yaml(PATH))


def name_of(path: tuple[str, ...]) -> str:
    """A number's name: its path in the record without 'measures', seeds, splits and places in lists."""
    kept = [key for key in path[path[0] == "measures" :] if not key.isdigit() and key not in SPLITS]
    return ".".join(kept)
