"""The declared claims and the roles that data sets of a scale fill, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.io.schemas import read_yaml, validate

INHERITED = ("direction", "margin", "threshold", "unit")
SPLITS = {"training": "train", "validation": "valid", "test": "test"}


@dataclass(frozen=True)
class Part:
    """What is tested of a claim: one of its parts, or the claim itself (`name` None)."""

    name: str | None
    quantity: str
    direction: str
    margin: Any
    threshold: Any
    unit: str | None

    def margin_of(self, role: str | None) -> float | None:
        """The margin in a task's role."""
        return self.margin[role] if isinstance(self.margin, Mapping) else self.margin


@dataclass(frozen=True)
class Filler:
    """A task that fills a role; `models` and `artefacts` None: in all of its models, in every artefact.

    `corpus`: what its pairs or images are taken from; tasks of one corpus are one data set where these are counted.
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
    """The claims file, checked against its schema where that lies beside it (workflow/schemas)."""
    declared = read_yaml(path)
    schema = path.parent.parent / "schemas" / "claims.schema.yaml"
    if schema.exists():
        validate(declared, schema, path.name)
    return declared


def parts_of(claim: Mapping[str, Any]) -> list[Part]:
    """The parts of a claim with what they inherit; a claim without parts is its own only part."""
    own = {key: claim[key] for key in INHERITED}
    if "parts" not in claim:
        return [Part(None, claim["quantity"], **own)]
    return [
        Part(part["name"], part["quantity"], **(own | {key: part[key] for key in INHERITED if key in part}))
        for part in claim["parts"]
    ]


def seeds_of(claim: Mapping[str, Any], role: str | None) -> int | None:
    """The declared number of seeds an arm, in a task's role; None where none is declared."""
    seeds = claim["seeds"]
    return seeds.get(role) if isinstance(seeds, Mapping) else seeds


def splits_of(claim: Mapping[str, Any]) -> tuple[str, ...]:
    """The declared splits in the words of the records."""
    return tuple(SPLITS[one] for one in claim["split"].split("_and_") if one in SPLITS)


def is_tuned(claim: Mapping[str, Any]) -> bool:
    """Whether an arm of the claim is the winner of a search."""
    return any("tuned" in str(arm.get(key)) for arm in claim["arms"] for key in ("skew", "strength", "smoothing"))


def roles_of(path: Path, scale: str) -> tuple[dict[str, list[Filler]], bool]:
    """The fillers of each role at a scale, and whether they only stand in for the data sets of the claims."""
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
    """An entry of the roles file."""
    lists = {key: tuple(entry[key]) if key in entry else None for key in ("models", "artefacts")}
    return Filler(role, entry["task"], **lists, corpus=entry.get("corpus", entry["task"]))
