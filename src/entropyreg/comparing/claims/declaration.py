"""Reads and checks the declared claims, and the roles that data sets of a scale fill."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.io.schemas import read_yaml, validate

RULES = "rules"  # what an amendment that touches every claim names
SEARCHES = "a_figure_search"
INHERITED = ("direction", "margin", "threshold", "unit")
SPLITS = {"training": "train", "validation": "valid", "test": "test"}


@dataclass(frozen=True)
class Part:
    """The tested unit of a claim: one of its parts, or the claim itself (`name` None)."""

    name: str | None
    quantity: str
    direction: str
    margin: Any
    threshold: Any
    unit: str | None
    test: Mapping[str, Any]

    def margin_of(self, role: str | None) -> float | None:
        """The margin for a task's role."""
        return self.margin[role] if isinstance(self.margin, Mapping) else self.margin


@dataclass(frozen=True)
class Filler:
    """A task that fills a role; `models` and `artefacts` None: in all of its models, in every artefact.

    `corpus`: the source of its pairs or images; tasks of one corpus are one data set where these are counted.
    """

    role: str
    task: str
    models: tuple[str, ...] | None = None
    artefacts: tuple[str, ...] | None = None
    corpus: str = ""

    def shows(self, artefact: str, model: str | None) -> bool:
        """Whether rows of the artefact and model count for the role."""
        return (self.artefacts is None or artefact in self.artefacts) and (
            self.models is None or model is None or model in self.models
        )


def load_claims(path: Path) -> dict[str, Any]:
    """The claims file, checked against its schema where that lies beside it (workflow/schemas).

    Raises `UserError` for an amendment of a claim that is not declared, which would mark nothing as post hoc.
    """
    declared = read_yaml(path)
    schema = path.parent.parent / "schemas" / "claims.schema.yaml"
    if schema.exists():
        validate(declared, schema, path.name)
    known = [*(claim["id"] for claim in declared["claims"]), RULES]
    for amendment in declared["amendments"]:
        for claim in amendment["claims"]:
            if claim not in known:
                raise UserError(
                    f"{path.name}: the amendment of {amendment['date']} touches claim '{claim}', which is not "
                    f"declared; allowed: {', '.join(known)} (rules: all claims, as where one is removed)."
                )
    return declared


def tables_read(declared: Mapping[str, Any]) -> list[str]:
    """The artefacts whose collected tables decide the claims, and that of the searches (seeds used by tuning)."""
    return sorted({SEARCHES, *(name for claim in declared["claims"] for name in claim["test"].get("read", ()))})


def parts_of(claim: Mapping[str, Any]) -> list[Part]:
    """The parts of a claim with what they inherit; a claim without parts is its own only part."""
    own = {key: claim[key] for key in INHERITED}
    if "parts" not in claim:
        return [Part(None, claim["quantity"], **own, test=claim["test"])]
    return [
        Part(
            part["name"],
            part["quantity"],
            **(own | {key: part[key] for key in INHERITED if key in part}),
            test=claim["test"] | part.get("test", {}),
        )
        for part in claim["parts"]
    ]


def seeds_of(claim: Mapping[str, Any], role: str | None) -> int | None:
    """The declared number of seeds per arm for a task's role; None where none is declared."""
    seeds = claim["seeds"]
    return seeds.get(role) if isinstance(seeds, Mapping) else seeds


def splits_of(claim: Mapping[str, Any]) -> tuple[str, ...]:
    """The declared splits by their names in the records."""
    return tuple(SPLITS[one] for one in claim["split"].split("_and_") if one in SPLITS)


def roles_of(path: Path, scale: str) -> tuple[dict[str, list[Filler]], bool]:
    """The fillers of each role at a scale, and whether they are only substitutes for the data sets of the claims."""
    declared = read_yaml(path)
    schema = path.parent.parent / "schemas" / "roles.schema.yaml"
    if schema.exists():
        validate(declared, schema, path.name)
    if scale not in declared["scales"]:
        raise UserError(f"{path.name} has no scale '{scale}'; allowed: {', '.join(declared['scales'])}.")
    entry = declared["scales"][scale]
    roles = {role: [filler_of(role, one) for one in fillers] for role, fillers in entry["roles"].items()}
    return roles, entry["stand_ins"]


def filler_of(role: str, entry: Mapping[str, Any]) -> Filler:
    """Read an entry of the roles file."""
    lists = {key: tuple(entry[key]) if key in entry else None for key in ("models", "artefacts")}
    return Filler(role, entry["task"], **lists, corpus=entry.get("corpus", entry["task"]))
