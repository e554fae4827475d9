"""Reliability diagrams: accuracy against confidence in 15 bins, with the counts of the bins in a strip under each.

    x: mean confidence of a bin,    y: share of the bin's predictions that are right

Bins of the seeds are pooled: counts are added, means weighted with them. Where figures show images or next tokens, the
drawing is the same; what is drawn as which series, under which name, is the figure's (`Look`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from entropyreg.rendering.figures.image_panels import empty_panel
from entropyreg.rendering.figures.image_runs import run_color, targets_name
from entropyreg.rendering.figures.panels import is_first_across
from entropyreg.rendering.figures.style import FAINT, INK, TICK_POINTS

N_BINS = 15
FEW = 10  # images or tokens: a bin with fewer over all seeds is drawn pale
SCALED = "hard_scaled"  # the series at a temperature of its own: dashed, with pale bars
STRIP, BETWEEN = 0.34, 0.07  # inches: the strip of counts under a diagram, and what is between
LINE = 0.115  # inches a line of the legend above a diagram


@dataclass(frozen=True)
class Look:
    """What is drawn in a panel: `series` with their markers in order, `name` of a series by one of its rows, what is
    `counted`, and the `lines` that the legend has room for (`legend_room`).
    """

    series: Mapping[str, str]
    name: Callable[[Mapping[str, Any]], str]
    counted: str
    lines: int = 3


def legend_room(lines: int) -> float:
    """Inches above a diagram for a legend of that many lines."""
    return lines * LINE + 0.04


def pooled_bins(seeds: Sequence[Mapping[str, Sequence]]) -> list[dict[str, Any]]:
    """{bin, count, confidence, accuracy} of the bins with entries, over all seeds together."""
    rows = []
    for n, counts in enumerate(zip(*(bins["count"] for bins in seeds), strict=True)):
        total = sum(counts)
        if total:
            means = {
                key: sum(count * bins[key][n] for count, bins in zip(counts, seeds, strict=True) if count) / total
                for key in ("confidence", "accuracy")
            }
            rows.append({"bin": n, "count": total, **means})
    return rows


def series_rows(
    described: Mapping[str, Any], members: Sequence[tuple[Mapping[str, Any], float]]
) -> list[dict[str, Any]]:
    """The rows of one series, one a bin, from (measures with `ece` and `bins`, temperature) of each seed."""
    temperatures = [temperature for _, temperature in members]
    row = described | {"n_seeds": len(members), "temperature": sum(temperatures) / len(temperatures)}
    row |= {"temperature_lowest": min(temperatures), "temperature_highest": max(temperatures)}
    row["ece"] = sum(found["ece"] for found, _ in members) / len(members)
    return [row | one for one in pooled_bins([found["bins"] for found, _ in members])]


def draw_reliability(axes: Axes, rows: Sequence[Mapping[str, Any]], look: Look) -> Axes:
    """The diagram in the upper part of `axes`, the strip of counts in new axes under it, which are returned.

    Rows have `series`, `kind`, `skew`, `ece`, `bin`, `count`, `confidence`, `accuracy`.
    """
    figure = axes.figure
    height = figure.get_figheight()
    left, bottom, width, whole = axes.get_position().bounds
    low = (STRIP + BETWEEN) / height
    axes.set_position((left, bottom + low, width, whole - low))
    strip = figure.add_axes((left, bottom, width, STRIP / height), sharex=axes)
    draw_diagram(axes, rows, look)
    draw_counts(strip, rows, look)
    if is_first_across(axes):
        axes.set_ylabel("accuracy")
        strip.set_ylabel(look.counted, size=TICK_POINTS)
        for one in (axes, strip):
            one.yaxis.set_label_coords(-0.36 / (width * figure.get_figwidth()), 0.5)
    return strip


def draw_diagram(axes: Axes, rows: Sequence[Mapping[str, Any]], look: Look) -> None:
    """The curves, the line where accuracy is confidence, and the legend above."""
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axes.tick_params(labelbottom=False)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.6, linestyle=(0, (4, 3)), zorder=1.5, gid="identity")
    if not rows:
        empty_panel(axes)
        return
    for line, (series, points) in enumerate(curves(rows, look.series).items()):
        shade, marker = run_color(points[0]), look.series[series]
        dashed = (0, (2, 1.5)) if series == SCALED else "-"
        for pale in (True, False):
            own = [row for row in points if (row["count"] < FEW) == pale]
            places = [[row[key] for row in own] for key in ("confidence", "accuracy")]
            drawn = {"color": shade, "alpha": 0.3 if pale else 1.0, "linewidths": 1.0 if marker == "+" else 0.3}
            axes.scatter(*places, s=20, marker=marker, zorder=3, clip_on=False, **drawn)
            if not pale:
                axes.plot(*places, color=shade, linewidth=0.9, linestyle=dashed, zorder=2.5, gid=series)
        up = 4 + (look.lines - 1 - line) * LINE * 72
        place = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom", "size": TICK_POINTS - 0.5}
        axes.annotate(look.name(points[0]), (0, 1), (13, up), **place)
        axes.annotate(f"ECE {digits_of(points[0]['ece'])}", (1, 1), (0, up), ha="right", **place)
        height = 1 + (up + 4) / 72 / (axes.get_position().height * axes.figure.get_figheight())
        ends = [end / 72 / (axes.get_position().width * axes.figure.get_figwidth()) for end in (0, 5.5, 11)]
        sample = {"color": shade, "linewidth": 0.9, "linestyle": dashed, "clip_on": False, "transform": axes.transAxes}
        axes.plot(ends, [height] * 3, marker=marker, markersize=4, markevery=[1], **sample)


def draw_counts(axes: Axes, rows: Sequence[Mapping[str, Any]], look: Look) -> None:
    """Bars of what is in a bin, all seeds together, on a logarithmic axis."""
    axes.set_xlabel("confidence")
    if not rows:
        axes.set_yticks([])
        return
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axes.set_yscale("log")
    axes.set_ylim(0.7, 2 * max(row["count"] for row in rows))
    axes.yaxis.set_major_locator(LogLocator(base=100))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="y", which="minor", length=0)
    axes.tick_params(axis="y", labelsize=TICK_POINTS - 1)
    axes.grid(axis="x", color=FAINT)
    shown = curves(rows, look.series)
    for place, (series, points) in enumerate(shown.items()):
        width = 0.86 / N_BINS / len(shown)
        middle = [(row["bin"] + 0.07) / N_BINS + (place + 0.5) * width for row in points]
        alpha = 0.45 if series == SCALED else 1.0
        counts = [row["count"] for row in points]
        axes.bar(middle, counts, width=width, color=run_color(points[0]), alpha=alpha, linewidth=0, zorder=2)


def curves(rows: Iterable[Mapping[str, Any]], series: Iterable[str]) -> dict[str, list[Mapping[str, Any]]]:
    """{series: its bins} in the order of `series`."""
    rows = list(rows)
    found = {name: [row for row in rows if row["series"] == name] for name in series}
    return {name: points for name, points in found.items() if points}


def digits_of(share: float) -> str:
    """Three decimals without the zero before the point."""
    return f"{share:.3f}".removeprefix("0")


def curve_name(row: Mapping[str, Any]) -> str:
    """'hard, T = 1', 'hard, T = 1.31', 'smoothing .1', 'skew .5'."""
    if row["kind"] != "none":
        return targets_name(row)
    return "hard, T = 1" if row["series"] == "hard" else f"hard, T = {row['temperature']:.2f}"
