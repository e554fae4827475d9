"""Panels with one point a run against normalised entropy, coloured by skew: one panel a data set, all drawn alike."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from entropyreg.rendering.figures.labels import label_points
from entropyreg.rendering.figures.panels import (
    is_first_across,
    limits_around,
    new_panels,
    say_empty,
    skew_bar,
    skew_points,
    stamp_smoke,
)
from entropyreg.rendering.figures.style import INK, TICK_POINTS

X = "entropy_normalized"
NOISE_X = 0.97
X_LABEL = "normalised entropy H(p) / log V\n(validation, gold prefix)"


def draw_entropy_panels(
    collected: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    note: Sequence[str],
    y: str,
    y_label: str,
    bins: Sequence[str] | None = None,
) -> Figure:
    """A figure with a panel for each column of `collected`, the skew's colours above and the paragraphs `note` below.

    `rows` have `column`, the keys `entropy_normalized` and `y` (not negative), and what `panels.skew_points` reads;
    points with one `label` share one direct label. `bins` names equal bins of the skew for the colours above.
    """
    figure, panels = new_panels([column["title"] for column in collected["columns"]], note)
    for axes, column in zip(panels, collected["columns"], strict=True):
        draw_panel(axes, [row for row in rows if row["column"] == column["task"]], y)
        if is_first_across(axes):
            axes.set_ylabel(y_label)
        stamp_smoke(collected, axes)
    skew_bar(figure, bins)
    return figure


def noise(rows: Sequence[Mapping[str, Any]], y: str) -> float | None:
    """Median half length of the points' intervals `<y>_low` to `<y>_high`; None where no point has one."""
    found = [(row[f"{y}_high"] - row[f"{y}_low"]) / 2 for row in rows if row.get(f"{y}_low") is not None]
    return median(found) if found else None


def noise_note(rows: Sequence[Mapping[str, Any]], y: str) -> list[str]:
    """What the bar at the right is, where there is one."""
    return (
        []
        if noise(rows, y) is None
        else ["Bar at the right: 95 % interval of a point over sentences (median), which all points share."]
    )


def draw_panel(axes: Axes, rows: Sequence[Mapping[str, Any]], y: str) -> None:
    """The points of one data set with their direct labels."""
    axes.set_xlabel(X_LABEL)
    axes.set_xlim(0, 1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))  # short tick labels: the margin is fixed
    if not rows:
        axes.set_ylim(0, 1)
        say_empty(axes)
        return
    skew_points(axes, rows, X, y)
    low, high = limits_around([row[y] for row in rows], least_spread=1.0)
    half = noise(rows, y)
    if half is not None:  # drawn where entropies hardly ever are; the axis is at least as long
        middle = (low + high) / 2
        low, high = min(low, middle - 1.05 * half), max(high, middle + 1.05 * half)
        axes.errorbar(NOISE_X, middle, half, color=INK, linewidth=0.8, capsize=2, capthick=0.8, zorder=1)
    axes.set_ylim(max(0.0, low), high)
    points = [(row[X], row[y]) for row in rows]
    texts = sorted({row["label"] for row in rows} - {""})
    labels = {text: [point for row, point in zip(rows, points, strict=True) if row["label"] == text] for text in texts}
    label_points(axes, labels, points, TICK_POINTS)
