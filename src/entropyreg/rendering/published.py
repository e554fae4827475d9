"""The papers' published numbers: one validated, unique list read from `published/*.yaml`.

They are set beside reproduced numbers and are never an input of a run. A number that nobody on this project has read in
a source is not in the files; `lookup` returns None for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError, blaming
from entropyreg.io.schemas import read_keys

FOLDER = Path(__file__).with_name("published")
FILE_KEYS = {"paper", "data_sets", "tables"}
TABLE_KEYS = {"artefact", "certainty", "units", "notes", "numbers"}
NUMBER_KEYS = {"row", "column", "metric", "value", "printed"}  # and, where there is something to say, `note`


@dataclass(frozen=True)
class PublishedNumber:
    """One published number; `value` None: the source has none that could be read."""

    paper: str
    artefact: str
    row: str
    column: str
    metric: str
    value: float | None
    printed: str | None  # as in the source, trailing zeros and sign included
    unit: str
    certainty: str
    note: str

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        return self.paper, self.artefact, self.row, self.column, self.metric


@dataclass(frozen=True)
class Published:
    """All published numbers; `data_sets` maps columns to titles, `notes` (paper, artefact) to remarks."""

    numbers: Mapping[tuple[str, str, str, str, str], PublishedNumber]
    data_sets: Mapping[str, str]
    notes: Mapping[tuple[str, str], tuple[str, ...]]

    def find(self, paper: str, artefact: str, row: str, column: str | None, metric: str) -> PublishedNumber | None:
        return self.numbers.get((paper, artefact, row, column, metric))

    def columns(self, paper: str, artefact: str) -> list[str]:
        """The data sets of one published table, in the file's order."""
        return list(dict.fromkeys(key[3] for key in self.numbers if key[:2] == (paper, artefact)))


def lookup(paper: str, artefact: str, row: str, column: str, metric: str) -> float | None:
    """The published value, or None."""
    number = published_numbers().find(paper, artefact, row, column, metric)
    return number.value if number else None


@cache
def published_numbers(folder: Path = FOLDER) -> Published:
    """Read every `*.yaml` of the folder; raises `UserError` for an unknown or lacking key and for a repeated number."""
    numbers: dict[tuple[str, str, str, str, str], PublishedNumber] = {}
    data_sets: dict[str, str] = {}
    notes: dict[tuple[str, str], tuple[str, ...]] = {}
    for path in sorted(folder.glob("*.yaml")):
        content = read_keys(path)
        check_keys(content, FILE_KEYS, set(), path.name)
        with blaming(path):
            data_sets.update(content["data_sets"])
            for table in content["tables"]:
                check_keys(table, TABLE_KEYS, set(), f"{path.name}, {table.get('artefact')}")
                notes[content["paper"], table["artefact"]] = tuple(table["notes"])
                for entry in table["numbers"]:
                    number = parse(entry, table, content, path.name)
                    if number.key in numbers:
                        raise UserError(f"{path.name}: {' / '.join(number.key)} is listed twice; allowed: once.")
                    numbers[number.key] = number
    return Published(numbers, data_sets, notes)


def parse(entry: Mapping[str, Any], table: Mapping[str, Any], content: Mapping[str, Any], name: str) -> PublishedNumber:
    """One entry joined with what its table and file say of all their entries."""
    place = f"{name}, {table['artefact']}, row {entry.get('row')}, column {entry.get('column')}"
    check_keys(entry, NUMBER_KEYS, {"note"}, place)
    for kind, allowed in (("column", content["data_sets"]), ("metric", table["units"])):
        if entry[kind] not in allowed:
            raise UserError(f"{place}: {kind} is {entry[kind]!r}; allowed: {', '.join(allowed)}.")
    return PublishedNumber(
        paper=content["paper"],
        artefact=table["artefact"],
        unit=table["units"][entry["metric"]],
        certainty=table["certainty"],
        note=entry.get("note", ""),
        **{key: entry[key] for key in NUMBER_KEYS},
    )


def check_keys(value: Mapping[str, Any], required: set[str], optional: set[str], place: str) -> None:
    """Raise `UserError` unless `value` has every required key and no unknown one."""
    for key in sorted(required - set(value)):
        raise UserError(f"{place} lacks the key '{key}'.")
    for key in sorted(set(value) - required - optional):
        raise UserError(f"{place} has the unknown key '{key}'; allowed: {', '.join(sorted(required | optional))}.")
