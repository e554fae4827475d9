"""The csv of a table by regularizer and data set: one line a quantity of a cell, a published number or a comparison."""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.results.published import Published, PublishedNumber
from entropyreg.tables.aggregate import Run, Value, decoded
from entropyreg.tables.layout import Layout, Quantity

HEADER = (
    *("artefact", "scale", "row", "column", "column_title", "model", "quantity", "unit", "compared_with"),
    *("mean", "standard_deviation", "low", "high", "p_value", "n_seeds", "signature", "status", "reason"),
    *("published", "published_printed", "published_data_set", "same_data_set", "published_certainty", "published_note"),
)


def line(collected: Mapping[str, Any], column: Mapping[str, Any], **fields: Any) -> tuple[Any, ...]:
    """A csv line; fields that are not given are empty."""
    fields |= {"artefact": collected["artefact"], "scale": collected["scale"]}
    fields |= {"column": column["task"], "column_title": column["title"]}
    return tuple(fields.get(name) for name in HEADER)


def quantity_line(
    layout: Layout,
    collected: Mapping[str, Any],
    column: Mapping[str, Any],
    row: str,
    quantity: Quantity,
    runs: Sequence[Run],
    value: Value,
    number: PublishedNumber | None,
    published: Published,
) -> tuple[Any, ...]:
    """One quantity of one cell, reproduced and published."""
    counterpart = column.get("published_as")
    measures = [run["measures"][layout.split] for run in runs if decoded(run, layout.split)]
    return line(
        collected,
        column,
        row=row,
        model=" ".join(sorted({run["model"] for run in runs if run["model"]})),
        quantity=quantity.key,
        unit=quantity.unit,
        mean=value.mean,
        standard_deviation=value.deviation,
        n_seeds=value.n,
        signature=" ".join(sorted({m[quantity.signature] for m in measures if m.get(quantity.signature)})),
        status=value.status,
        reason=value.reason,
        published_data_set=published.data_sets.get(counterpart),
        same_data_set=None if counterpart is None else str(counterpart == column["task"]).lower(),
        **published_fields(number),
    )


def published_fields(number: PublishedNumber | None) -> dict[str, Any]:
    """What a csv line says of a published number."""
    if number is None:
        return {}
    return {
        "published": number.value,
        "published_printed": number.printed,
        "published_certainty": number.certainty,
        "published_note": number.note,
    }
