"""The declared claims: complete, valid against their schema, and unchanged in the numbers that decide them."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from entropyreg.comparing.claims.declaration import load_claims
from entropyreg.comparing.claims.digest import content_digest
from entropyreg.io.errors import UserError

WORKFLOW = Path(__file__).parents[2] / "workflow"
DECLARED = yaml.safe_load((WORKFLOW / "experiments" / "claims.yaml").read_text(encoding="utf-8"))
SCHEMA = yaml.safe_load((WORKFLOW / "schemas" / "claims.schema.yaml").read_text(encoding="utf-8"))
CLAIMS = {claim["id"]: claim for claim in DECLARED["claims"]}
PRIMARY = {"primary_A": ["A2", "A5", "A8", "A13"], "primary_B": ["B2", "B5", "B7", "B13", "B16"]}
DECIDING = "afab6694ec367166ae2b86b33ed0b960a9f7aed14664199f7530ed4a33f01f2b"
NO_FAMILY = {"A9", "A11", "C3", "C5"}


def is_valid(document: Any) -> bool:
    return Draft202012Validator(SCHEMA).is_valid(document)


def parts_of(claim: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a claim with what they inherit from it; a claim without parts is its own only part."""
    return [{**claim, **part} for part in claim.get("parts", [{}])]


def first_part(document: dict[str, Any]) -> dict[str, Any]:
    return next(claim for claim in document["claims"] if "parts" in claim)["parts"][0]


def objects_of(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every subschema that lists properties, with its path."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield path, schema
        for key, value in schema.items():
            yield from objects_of(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from objects_of(value, f"{path}/{index}")


def test_every_claim_is_declared_once():
    expected = [f"A{i}" for i in range(1, 15)] + [f"B{i}" for i in range(1, 25)] + [f"C{i}" for i in range(1, 6)]
    assert [claim["id"] for claim in DECLARED["claims"]] == expected


def test_identifier_names_the_paper():
    papers = {"A": "A", "B": "B", "C": "extension"}
    assert all(claim["paper"] == papers[name[0]] for name, claim in CLAIMS.items())


def test_declaration_is_valid():
    Draft202012Validator.check_schema(SCHEMA)
    errors = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(DECLARED)]
    assert errors == []


def test_schema_is_closed_and_every_key_described():
    for path, schema in objects_of(SCHEMA):
        assert schema.get("additionalProperties") is False, path
        undescribed = [key for key, value in schema["properties"].items() if not value.get("description")]
        assert undescribed == [], path


@pytest.mark.parametrize(
    "place",
    [
        lambda document: document,
        lambda document: document["rules"],
        lambda document: document["rules"]["tests"],
        lambda document: document["rules"]["definitions"],
        lambda document: document["claims"][0],
        lambda document: document["claims"][0]["test"],
        lambda document: document["claims"][3]["test"]["arms"]["end"],
        lambda document: document["claims"][0]["tasks"],
        lambda document: document["claims"][0]["minimum"],
        first_part,
    ],
    ids=["top", "rules", "tests", "definitions", "claim", "test", "arm", "tasks", "minimum", "part"],
)
def test_unknown_key_is_rejected(place):
    document = copy.deepcopy(DECLARED)
    place(document)["unknown"] = 1
    assert not is_valid(document)


def test_amendment_needs_a_reason():
    document = copy.deepcopy(DECLARED)
    known = {"date": "2026-12-01", "replaces": "0" * 64, "claims": ["A3", "rules"]}
    document["amendments"] = [known | {"change": "margin 0.5 to 0.4"}]
    assert not is_valid(document)
    document["amendments"][0]["reason"] = "no result was known"
    assert is_valid(document)


def test_an_amendment_of_a_claim_that_is_not_declared_is_refused(tmp_path):
    amendment = {"date": "2026-12-01", "replaces": "0" * 64, "claims": ["A3", "A30"], "change": "margin", "reason": "-"}
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(DECLARED | {"amendments": [amendment]}), encoding="utf-8")
    with pytest.raises(
        UserError, match=r"2026-12-01 touches claim 'A30', which is not declared; allowed: A1, .* rules"
    ):
        load_claims(path)


def test_primary_families_are_exact():
    for family, members in PRIMARY.items():
        assert [name for name, claim in CLAIMS.items() if claim["family"] == family] == members
        assert DECLARED["rules"]["multiplicity"]["primary"][family] == members


def test_descriptive_and_proof_are_in_no_family():
    assert {name for name, claim in CLAIMS.items() if claim["family"] == "none"} == NO_FAMILY
    assert {name for name, claim in CLAIMS.items() if claim["direction"] in {"descriptive", "proof"}} == NO_FAMILY


def test_family_is_the_papers_own():
    assert all(
        claim["family"] == "none" or claim["family"].split("_")[1] == claim["paper"] for claim in CLAIMS.values()
    )


@pytest.mark.parametrize("name", CLAIMS)
def test_direction_has_what_it_needs(name):
    for part in parts_of(CLAIMS[name]):
        direction, margin, threshold = part["direction"], part["margin"], part["threshold"]
        assert (margin is not None) == (direction in {"not_worse", "equivalent"})
        assert isinstance(threshold, int | float) == (direction in {"at_least", "at_most"})
        assert isinstance(threshold, list) == (direction == "between")
        assert threshold is None or not isinstance(threshold, list) or threshold[0] < threshold[1]
        if margin is not None or threshold is not None:
            assert part["unit"] is not None


@pytest.mark.parametrize("name", CLAIMS)
def test_values_a_task_name_tasks_of_the_claim(name):
    claim = CLAIMS[name]
    names = set(claim["tasks"]["names"]) if claim["tasks"] else set()
    if isinstance(claim["margin"], dict):
        assert set(claim["margin"]) == names
    if isinstance(claim["seeds"], dict):
        assert set(claim["seeds"]) <= names


def test_only_the_proof_needs_no_runs():
    assert [name for name, claim in CLAIMS.items() if claim["tasks"] is None or claim["seeds"] is None] == ["A9"]
    assert CLAIMS["A9"]["direction"] == "proof"


def test_parts_have_unique_names():
    for name, claim in CLAIMS.items():
        parts = [part["name"] for part in claim.get("parts", [])]
        assert len(parts) == len(set(parts)), name


def test_tested_claims_on_ece_need_enough_tokens():
    least = DECLARED["rules"]["definitions"]["ece_minimum_tokens"]
    assert least == 10_000
    for name in ["B2", "B3", "B4", "B7", "B8", "B23", "C2", "C3", "C4"]:
        assert CLAIMS[name]["minimum"]["tokens"] == least, name
    units = {name for name, claim in CLAIMS.items() if any(part["unit"] == "ece" for part in parts_of(claim))}
    assert all(CLAIMS[name]["minimum"]["tokens"] == least for name in units)


@pytest.mark.parametrize(
    ("name", "direction", "margin", "threshold"),
    [
        ("A1", "greater", None, None),
        ("A3", "equivalent", 0.5, None),
        ("A4", "not_worse", 0.2, None),
        ("A5", "at_least", None, 0.5),
        ("A6", "at_most", None, 0.05),
        ("A14", "at_least", None, 0.9),
        ("B1", "not_worse", {"mnist": 0.1, "cifar10": 0.5, "cifar100": 0.5}, None),
        ("B2", "less", None, None),
        ("B3", "equivalent", 0.01, None),
        ("B4", "at_least", None, 1),
        ("B9", "less", None, None),
        ("B15", "at_most", None, 0),
        ("B18", "between", None, [0.69, 0.9]),
        ("B20", "at_least", None, 0.9),
    ],
)
def test_deciding_numbers(name, direction, margin, threshold):
    claim = CLAIMS[name]
    assert (claim["direction"], claim["margin"], claim["threshold"]) == (direction, margin, threshold)


def test_the_change_of_form_changed_nothing_that_decides():
    """The digest of what decides, of claims.yaml at f1edfbe, before the contrasts were declared as `test`.

    An amendment that does change something takes the new digest here.
    """
    keys = ("direction", "margin", "threshold", "unit")
    deciding = [
        {key: claim[key] for key in ("id", *keys, "seeds", "split", "tasks", "family", "minimum")}
        | {"parts": [{key: part[key] for key in ("name", *keys) if key in part} for part in claim.get("parts", [])]}
        for claim in DECLARED["claims"]
    ]
    assert content_digest([DECLARED["declared"], DECLARED["rules"], deciding]) == DECIDING


def test_minimum_of_the_sweep_and_of_matched_pairs():
    assert CLAIMS["A7"]["minimum"] == {"strengths_per_skew": 5}
    assert CLAIMS["A8"]["minimum"] == {"matched_pairs": 3}


def test_rules_fix_level_replicates_seeds_and_tolerance():
    rules = DECLARED["rules"]
    assert (rules["tests"]["alpha"], rules["tests"]["interval"]["replicates"]) == (0.05, 2000)
    assert [rules["seeds"][key] for key in ("translation_headline", "mnist", "cifar", "sweep_cell")] == [12, 10, 5, 3]
    assert rules["definitions"]["equal_entropy_tolerance"] == 0.005
    assert rules["definitions"]["ece_bins"] == 15
    assert rules["simulation"] == {
        "replicates": 2000,
        "false_support_at_null": 0.05,
        "power_at_declared_effect": 0.8,
    }


def test_seeds_follow_the_rules():
    rules = DECLARED["rules"]["seeds"]
    allowed = {
        "translation": {rules["translation_headline"], rules["sweep_cell"]},
        "summarization": {rules["translation_headline"]},
        "mnist": {rules["mnist"]},
        "fashion_mnist": {rules["mnist"]},
        "cifar10": {rules["cifar"]},
        "cifar100": {rules["cifar"]},
    }
    for name, claim in CLAIMS.items():
        if claim["seeds"] is None:
            continue
        names = claim["tasks"]["names"]
        seeds = claim["seeds"] if isinstance(claim["seeds"], dict) else dict.fromkeys(names, claim["seeds"])
        assert all(count in allowed[task] for task, count in seeds.items()), name
