"""The csv of the sparsity table: one line a quantity of each member of each pair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entropyreg.results.pairs import SPLIT, Pair, Run
from entropyreg.results.published import Published, PublishedNumber
from entropyreg.tables.tidy import published_fields

NAME, PAPER, PUBLISHED_COLUMN = "a_table_sparsity", "A", "not_stated"
MEASURES = {
    "entropy_normalized": "share of log V",
    "entropy_spread": "share of log V",
    "log_floor": "natural logarithm",
    "log_rest": "natural logarithm",
}
HEADER = (
    *("artefact", "scale", "column", "column_title", "pair", "match", "matched", "mismatch", "member", "run", "model"),
    *("seed", "skew", "strength", "quantity", "unit", "value", "standard_error", "status", "reason"),
    *("published", "published_printed", "published_data_set", "published_certainty", "published_note"),
)


@dataclass(frozen=True)
class Side:
    """One member of the pair with this number: its run, or None with the pair's reason."""

    number: int
    pair: Pair
    run: Run | None
    member: str  # label_smoothing; confidence_penalty or ger, '' where the other member is not known


def sides(pairs: Sequence[Pair]) -> list[Side]:
    """Both members of every pair, label smoothing first."""
    found = []
    for number, pair in enumerate(pairs, start=1):
        skew = pair.other["skew"] if pair.other else None
        found.append(Side(number, pair, pair.smoothed, "label_smoothing"))
        found.append(Side(number, pair, pair.other, {None: "", 0: "confidence_penalty"}.get(skew, "ger")))
    return found


def published_share(
    member: str, name: str, published: Published
) -> tuple[PublishedNumber | None, PublishedNumber | None]:
    """The published share of a member of the family and its plus-minus."""
    return tuple(published.find(PAPER, NAME, member, PUBLISHED_COLUMN, key) for key in (name, f"{name}_plus_minus"))


def lines(
    collected: Mapping[str, Any],
    column: Mapping[str, Any],
    pairs: Sequence[Pair],
    shares: Sequence[str],
    published: Published,
) -> list[tuple[Any, ...]]:
    """Shares are in [0, 1]; the published ones, on lines of their own, in percent as printed."""
    common = {"artefact": collected["artefact"], "scale": collected["scale"]}
    common |= {"column": column["task"], "column_title": column["title"]}
    found = []
    for side in sides(pairs):
        measures = side.run["measures"][SPLIT] if side.run else {}
        for name, unit in (MEASURES | dict.fromkeys(shares, "share of V")).items():
            reason = side.pair.reason if side.run is None else "" if measures.get(name) is not None else "not measured"
            found.append(
                common
                | {"pair": side.number, "match": side.pair.series, "mismatch": side.pair.mismatch}
                | {"matched": str(side.pair.matched).lower(), "member": side.member}
                | {key: side.run[key] for key in ("run", "model", "seed", "skew", "strength") if side.run}
                | {"quantity": name, "unit": unit, "value": measures.get(name)}
                | {"standard_error": measures.get(f"{name}_standard_error")}
                | {"status": "missing" if reason else "done", "reason": reason}
            )
    for number in published.numbers.values():
        if (number.paper, number.artefact) == (PAPER, NAME):
            found.append(
                common
                | {"member": number.row, "quantity": number.metric, "unit": number.unit, "status": "published"}
                | published_fields(number)
                | {"published_data_set": published.data_sets[number.column]}
            )
    return [tuple(fields.get(key) for key in HEADER) for fields in found]
