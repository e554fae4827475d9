"""BLEU, ECE and NLL over the softmax temperature: the rows that figures plot, and how a curve with its band is drawn.

    p(T) = softmax(z / T): T > 1 softens;    band: simultaneous 95 % over the grid of temperatures

Curves, differences and shares of a gap are collected with their intervals (`results`): nothing here resamples.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from entropyreg.rendering.figures.image_runs import (
    IMAGE_RUN,
    describe_image_run,
    finished_images,
    run_color,
    run_marker,
)
from entropyreg.rendering.figures.runs import digits
from entropyreg.rendering.figures.style import INK
from entropyreg.rendering.published import published_numbers
from entropyreg.rendering.tables.translation_runs import as_network_runs

QUANTITIES = ("bleu", "ece", "nll")
FITS = ("ece_all", "nll_all")
COLUMNS = (
    *IMAGE_RUN,
    "entropy_normalized",
    *("kind_of_row", "quantity", "fit", "compared_with", "temperature", "estimate", "low", "high"),
    *("n_seeds", "n_sentences", "n_replicates", "bleu_signature"),
)
TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0)
PUBLISHED = ("B", "b_table_calibration")  # of the paper's Table 3: row, and its temperature where it is not 1
PUBLISHED_ROWS = {"hard": "hard", "hard_scaled": "hard", "smoothed": "smoothed"}
SIZE = 4.0  # of a marker on a curve, in points


def temperature_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every point of a figure, `kind_of_row`:

    curve: a quantity at a temperature, with its band; difference: of a curve to its own value at 1 (`compared_with`
    T = 1) or to another row; fit: mean over seeds of a fitted temperature and of a quantity at it; scaling: BLEU
    that it gains, of the gap to the smoothed row; published: ECE of the paper.
    """
    shaped = as_network_runs(collected)
    empty = dict.fromkeys(COLUMNS)
    described, runs, entropies = {}, {}, {}
    for run in finished_images(shaped, "temperatures"):
        key = run["column"], run["row"]
        runs.setdefault(key, []).append(run["measures"]["temperatures"])
        entropies.setdefault(key, []).append(run["measures"]["valid"]["entropy_normalized"])
        signature = {"bleu_signature": run["measures"]["temperatures"]["bleu_signature"]}
        described.setdefault(key, empty | describe_image_run(shaped, run) | signature)
    rows = []
    for key, base in described.items():
        base["entropy_normalized"] = fmean(entropies[key])
        rows += [base | one for one in curve_rows(collected, key)]
        rows += [base | one for one in fit_rows(runs[key])]
        rows += [base | one for one in scaling_rows(collected, key)]
    return rows + [empty | one for one in published_rows(collected)]


def curve_rows(collected: Mapping[str, Any], key: tuple[str, str]) -> list[dict[str, Any]]:
    """The curves of a (column, row), then their differences."""
    rows = []
    for name, kind in (("curves", "curve"), ("curve_differences", "difference")):
        for entry in collected.get(name) or ():
            if (entry["column"], entry["row"]) != key:
                continue
            shared = {"kind_of_row": kind, "quantity": entry["quantity"]}
            shared |= {size: entry.get(size) for size in ("n_seeds", "n_sentences", "n_replicates")}
            if kind == "difference":
                shared["compared_with"] = {"to_row": entry["to"], "to_one": "T = 1"}[entry["kind"]]
            points = zip(*(entry[part] for part in ("temperatures", "estimate", "low", "high")), strict=True)
            rows += [shared | dict(zip(("temperature", "estimate", "low", "high"), one, strict=True)) for one in points]
    return rows


def fit_rows(seeds: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Mean over seeds of each temperature fitted on all tokens, and of every quantity at it."""
    rows = []
    for fit in FITS:
        found = [one["fits"][fit] for one in seeds]
        shared = {"kind_of_row": "fit", "fit": fit, "temperature": fmean(one["temperature"] for one in found)}
        for quantity in QUANTITIES:
            values = [one[quantity] for one in found if one.get(quantity) is not None]
            if values:
                rows.append({**shared, "quantity": quantity, "estimate": fmean(values), "n_seeds": len(values)})
    return rows


def scaling_rows(collected: Mapping[str, Any], key: tuple[str, str]) -> list[dict[str, Any]]:
    """BLEU of the row at 1, at its fitted T, and of the smoothed row at 1: `quantity` gap, gain, remaining, closed."""
    rows = []
    for entry in collected.get("scaling") or ():
        if (entry["column"], entry["row"]) == key:
            shared = {"kind_of_row": "scaling", "fit": entry["fit"], "compared_with": entry["to"]}
            shared["temperature"] = entry["temperature"]
            for name, start in (("gap", "gap_"), ("gain", "gain_"), ("remaining", "remaining_"), ("closed", "")):
                bounds = {bound: entry[start + bound] for bound in ("low", "high")}
                rows.append({**shared, "quantity": name, "estimate": entry[name], **bounds})
    return rows


def published_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The paper's ECE beside each task that names its published counterpart."""
    published, rows = published_numbers(), []
    for column in collected["columns"]:
        name = column.get("published_as")
        for source, row in PUBLISHED_ROWS.items():
            number, divider, amount = (
                published.find(*PUBLISHED, source, name, metric) for metric in ("ece", "temperature", "smoothing")
            )
            if number is not None and number.value is not None:
                known = {"artefact": collected["artefact"], "scale": collected["scale"], "column": column["task"]}
                known |= {"column_title": published.data_sets[name], "row": row, "kind_of_row": "published"}
                known |= {"kind": "label_smoothing" if amount else "none", "smoothing": amount.value if amount else 0.0}
                known |= {"temperature": divider.value if divider else 1.0}
                rows.append({**known, "quantity": "ece", "estimate": number.value})
    return rows


def chosen(rows: Iterable[Mapping[str, Any]], **wanted: Any) -> list[Mapping[str, Any]]:
    """The rows that have all the wanted values."""
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def temperature_axis(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """A logarithmic axis of temperatures with plain numbers, and a line at 1."""
    axes.set_xlabel("temperature T")
    axes.set_xscale("log")
    temperatures = [row["temperature"] for row in rows] or [0.5, 2.0]
    low, high = min(temperatures) / 1.08, max(temperatures) * 1.08
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in TICKS if low <= tick <= high]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: digits(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.axvline(1.0, color=INK, linewidth=0.4, zorder=1.4, gid="one")


def draw_curve(axes: Axes, points: Sequence[Mapping[str, Any]], dashed: bool = False, opacity: float = 0.18) -> None:
    """A curve with its band (of that `opacity`) and a marker at every temperature, in the regularizer's colour."""
    shade = run_color(points[0])
    x, y, low, high = ([row[key] for row in points] for key in ("temperature", "estimate", "low", "high"))
    axes.fill_between(x, low, high, color=shade, alpha=opacity, linewidth=0, zorder=2)
    look = {"linestyle": (0, (3, 1.5)) if dashed else "-", "marker": run_marker(points[0]), "markersize": SIZE}
    gid = f"{points[0]['row']}, {points[0]['quantity']}"
    axes.plot(x, y, color=shade, linewidth=1.0, markeredgewidth=0.3, markeredgecolor="white", zorder=3, gid=gid, **look)


def draw_published(axes: Axes, points: Sequence[Mapping[str, Any]]) -> None:
    """Hollow markers of published values."""
    for row in points:
        look = {"facecolors": "none", "edgecolors": [run_color(row)], "linewidths": 0.9, "zorder": 4, "clip_on": False}
        axes.scatter([row["temperature"]], [row["estimate"]], s=22, marker=run_marker(row), gid="published", **look)


def along(points: Sequence[Mapping[str, Any]], steps: int = 8) -> list[tuple[float, float]]:
    """Places on a curve and on the edges of its band, close together: what a label is not to cover."""
    places = []
    for one, other in pairwise(points):
        for n in range(steps + 1):
            part = n / steps
            at = (1 - part) * one["temperature"] + part * other["temperature"]
            places += [(at, (1 - part) * one[key] + part * other[key]) for key in ("estimate", "low", "high")]
    return places


def extent(rows: Iterable[Mapping[str, Any]]) -> list[float]:
    """Every estimate and bound of the rows."""
    return [row[key] for row in rows for key in ("estimate", "low", "high") if row[key] is not None]


def sizes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the bands are, in the footnote's words."""
    found = sorted({(row["n_seeds"], row["n_replicates"]) for row in rows if row["kind_of_row"] == "curve"})
    if not found:
        return []
    seeds = " or ".join(str(n) for n in sorted({n for n, _ in found}))
    replicates = " or ".join(str(n) for n in sorted({n for _, n in found if n}))
    alone = "; of one seed over sentences alone" if any(n == 1 for n, _ in found) else ""
    return [
        "Bands and [low, high]: 95 %, crossed bootstrap over seeds and sentences, bands simultaneous over the "
        f"temperatures ({seeds} seed{'s' if seeds != '1' else ''}, {replicates} replicates{alone})."
    ]
