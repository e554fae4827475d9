"""Makes the ledger: a verdict for every declared claim at one scale, by the declared rules, with its evidence."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from entropyreg.comparing.claims.amendments import amendments_of, is_post_hoc, link_of
from entropyreg.comparing.claims.cases import tests_of
from entropyreg.comparing.claims.declaration import load_claims, parts_of, roles_of
from entropyreg.comparing.claims.digest import claims_digest
from entropyreg.comparing.claims.families import adjusted, intersection, joined, methods_of
from entropyreg.comparing.claims.order import day_of_declaration
from entropyreg.comparing.claims.power import Precision, detectable_effect, seeds_to_decide
from entropyreg.comparing.claims.records import Records
from entropyreg.comparing.claims.rules import (
    DESCRIPTIVE,
    INCONCLUSIVE,
    NOT_SUPPORTED,
    NOT_TESTED,
    SUPPORTED,
    limits_of,
    verdict_of,
)
from entropyreg.comparing.claims.statistics.proof import divergence_and_optimum

CLAIM_KEYS = ("id", "paper", "statement", "quantity", "direction", "margin", "threshold", "unit", "seeds", "split")
Entry = dict[str, Any]


def judge(settings: Mapping[str, Any], tables_dir: Path, runs_dir: Path, claims_path: Path) -> Entry:
    """The ledger of a scale.

    `settings` has scale and scale_note, and `incomplete`, where tables lack runs: of claims that read one of these no
    verdict is computed. `tables_dir` the collected tables, `runs_dir` the records with their
    statistics. The roles of the data sets are read from roles.yaml beside the claims. Raises `UserError` for a claim
    whose statistic is unknown, and for a record of claims that were changed without an amendment.
    """
    declared = load_claims(claims_path)
    digest, amendments = claims_digest(declared), declared["amendments"]
    roles, stand_ins = roles_of(claims_path.with_name("roles.yaml"), settings["scale"])
    tests = declared["rules"]["tests"]
    alpha, n_replicates = tests["alpha"], tests["interval"]["replicates"]
    records = Records(tables_dir, runs_dir, n_replicates, alpha)
    lacking = settings.get("incomplete", {})
    entries = [evaluate(claim, roles, records, alpha, lacking) for claim in declared["claims"]]
    conclude(entries, declared["rules"]["multiplicity"], alpha)
    for entry in entries:
        entry["first_record"] = records.first_made(entry["runs"])
        entry["amendments"] = amendments_of(entry["id"], amendments)
        links = {run: link_of(records.claims_of(run), run, amendments, digest) for run in entry["runs"]}
        entry["post_hoc"] = [
            run
            for run, link in links.items()
            if any(is_post_hoc(one, amendments, link, records.began(run)) for one in entry["amendments"])
        ]
        entry["demo"] = stand_ins and bool(entry["runs"]) and entry["verdict"] != NOT_TESTED
        first = entry["first_record"]
        entry["declared_day"] = None if first is None else day_of_declaration(declared["declared"], first["made"])
    ledger = {
        "scale": settings["scale"],
        "scale_note": settings["scale_note"],
        "demo": stand_ins,
        "declared": declared["declared"],
        "claims_sha256": digest,
        "amendments": amendments,
        "alpha": alpha,
        "n_replicates": n_replicates,
        "verdicts": declared["rules"]["verdicts"],
        "families": families_of(entries, declared["rules"]["multiplicity"]),
        "counts": {
            name: sum(one["verdict"] == name for one in entries)
            for name in (*declared["rules"]["verdicts"], DESCRIPTIVE)
        },
        "claims": entries,
    }
    return finite(ledger)


def evaluate(
    claim: Mapping[str, Any],
    roles: Mapping[str, Sequence],
    records: Records,
    alpha: float,
    lacking: Mapping[str, str] | None = None,
) -> Entry:
    """A claim before the correction: its tests, their joint p-values, and the roles that no data set fills.

    `lacking`: '61 of 80 runs' of tables that are not complete.
    """
    entry: Entry = {key: claim[key] for key in CLAIM_KEYS} | {"family": claim["family"], "note": claim.get("note")}
    entry |= {"parts": [part.quantity for part in parts_of(claim)] if "parts" in claim else []}
    entry |= {"reason": None, "p_value": None, "adjusted_p_value": None, "unfilled_roles": [], "untested": []}
    entry |= {"tests": [], "by_task": [], "runs": []}
    if claim["direction"] == "proof":
        halves = divergence_and_optimum()
        return entry | {"verdict": SUPPORTED if all(halves.values()) else NOT_SUPPORTED, "proof": halves}
    names, quantifier = claim["tasks"]["names"], claim["tasks"]["quantifier"]
    entry["quantifier"] = quantifier
    entry["unfilled_roles"] = [name for name in names if not roles.get(name)]
    if short := [f"{one} has {lacking[one]}" for one in claim["test"]["read"] if one in (lacking or {})]:
        return entry | {"verdict": NOT_TESTED, "reason": "; ".join(short)}
    entry["tests"] = tests_of(claim, roles, records, alpha)
    entry["runs"] = sorted({run for test in entry["tests"] for run in test["runs"]})
    if quantifier == "each":
        tested_roles = {test["role"] for test in entry["tests"]}
        entry["unfilled_roles"] = [name for name in names if name not in tested_roles]
    entry["untested"] = [f"{test['task']}: {test['reason']}" for test in entry["tests"] if "reason" in test]
    by_task: dict[tuple, list[tuple[float, float]]] = {}
    for test in entry["tests"]:
        if "p_value" in test:
            by_task.setdefault((test["role"], test["task"], test["model"]), []).append(
                (test["p_value"], test["p_opposite"])
            )
    if by_task:
        entry["p_value"], entry["p_opposite"] = joined(quantifier, list(by_task.values()))
    elif any(test["verdict"] == DESCRIPTIVE for test in entry["tests"]):
        entry["verdict"] = DESCRIPTIVE
    else:
        entry |= {"verdict": NOT_TESTED, "reason": why_not_tested(claim, entry["tests"], roles)}
    entry["by_task"] = [verdict_of_task(unit, own, alpha) for unit, own in by_task.items()]
    return entry


def why_not_tested(claim: Mapping[str, Any], tests: Sequence[Mapping[str, Any]], roles: Mapping[str, Sequence]) -> str:
    """The reasons of the tests; without any, the roles that no data set fills and the arms without runs."""
    reasons = [f"{test['task']}: {test['reason']}" for test in tests]
    if not reasons:
        names = claim["tasks"]["names"]
        unfilled, filled = [one for one in names if not roles.get(one)], [one for one in names if roles.get(one)]
        artefacts = claim["test"]["read"]
        reasons += [f"no data set of this scale fills the role of {' or '.join(unfilled)}"] * bool(unfilled)
        reasons += [f"no run of {' or '.join(filled)} in {' or '.join(artefacts)}"] * bool(filled)
    return "; ".join(dict.fromkeys(reasons))


def verdict_of_task(unit: tuple, own: Sequence[tuple[float, float]], alpha: float) -> Entry:
    """The verdict of one task and model, its parts joined, before the correction for many tests."""
    p_value, p_opposite = intersection(own)
    place = dict(zip(("role", "task", "model"), unit, strict=True))
    return {**place, "p_value": p_value, "verdict": verdict_of(p_value, p_opposite, alpha)}


def conclude(entries: Sequence[Entry], multiplicity: Mapping[str, Any], alpha: float) -> None:
    """Correct within families and give the tested claims their verdicts, with the seeds that would decide open ones."""
    tested = {entry["id"]: entry for entry in entries if entry["p_value"] is not None}
    corrected = adjusted(
        {name: entry["p_value"] for name, entry in tested.items()},
        {name: entry["family"] for name, entry in tested.items()},
        methods_of(multiplicity),
    )
    for name, entry in tested.items():
        entry["adjusted_p_value"] = corrected[name]
        entry["verdict"] = verdict_of(corrected[name], entry["p_opposite"], alpha)
        if entry["verdict"] == INCONCLUSIVE:
            left = alpha * entry["p_value"] / corrected[name]  # share of the level, by the correction
            entry |= undecided([test for test in entry["tests"] if "p_value" in test], left)


def undecided(tests: Sequence[Entry], level: float) -> Entry:
    """The effect that each test could detect at the level, and the seeds that would decide it (None: no number would).

    For the claim: the effect that its weakest test could detect, and the seeds that would decide all open tests.
    """
    for test in tests:
        precision = Precision(**test["precision"])
        limits = limits_of(test["direction"], test["margin"], test["threshold"])
        test["detectable_effect"] = detectable_effect(precision, level)
        test["seeds_to_decide"] = seeds_to_decide(test["estimate"], precision, limits, level)
    weakest = max(tests, key=lambda test: test["p_value"])
    seeds = [test["seeds_to_decide"] for test in tests if test["p_value"] > level]
    return {
        "detectable_effect": weakest["detectable_effect"],
        "detectable_unit": weakest["unit"],
        "seeds_to_decide": None if None in seeds else max(seeds),
    }


def families_of(entries: Sequence[Entry], multiplicity: Mapping[str, Any]) -> Entry:
    """The families with their method, the claims that were tested and those that were not."""
    found = {}
    for family, method in methods_of(multiplicity).items():
        members = [entry for entry in entries if entry["family"] == family]
        tested = [entry["id"] for entry in members if entry["p_value"] is not None]
        found[family] = {
            "method": method,
            "tested": tested,
            "not_tested": [entry["id"] for entry in members if entry["id"] not in tested],
        }
    return found


def finite(value: Any) -> Any:
    """`value` with None for numbers that JSON has not."""
    if isinstance(value, Mapping):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
