"""Paper B, hard and smoothed targets of one example: the probability of every class, y (1 - a) + a / K.

Formula of Müller, Kornblith & Hinton 2019, section 1.1; no run is behind this figure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from entropyreg.rendering.figures.image_runs import run_color
from entropyreg.rendering.figures.panels import is_first_across, new_panels
from entropyreg.rendering.figures.runs import digits
from entropyreg.rendering.figures.style import INK, TICK_POINTS

COLUMNS = ("artefact", "smoothing", "class", "is_target", "probability")
CLASSES = 10
TARGET = 3
SMOOTHINGS = (0.0, 0.1, 0.75)  # none, the one used throughout the paper, its largest
PANEL = 1.15  # inches


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a smoothing and class, with the probability of the class in the target."""
    return [
        dict(zip(COLUMNS, (collected["artefact"], smoothing, n, n == TARGET, value), strict=True))
        for smoothing in SMOOTHINGS
        for n, value in enumerate(smoothed_target(CLASSES, TARGET, smoothing))
    ]


def smoothed_target(classes: int, target: int, smoothing: float) -> list[float]:
    """The distribution over `classes` classes that the example of class `target` is trained towards."""
    return [(n == target) * (1.0 - smoothing) + smoothing / classes for n in range(classes)]


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel a smoothing, with bars over classes."""
    titles = [f"smoothing a = {digits(one)}" if one else "hard targets (a = 0)" for one in SMOOTHINGS]
    note = [
        f"Exact values: y (1 - a) + a / K with K = {CLASSES} classes; the example is of class {TARGET}. Dashed: 1 / K, "
        "the uniform distribution."
    ]
    figure, panels = new_panels(titles, note, top=0.06, panel=PANEL, x_axis=0.42, gap=0.3)
    for axes, smoothing in zip(panels, SMOOTHINGS, strict=True):
        draw_panel(axes, [row for row in rows if row["smoothing"] == smoothing])
    return figure


def draw_panel(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """The bars of one target, the target's class and one of the others with its value."""
    axes.set_xlabel("class")
    axes.set_xticks(range(len(rows)))
    axes.set_xlim(-0.7, len(rows) - 0.3)
    axes.set_ylim(0, 1.15)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axes.grid(axis="x", visible=False)
    if is_first_across(axes):
        axes.set_ylabel("target probability")
    smoothing = rows[0]["smoothing"]
    shade = run_color({"kind": "label_smoothing" if smoothing else "none"})
    axes.bar([row["class"] for row in rows], [row["probability"] for row in rows], width=0.7, color=shade, zorder=2)
    axes.axhline(1 / len(rows), color=INK, linewidth=0.6, linestyle=(0, (4, 3)), zorder=3)
    for row in rows:
        told = digits(round(row["probability"], 4))
        if row["is_target"]:
            place = {"ha": "center", "va": "bottom"}
            axes.annotate(told, (row["class"], row["probability"]), (0, 1.5), textcoords="offset points", **place)
    other = next(row for row in reversed(rows) if not row["is_target"])
    text = f"every other class:\n{digits(round(other['probability'], 4))}"
    above = max(other["probability"], 1 / len(rows)) + 0.06
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    place = {"ha": "center", "va": "bottom", "size": TICK_POINTS, "linespacing": 1.25}
    axes.text(other["class"] - 1.75, above, text, bbox=box, **place)
