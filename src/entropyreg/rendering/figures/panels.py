"""Panels of one size in a figure measured in inches, and what figures draw alike: skew points, skew bar, stamp.

Sizes are fixed, not found by a layout engine: the same panel has the same size in every figure, and the bytes of a
figure do not depend on how wide a text came out.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.text import Text

from entropyreg.experiments.kinds import by_kind, kind_of
from entropyreg.rendering.figures.footnotes import MARGIN, wrapped
from entropyreg.rendering.figures.style import (
    COLUMN_INCHES,
    FAMILIES,
    INK,
    LABEL_POINTS,
    MARKS,
    NOTE_POINTS,
    PAGE_INCHES,
    SKEW_COLORS,
    TICK_POINTS,
    WARNING,
    color,
    new_figure,
)
from entropyreg.rendering.tables.collected import SMOKE_STAMP, is_smoke

PANEL_INCHES = 2.05  # height of one panel
LEFT, RIGHT, TOP, TITLE, GAP, X_AXIS = 0.56, 0.12, 0.5, 0.18, 0.5, 0.53  # inches around the panels
MOST_ACROSS = 3
NOTE_LINE = 0.095  # inches a line of the footnote
LEGEND_LINE = 0.14  # inches a line of a legend
POINT_AREA, RING_AREA = 26, 62  # square points


def new_panels(
    titles: Sequence[str],
    note: Sequence[str],
    *,
    top: float = TOP,
    panel: float = PANEL_INCHES,
    gap: float = GAP,
    x_axis: float = X_AXIS,
    across: int = MOST_ACROSS,
) -> tuple[Figure, list[Axes]]:
    """A figure with one titled panel a title, at most `across` side by side, and the paragraphs `note` under them.

    One panel is as wide as a column of a paper, more as a page. `top` (a legend's place above the panels), `panel` (a
    panel's height), `gap` (between panels side by side) and `x_axis` (under a panel) are inches.
    """
    across = min(across, len(titles))
    down = math.ceil(len(titles) / across)
    width = COLUMN_INCHES if across == 1 else PAGE_INCHES
    lines = wrapped(note, width)
    bottom = x_axis + NOTE_LINE * len(lines) + 0.06
    height = top + down * (panel + TITLE) + (down - 1) * x_axis + bottom
    figure = new_figure(width, height)
    each = (width - LEFT - RIGHT - gap * (across - 1)) / across
    panels = []
    for position, title in enumerate(titles):
        line, place = divmod(position, across)
        low = height - top - (line + 1) * (panel + TITLE) - line * x_axis
        left = LEFT + place * (each + gap)
        axes = figure.add_axes((left / width, low / height, each / width, panel / height))
        axes.set_title(title, loc="left", pad=3)
        panels.append(axes)
    figure.text(MARGIN / width, 0.05 / height, "\n".join(lines), size=NOTE_POINTS, va="bottom", linespacing=1.2)
    return figure, panels


def is_first_across(axes: Axes) -> bool:
    """Whether the panel is the leftmost of its line: there stands the label of the y axis."""
    return math.isclose(axes.get_position().x0 * axes.figure.get_figwidth(), LEFT)


def stamp_smoke(collected: Mapping[str, Any], axes: Axes) -> None:
    """At smoke scale, say across the panel, behind its points, that they mean nothing."""
    if is_smoke(collected):
        place = {"ha": "center", "va": "center", "size": 14, "zorder": 1}
        axes.text(0.5, 0.5, SMOKE_STAMP.replace(": ", ":\n"), transform=axes.transAxes, color=WARNING, **place)


def say_empty(axes: Axes, text: str = "no finished run", at: tuple[float, float] = (0.5, 0.4)) -> None:
    """Say in the panel that it has no points; `at` (in axes fractions) is the text's middle, or its end from .9 on."""
    side = "right" if at[0] >= 0.9 else "center"
    axes.text(*at, text, transform=axes.transAxes, ha=side, size=LABEL_POINTS)


def limits_around(values: Sequence[float], least_spread: float, share: float = 0.15) -> tuple[float, float]:
    """The range of the values widened on both sides by a share of it; a range under `least_spread` counts as that."""
    spread = max(max(values) - min(values), least_spread)
    return min(values) - share * spread, max(values) + share * spread


def skew_points(axes: Axes, rows: Sequence[Mapping[str, Any]], x: str, y: str) -> None:
    """A point a row at its keys `x` and `y`, with the colour of its skew and the marker of its family.

    Rows have `family`, `skew` (or `shown_skew`, where the colour is a bin's), `label` (outlined if not empty) and
    `baseline` (a ring if unigram).
    """
    for row in rows:
        by_kind(MARKS, row["family"])
    for name, kind in MARKS.items():
        members = [row for row in rows if row["family"] == name]
        if members:
            axes.scatter(
                [row[x] for row in members],
                [row[y] for row in members],
                s=POINT_AREA,
                c=[color(row.get("shown_skew", row["skew"]), name) for row in members],
                marker=kind.marker,
                linewidths=[1.1 if row["label"] else 0.3 for row in members],
                edgecolors=[INK if row["label"] else "white" for row in members],
                zorder=3,
                gid=name,
            )
    unigram = [row for row in rows if row["baseline"] == "unigram"]
    if unigram:
        places = [[row[key] for row in unigram] for key in (x, y)]
        axes.scatter(*places, s=RING_AREA, facecolors="none", edgecolors=INK, linewidths=0.6, zorder=2, gid="unigram")


def skew_bar(figure: Figure, bins: Sequence[str] | None = None) -> Axes:
    """The colour of each skew with the markers of the family, above the panels: the legend.

    `bins`: labels of bins of equal width, each in the colour of its middle; the ends keep their own.
    """
    width, height = figure.get_size_inches()
    axes = figure.add_axes((LEFT / width, 1 - 0.3 / height, (width - LEFT - RIGHT) / width, 0.07 / height))
    dot = FAMILIES["skew_jensen"].symbol
    if bins is None:
        colors = SKEW_COLORS
        ticks, labels = [0, 0.25, 0.5, 0.75, 1], ["skew 0", f"{dot} .25", f"{dot} .5", f"{dot} .75", "1"]
    else:
        ticks, labels = [(n + 0.5) / len(bins) for n in range(len(bins))], [f"{dot} {label}" for label in bins]
        colors = ListedColormap([color(middle) for middle in ticks])
    figure.colorbar(ScalarMappable(Normalize(0, 1), colors), cax=axes, orientation="horizontal")
    axes.set_xticks(ticks, labels)
    axes.tick_params(length=1.5, pad=1)
    axes.grid(False)
    for skew, side, away in ((0.0, "left", 9), (1.0, "right", -9)):
        kind = FAMILIES[kind_of(skew)]
        place = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom", "size": TICK_POINTS}
        axes.annotate(kind.symbol, (skew, 1), (0, 3), ha=side, color=color(skew), **place)
        axes.annotate(kind.label, (skew, 1), (away, 3), ha=side, **place)
    return axes


def legend_above(figure: Figure, entries: Sequence[Artist], across: int = 1) -> None:
    """The labelled `entries` above the panels, from their left edge on; `top` = .1 + LEGEND_LINE a line holds them."""
    if entries:
        width, height = figure.get_size_inches()
        at = {"loc": "upper left", "bbox_to_anchor": (LEFT / width, 1 - 0.05 / height)}
        space = {"borderpad": 0, "borderaxespad": 0, "labelspacing": 0.35, "columnspacing": 1.5, "handletextpad": 0.5}
        figure.legend(handles=entries, ncols=across, **at, **space)


def corner_text(axes: Axes, text: str, points: Sequence[tuple[float, float]], radius: float = 4.0) -> Text:
    """Write `text` in the corner of the panel where it covers the fewest of `points` (data coordinates).

    Markers count with a radius of `radius` points. To be called when the axes have their final limits.
    """
    centres = [axes.transData.transform(point) for point in points]
    margin = radius * axes.figure.dpi / 72
    best, least = None, math.inf
    for (y, va), (x, ha) in product(((0.97, "top"), (0.03, "bottom")), ((0.03, "left"), (0.97, "right"))):
        place = {"ha": ha, "va": va, "size": TICK_POINTS - 1, "linespacing": 1.25, "zorder": 4}
        found = axes.text(x, y, text, transform=axes.transAxes, **place)
        box = found.get_window_extent().padded(margin)
        covered = sum(box.contains(*centre) for centre in centres)
        if covered >= least:
            found.remove()
            continue
        if best is not None:
            best.remove()
        best, least = found, covered
    return best
