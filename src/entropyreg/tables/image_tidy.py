"""The csv of a table of image runs: one line a measure of a run, a published number or a comparison.

Measures are shares, as collected; published numbers keep the unit that they were printed in.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from entropyreg.results.published import Published
from entropyreg.tables.aggregate import Value
from entropyreg.tables.image_layout import SOURCES, Measure
from entropyreg.tables.image_runs import Arm, Collected
from entropyreg.tables.tidy import published_fields

DECLARED = ("run", "model", "kind", "smoothing", "skew", "strength", "dropout")
HEADER = (
    *("artefact", "scale", "column", "column_title", "row", *DECLARED, "teacher_run", "selected", "quantity", "unit"),
    *("compared_with", "mean", "standard_deviation", "minimum", "maximum", "low", "high", "p_value", "n_seeds"),
    *("status", "reason", "published_by", "published", "published_printed", "published_data_set"),
    *("published_certainty", "published_note"),
)
Fields = Mapping[str, Any]


def lines(fields: Iterable[Fields]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(one.get(name) for name in HEADER) for one in fields)


def common(collected: Collected, column: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What every line says; without a column, of the artefact alone."""
    fields = {"artefact": collected["artefact"], "scale": collected["scale"]}
    return fields | ({"column": column["task"], "column_title": column["title"]} if column else {})


def measured(collected: Collected, column: Mapping[str, Any], arms: Sequence[Arm], measures: Sequence[Measure]) -> list:
    """One line a measure of a run."""
    return [line_of(collected, column, arm, one.key, one.unit, arm.value(one.path)) for arm in arms for one in measures]


def line_of(
    collected: Collected, column: Mapping[str, Any], arm: Arm, quantity: str, unit: str, value: Value
) -> dict[str, Any]:
    """One value of one run."""
    selected = arm.declared("selected")
    return {
        **common(collected, column),
        "row": arm.row,
        **{key: arm.declared(key) for key in DECLARED},
        "teacher_run": arm.teaching("run"),
        "selected": None if selected is None else str(selected).lower(),
        "quantity": quantity,
        "unit": unit,
        "mean": value.mean,
        "standard_deviation": value.deviation,
        "minimum": value.minimum,
        "maximum": value.maximum,
        "n_seeds": value.n,
        "status": value.status,
        "reason": value.reason,
    }


def published_lines(collected: Collected, artefact: str, published: Published) -> list[dict[str, Any]]:
    """Every number of this artefact, whether or not it stands beside a run; the column is that of its source."""
    return [
        common(collected)
        | {"row": one.row, "column": one.column, "column_title": published.data_sets[one.column]}
        | {"quantity": one.metric, "unit": one.unit, "status": "published", "published_by": SOURCES[one.paper]}
        | published_fields(one)
        | {"published_data_set": published.data_sets[one.column]}
        for one in published.numbers.values()
        if one.artefact == artefact and one.paper in SOURCES
    ]


def compared(collected: Collected) -> list[dict[str, Any]]:
    """One line a comparison; seeds of the row and of what it is compared with."""
    titles = {column["task"]: column for column in collected["columns"]}
    return [
        common(collected, titles[entry["column"]])
        | {"row": entry["row"], "model": entry["model"], "quantity": f"{entry['metric']}_difference"}
        | {"compared_with": entry["to"], "mean": entry["difference"], "status": "done"}
        | {key: entry[key] for key in ("low", "high", "p_value")}
        | {"n_seeds": " and ".join(map(str, entry["n_seeds"]))}
        for entry in collected["comparisons"]
    ]
