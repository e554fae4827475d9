"""The csv of every table: one line a cell and source of published numbers, with what is lacking and why.

`mean`, `low` and `high` are in the unit of the published number; `difference` is reproduced minus published. `reason`
names each of mean, interval, published and difference that is empty.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from entropyreg.rendering.published import Published, PublishedNumber
from entropyreg.rendering.tables.aggregate import BOOTSTRAP, SETTING
from entropyreg.rendering.tables.cells import Beside, Entry
from entropyreg.rendering.tables.differences import Metrics, comparisons
from entropyreg.rendering.tables.legend import NEEDS_SEEDS, NOT_AVAILABLE, split

HEADER = (
    *("paper", "artefact", "task", "model", "row", "column", "published", "certainty", "mean", "low", "high"),
    *("seeds", "difference", "unit", "reason"),
    *("scale", "task_title", "run", "selected", "compared_with", "p_value", "interval", "standard_deviation"),
    *("minimum", "maximum", "published_printed", "published_task", "signature", "note"),
)
NOT_PUBLISHED = "nothing is published"
DOES_NOT_APPLY = "does not apply"
WITHOUT = "not run: no task here stands for it"
Line = tuple[Any, ...]
Keys = set[tuple[str, str, str, str, str]]


def line(collected: Mapping[str, Any], **fields: Any) -> Line:
    """A csv line; what is not given is empty."""
    fields = {"artefact": collected["artefact"], "paper": collected["artefact"][0].upper()} | fields
    fields["scale"] = collected["scale"]
    return tuple(fields.get(name) for name in HEADER)


def lines_of(
    collected: Mapping[str, Any], column: Mapping[str, Any], entries: Iterable[Entry], published: Published, **of: Any
) -> list[Line]:
    """The lines of one row of a table; `of` is what names it: row, model, run, selected, signature."""
    found = []
    for entry in entries:
        value = entry.value
        common = {"task": column["task"], "task_title": column["title"], **of}
        common |= {"column": entry.quantity.key, "unit": entry.quantity.unit}
        common |= {"mean": value.mean, "low": value.low, "high": value.high}
        common |= {"seeds": value.n if value.mean is not None or value.reason else None}
        common |= {"interval": value.interval if value.low is not None else None}
        common |= {"standard_deviation": value.deviation, "minimum": value.minimum, "maximum": value.maximum}
        applying = [one for one in entry.beside if one.applies]
        for one in applying or entry.beside[:1] or (None,):
            reason = "; ".join(f"{name}: {text}" for name, text in reasons_of(entry, one))
            found.append(line(collected, **common | published_fields(one, entry, published) | {"reason": reason}))
    return found


def published_fields(one: Beside | None, entry: Entry, published: Published) -> dict[str, Any]:
    """What a line says of the published number beside it."""
    if one is None:
        return {}
    return {"paper": one.source, "difference": one.difference(entry.value)[0], **number_fields(one.number, published)}


def number_fields(number: PublishedNumber | None, published: Published) -> dict[str, Any]:
    if number is None:
        return {}
    return {
        "published": number.value,
        "published_printed": number.printed,
        "published_task": published.data_sets[number.column],
        "certainty": number.certainty,
        "note": number.note,
    }


def reasons_of(entry: Entry, one: Beside | None) -> list[tuple[str, str]]:
    """(what, why) for all that is not there, or not whole."""
    value, found = entry.value, []
    if value.mean is None or value.reason:
        found.append(("mean", value.reason or DOES_NOT_APPLY))
    if value.mean is not None and value.low is None:
        found.append(("interval", "a setting has none" if value.interval == SETTING else split(NEEDS_SEEDS)[0]))
    if one is None or not one.applies:
        return [*found, ("published", DOES_NOT_APPLY if one else NOT_PUBLISHED)]
    if one.value is None:
        found.append(("published", split(NOT_AVAILABLE)[0]))
    elif one.difference(value)[0] is None and value.mean is not None:
        found.append(("difference", split(one.difference(value)[1])[0]))
    return found


def rest(
    collected: Mapping[str, Any],
    published: Published,
    artefact: str,
    papers: Sequence[str],
    shown: Iterable[Beside | PublishedNumber | None],
    reason: str = WITHOUT,
) -> list[Line]:
    """The published numbers that stand beside nothing here, so that every one of them is in the csv."""
    taken = {one.number if isinstance(one, Beside) else one for one in shown}
    taken |= {one.error for one in shown if isinstance(one, Beside)}
    return [
        line(
            collected,
            **{"paper": one.paper, "row": one.row, "column": one.metric, "unit": one.unit},
            **number_fields(one, published),
            reason=f"mean: {reason}",
        )
        for one in published.numbers.values()
        if one.artefact == artefact and one.paper in papers and one not in taken
    ]


def compared(collected: Mapping[str, Any], metrics: Metrics) -> list[Line]:
    """One line a comparison of two rows, called '<metric>_difference'."""
    titles = {column["task"]: column["title"] for column in collected["columns"]}
    found = []
    for entry in comparisons(collected):
        metric = metrics[entry["metric"]]
        numbers = zip(("mean", "low", "high"), ("difference", "low", "high"), strict=True)
        seeds = entry["n_seeds"] if isinstance(entry["n_seeds"], int) else " and ".join(map(str, entry["n_seeds"]))
        found.append(
            line(
                collected,
                **{"task": entry["column"], "task_title": titles[entry["column"]], "row": entry["row"]},
                **{"model": entry.get("model"), "column": f"{entry['metric']}_difference", "unit": metric.unit},
                **{name: metric.factor * entry[key] for name, key in numbers},
                **{"seeds": seeds, "p_value": entry["p_value"], "compared_with": entry["to"], "interval": BOOTSTRAP},
                reason=f"published: {NOT_PUBLISHED}",
            )
        )
    return found
