"""Reads amendments of the claims: earlier declarations that a record may name, and claims that were amended too late.

An amendment names the digest of the declaration that it `replaces` (`claims.digest`) and the claims that it touches,
so the digests of the amendments in order, and that of the file as it is, are a chain. Records of any link are accepted,
and nothing is measured again. A claim is post hoc for a run that began before one of its amendments: the run's record
names a declaration from before it, or its training began no later than on the day of the amendment. One that touches no
claim says the same in another form: it is a link of the chain, and nothing is post hoc by it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.comparing.claims.declaration import RULES
from entropyreg.io.errors import UserError

Amendment = Mapping[str, Any]


def amendments_of(claim: str, amendments: Sequence[Amendment]) -> list[Amendment]:
    """The amendments that touch a claim."""
    return [one for one in amendments if {claim, RULES} & set(one["claims"])]


def link_of(digest: str, run: str, amendments: Sequence[Amendment], in_force: str) -> int:
    """The number of amendments before the declaration that a run's record names; refuses one that is no link."""
    chain = [*(one["replaces"] for one in amendments), in_force]
    if digest not in chain:
        raise UserError(
            f"the record of run '{run}' was measured under the claims of digest {digest}, and claims.yaml, now "
            f"{in_force}, does not say what became of them: add an entry under amendments with 'replaces: {digest}' "
            "and the claims that were changed (or undo the change; other wording of a statement or note needs none)."
        )
    return chain.index(digest)


def is_post_hoc(amendment: Amendment, amendments: Sequence[Amendment], link: int, began: str) -> bool:
    """Whether a run, of that link of the chain and training since `began` (ISO 8601), had begun before an amendment."""
    return link <= amendments.index(amendment) or began[:10] <= amendment["date"]
