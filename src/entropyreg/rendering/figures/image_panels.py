"""Panels of image figures: a grid with long titles in two lines, room for names at the right, a stamp that fits.

Sizes are inches and fixed by the titles and the note, as in `panels`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from entropyreg.rendering.figures.footnotes import wrapped
from entropyreg.rendering.figures.panels import LEFT, NOTE_LINE, PANEL_INCHES, RIGHT, say_empty, stamp_smoke
from entropyreg.rendering.figures.style import COLUMN_INCHES, LABEL_POINTS, NOTE_POINTS, PAGE_INCHES, new_figure
from entropyreg.rendering.tables.collected import is_smoke

TOP, TITLE_LINE, TITLE_PAD, X_AXIS = 0.06, 0.125, 0.05, 0.42
BELOW = 0.48  # inches under a panel for its axis and a distance to what is written below
LEAST_POINTS = 5.0  # of a title or stamp


def new_grid(
    titles: Sequence[str | None],
    note: Sequence[str],
    across: int,
    *,
    panel: float = PANEL_INCHES,
    gap: float = 0.5,
    names: float = 0.0,
    above: float = 0.0,
    top: float = TOP,
    x_axis: float = X_AXIS,
) -> tuple[Figure, list[Axes]]:
    """A figure with one titled panel a title, `across` side by side, and the paragraphs `note` under them.

    A title None leaves its place free. One panel across is as wide as a column of a paper, more as a page. Inches:
    `panel` (height), `gap` (between panels), `names` (free at the right of each panel), `above` (free between a title
    and its panel), `top` (free above all, for a legend), `x_axis` (under a panel).
    """
    down = math.ceil(len(titles) / across)
    width = COLUMN_INCHES if across == 1 else PAGE_INCHES
    each = (width - LEFT - RIGHT - gap * (across - 1)) / across
    titles, lines = broken(titles, each)
    title = TITLE_LINE * lines + TITLE_PAD
    told = wrapped(note, width)
    step = title + above + panel + x_axis
    height = top + down * step + NOTE_LINE * len(told) + 0.1
    figure, panels = new_figure(width, height), []
    for position, text in enumerate(titles):
        if text is None:
            continue
        line, place = divmod(position, across)
        left, low = LEFT + place * (each + gap), height - top - line * step - title - above - panel
        axes = figure.add_axes((left / width, low / height, (each - names) / width, panel / height))
        shrink(axes.set_title(text, loc="left", pad=3 + 72 * above, linespacing=1.15), each)
        panels.append(axes)
    figure.text(0.06 / width, 0.05 / height, "\n".join(told), size=NOTE_POINTS, va="bottom", linespacing=1.2)
    return figure, panels


def broken(titles: Sequence[str | None], room: float) -> tuple[list[str | None], int]:
    """The titles, after their colons in two lines if one is wider than `room` inches; and the number of lines."""
    probe = new_figure(1, 1).text(0, 0, "", size=LABEL_POINTS)
    for title in filter(None, titles):
        probe.set_text(title)
        if inches(probe) > room and ": " in title:
            return [one and one.replace(": ", ":\n", 1) for one in titles], 2
    return list(titles), 1


def inches(text: Text) -> float:
    """Width of a text."""
    return text.get_window_extent().width / text.figure.dpi


def shrink(text: Text, room: float) -> None:
    """Make a text as small as it must be to stay within `room` inches."""
    while inches(text) > room and text.get_fontsize() > LEAST_POINTS:
        text.set_fontsize(text.get_fontsize() - 0.25)


def stamp(collected: Mapping[str, Any], axes: Axes) -> None:
    """At smoke scale, the stamp of `panels.stamp_smoke`, no wider than the panel."""
    if is_smoke(collected):
        stamp_smoke(collected, axes)
        shrink(axes.texts[-1], axes.get_position().width * axes.figure.get_figwidth())


def write_below(axes: Axes, lines: Sequence[str]) -> None:
    """Findings in small letters under the axis of a panel, one line each: `BELOW` and `NOTE_LINE` inches a line."""
    place = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top", "annotation_clip": False}
    axes.annotate("\n".join(lines), (0, 0), (0, -27), size=NOTE_POINTS, linespacing=1.25, **place)


def empty_panel(axes: Axes, text: str = "no finished run") -> None:
    """Say in a panel that it shows nothing, below the place of the stamp; its axes have no numbers."""
    axes.set_xticks([])
    axes.set_yticks([])
    say_empty(axes, text, at=(0.5, 0.12))
