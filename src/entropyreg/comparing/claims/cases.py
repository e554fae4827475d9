"""Evaluates one claim at one scale, before the correction for many tests: its cases and the tests of each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from entropyreg.comparing.claims.declaration import Filler, Part, parts_of, seeds_of, splits_of
from entropyreg.comparing.claims.evidence import Evidence
from entropyreg.comparing.claims.plans import Case, Plan, Statistic
from entropyreg.comparing.claims.power import precision_of
from entropyreg.comparing.claims.records import NotTested, Records
from entropyreg.comparing.claims.rules import DESCRIPTIVE, NOT_TESTED, UNTESTED, decide, verdict_of
from entropyreg.comparing.claims.statistics import statistic_of
from entropyreg.io.errors import UserError

WORDS = {  # a requirement of `minimum`: singular and plural
    "seeds": ("seed an arm", "seeds an arm"),
    "skews": ("skew", "skews"),
    "strengths_per_skew": ("strength a skew", "strengths a skew"),
    "smoothings": ("amount of smoothing", "amounts of smoothing"),
    "temperatures": ("temperature", "temperatures"),
    "matched_pairs": ("matched pair", "matched pairs"),
    "teachers": ("teacher", "teachers"),
    "checkpoints": ("checkpoint", "checkpoints"),
    "data_sets": ("data set", "data sets"),
    "tokens": ("prediction", "predictions"),
}
Fillers = Mapping[str, Sequence[Filler]]


def tests_of(claim: Mapping[str, Any], roles: Fillers, records: Records, alpha: float) -> list[dict[str, Any]]:
    """One entry a test: a part of the claim in one task and model; an entry that cannot be tested has a reason.

    A role without a data set has no entry: it is named beside the verdict.
    """
    statistic, entries = statistic_of(claim), []
    for case in cases_of(claim, roles, records):
        entries += tests_of_case(case, statistic, alpha)
    return entries


def cases_of(claim: Mapping[str, Any], roles: Fillers, records: Records) -> list[Case]:
    """The tasks, and unless the claim is tested once a task the models, that the tables it reads show for the roles."""
    parts, split = parts_of(claim), next(iter(splits_of(claim)), "none")
    fillers = [filler for role in claim["tasks"]["names"] for filler in roles.get(role, ())]
    shown = [(filler, models_of(filler, records, claim["test"]["read"])) for filler in fillers]
    if claim["tasks"]["quantifier"] == "pooled":
        known = tuple(filler for filler, models in shown if models)
        return [Case(claim, parts, records, known, split=split)] if known else []
    cases = []
    for filler, models in shown:
        units = [None] * bool(models) if claim["test"].get("per") == "task" else models
        cases += [Case(claim, parts, records, (filler,), model, split) for model in units]
    return cases


def models_of(filler: Filler, records: Records, read: Sequence[str]) -> list[str]:
    """The models whose runs, finished or not, the tables show for a role's task."""
    return list(dict.fromkeys(
        row["model"]
        for artefact in read
        for row in (records.table(artefact) or {"rows": []})["rows"]
        if row["run"] is not None and row["task"] == filler.task and filler.shows(artefact, row["model"])
    ))  # fmt: skip


def tests_of_case(case: Case, statistic: Statistic, alpha: float) -> list[dict[str, Any]]:
    """The tests of one task and model: one a part, or several where the quantity itself asks for several."""
    place = {"role": case.filler.role, "task": case.filler.task, "model": case.model}
    if case.claim["tasks"]["quantifier"] == "pooled":
        place = {"role": None, "task": ", ".join(dict.fromkeys(one.task for one in case.fillers)), "model": None}
    before, case.records.used, case.records.refused = case.records.used, set(), set()
    try:
        plan = statistic.plan(case)
        check_minimum(case.claim["minimum"], plan.counts)
        found = plan.evidence()
        case.records.check_processors()
    except NotTested as reason:
        return [{**place, "part": None, "verdict": NOT_TESTED, "reason": str(reason), "runs": []}]
    finally:
        used, case.records.used = case.records.used, before | case.records.used
    if case.records.refused:
        seeds = ", ".join(map(str, sorted(case.records.refused)))
        plan = replace(plan, caveats=(*plan.caveats, f"seed {seeds} left out: a pilot's"))
    entries = []
    for part in case.parts:
        several = found[part.name] if isinstance(found[part.name], list) else [found[part.name]]
        for evidence in several:
            entry = {**place, "part": part.name, "runs": sorted(used), **tested(case, plan, part, evidence, alpha)}
            entries.append(entry)
    return entries


def check_minimum(minimum: Mapping[str, int] | None, counts: Mapping[str, int]) -> None:
    """Raise `NotTested` with the first requirement that is not met, `UserError` for one that was not counted."""
    for key, least in (minimum or {}).items():
        if key not in counts:
            raise UserError(f"minimum.{key} is {least}, but its statistic counts only {', '.join(counts)}.")
        if counts[key] < least:
            raise NotTested(f"{counts[key]} {WORDS[key][counts[key] != 1]}, {least} needed")


def tested(case: Case, plan: Plan, part: Part, evidence: Evidence, alpha: float) -> dict[str, Any]:
    """The entry of one test: estimate, interval, p-values, precision, and its own verdict."""
    role, resampled = case.filler.role, evidence.resampled
    declared = seeds_of(case.claim, role)
    caveats = [*plan.caveats, *evidence.caveats]
    seeds = precision_of(evidence).n_seeds
    if declared and seeds and seeds < declared:
        caveats.append(f"{seeds} seeds, {declared} declared for the workstation scale")
    entry = {
        "direction": part.direction,
        "unit": part.unit,
        "margin": part.margin_of(role),
        "threshold": part.threshold,
        "estimate": float(resampled.estimate),
        "low": float(resampled.low),
        "high": float(resampled.high),
        "n_seeds": seeds,
        "n_blocks": evidence.n_blocks,
        "caveats": caveats,
        "beside": evidence.beside,
    }
    if part.direction in UNTESTED:
        return {**entry, "verdict": DESCRIPTIVE}
    decision = decide(part.direction, resampled, margin=entry["margin"], threshold=part.threshold, alpha=alpha)
    p_value, p_opposite = (max(float(p), exact) for p, exact in zip(decision[:2], evidence.exact, strict=True))
    return {
        **entry,
        "lower": float(decision.lower),
        "upper": float(decision.upper),
        "p_value": p_value,
        "p_opposite": p_opposite,
        "verdict": verdict_of(p_value, p_opposite, alpha),
        "precision": precision_of(evidence)._asdict(),
    }
