"""Hold a scale's verdicts against the reference, claim by claim."""

from pathlib import Path
from typing import NamedTuple

from entropyreg.io.files import read_json


class Verdicts(NamedTuple):
    """Sentences on the claims that differ, and the end of the sentence that sums the comparison up."""

    differing: list[str]
    told: str


def compare_verdicts(reference: Path, found: Path) -> Verdicts | None:
    """Compare two ledgers; None where the reference has none."""
    if not reference.is_file():
        return None
    if not found.is_file():
        return Verdicts([f"{found} is missing: no verdict was compared."], "no verdict compared (no ledger)")
    ours, theirs = (
        {claim["id"]: claim["verdict"] for claim in read_json(path)["claims"]} for path in (reference, found)
    )
    claims = dict.fromkeys([*ours, *theirs])
    differing = [
        f"verdict of {claim}: {theirs.get(claim, 'no such claim')}, not {ours.get(claim, 'a claim of the reference')}"
        for claim in claims
        if ours.get(claim) != theirs.get(claim)
    ]
    if differing:
        return Verdicts(differing, f"{len(differing)} of {len(claims)} verdicts differ")
    return Verdicts([], f"all {len(claims)} verdicts the same")
