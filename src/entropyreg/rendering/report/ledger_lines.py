"""The ledger as the page shows it: a line a claim, its numbers as text."""

from collections.abc import Mapping
from typing import Any

from entropyreg.comparing.claims.order import AFTER, BEFORE, SAME, day_of_declaration

HISTORY = "which came first is in the history: git log --format=%cI -- workflow/experiments/claims.yaml"
DAYS = {  # of the declaration, seen from the first record
    BEFORE: "declared on an earlier day",
    SAME: f"declared on the same day, {HISTORY}",
    AFTER: "declared AFTER it",
}
SYMBOLS = {  # not colour alone
    "supported": "\N{CHECK MARK}",
    "not_supported": "\N{MULTIPLICATION X}",
    "inconclusive": "?",
    "not_tested": "\N{EN DASH}",
    "descriptive": "i",
}


def ledger_lines(ledger: Mapping[str, Any]) -> dict[str, Any]:
    """Counts, when the claims were declared, and one entry a claim."""
    claims = [claim_line(claim, ledger["declared"]) for claim in ledger["claims"]]
    days = [claim["declared_day"] for claim in claims]
    return {
        "declared": ledger["declared"],
        "sha256": ledger["claims_sha256"],
        "alpha": ledger["alpha"],
        "n_replicates": ledger["n_replicates"],
        "amendments": ledger["amendments"],
        "verdicts": ledger["verdicts"],
        "families": ledger["families"],
        "counts": [{**mark(name), "count": count} for name, count in ledger["counts"].items()],
        "days": [{"day": told, "count": days.count(told)} for told in DAYS.values() if told in days],
        "claims": claims,
    }


def claim_line(claim: Mapping[str, Any], declared: str = "") -> dict[str, Any]:
    """One claim; `declared` is the day of the declaration, which older ledgers do not set against the first record."""
    first = claim.get("first_record")
    return {
        **{key: claim[key] for key in ("id", "paper", "statement", "quantity", "reason", "note")},
        **mark(claim["verdict"]),
        "demo": claim.get("demo", False),
        "rule": rule_text(claim),
        "family": claim["family"],
        "p_value": probability(claim.get("adjusted_p_value")),
        "tests": [test_line(test) for test in claim["tests"]],
        "decide": decide_text(claim),
        "unfilled": claim["unfilled_roles"],
        "first_record": first["made"] if first else None,
        "declared_day": DAYS[day_of_declaration(declared, first["made"])] if first else None,
        "n_runs": len(claim["runs"]),
        "amendments": claim.get("amendments", []),
    }


def mark(verdict: str) -> dict[str, str]:
    key = verdict.replace(" ", "_")
    return {"verdict": verdict.replace("_", " "), "class": key, "symbol": SYMBOLS[key]}


def rule_text(claim: Mapping[str, Any]) -> str:
    """'greater, margin 0.5 BLEU'."""
    unit = f" {claim['unit']}" if claim.get("unit") else ""
    parts = [claim["direction"]]
    parts += [f"{key} {amount_text(claim[key])}{unit}" for key in ("margin", "threshold") if claim.get(key) is not None]
    return ", ".join(parts).replace("_", " ")


def amount_text(amount: Any) -> str:
    """A margin or threshold: a number, two ('.69 to .9'), or one a task ('cifar10 0.5 / mnist 0.1')."""
    if isinstance(amount, Mapping):
        return " / ".join(f"{task} {value}" for task, value in amount.items())
    return " to ".join(map(str, amount)) if isinstance(amount, list) else str(amount)


def test_line(test: Mapping[str, Any]) -> dict[str, Any]:
    """One test of a claim: where, its estimate with interval, and its own verdict."""
    estimate, low, high = (test.get(key) for key in ("estimate", "low", "high"))
    bounds = f" [{number(low)}, {number(high)}]" if low is not None and high is not None else ""
    return {
        "place": " / ".join(str(test[key]) for key in ("task", "model", "part") if test.get(key)),
        "estimate": "n/a" if estimate is None else f"{number(estimate)}{bounds}",
        "n_seeds": test.get("n_seeds"),
        "verdict": str(test.get("verdict", "")).replace("_", " "),
        "reason": test.get("reason"),
    }


def decide_text(claim: Mapping[str, Any]) -> str | None:
    """What it would take to decide an undecided claim."""
    if "detectable_effect" not in claim:
        return None
    effect, seeds = claim["detectable_effect"], claim.get("seeds_to_decide")
    detectable = "" if effect is None else f"detectable effect {number(effect)} {claim.get('detectable_unit') or ''}; "
    return detectable.strip() + (
        f" {seeds} seeds would decide it" if seeds else " with these test items no number of seeds up to 1,000 would"
    )


def number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3g}"


def probability(value: float | None) -> str | None:
    if value is None:
        return None
    return "< .001" if value < 0.001 else f"{value:.3f}".lstrip("0")
