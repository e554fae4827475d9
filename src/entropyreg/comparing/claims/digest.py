"""Digests the declarations of claims.yaml; comments, layout and the wording of sentences do not change the digest.

claims_digest = sha256 of rules and claims, without amendments and without keys that only phrase a claim (`WORDING`)
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.comparing.claims.declaration import load_claims

WORDING = ("statement", "quantity", "note")


def claims_digest(declared: Mapping[str, Any]) -> str:
    """The digest that records keep, the ledger compares, and an amendment names as the one that it `replaces`."""
    claims = [without_wording(claim) for claim in declared["claims"]]
    return content_digest({"declared": declared["declared"], "rules": declared["rules"], "claims": claims})


def without_wording(claim: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in claim.items() if key not in WORDING}
    return kept | ({"parts": [without_wording(part) for part in claim["parts"]]} if "parts" in claim else {})


def content_digest(content: Any) -> str:
    """sha256 of a YAML file's content, including wording and amendments, from which the ledger is made."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def digest_in_force(claims: Path) -> str:
    """The digest of a claims file."""
    return claims_digest(load_claims(claims))
