"""Names at the right ends of curves, moved apart where the ends lie closer than a line of text."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.text import Annotation

from entropyreg.rendering.figures.style import FAINT

LINE = 1.25  # distance of two names in font sizes


class EndLabel(NamedTuple):
    """`text` for the curve that ends at (`x`, `y`) in data coordinates."""

    x: float
    y: float
    text: str
    color: Any


def write_end_labels(axes: Axes, labels: Sequence[EndLabel], size: float, away: float = 7.0) -> list[Annotation]:
    """Write each text `away` points right of its curve's end, with a thin line to it, in the order of the ends.

    To be called when the axes have their final limits. The names stay between the bottom and the top of the axes where
    there is room for all of them.
    """
    points = axes.figure.dpi / 72
    ends = [axes.transData.transform((label.x, label.y)) for label in labels]
    frame = axes.get_window_extent()
    half = size * points / 2
    order = sorted(range(len(labels)), key=lambda n: (ends[n][1], n))
    heights = spread([ends[n][1] for n in order], LINE * size * points, frame.y0 + half, frame.y1 - half)
    written = []
    for n, height in zip(order, heights, strict=True):
        up = (height - ends[n][1]) / points
        line = {"arrowstyle": "-", "linewidth": 0.4, "color": FAINT, "shrinkA": 0, "shrinkB": 2.5}
        place = {"textcoords": "offset points", "ha": "left", "va": "center", "size": size, "annotation_clip": False}
        label = labels[n]
        written.append(
            axes.annotate(label.text, (label.x, label.y), (away, up), color=label.color, arrowprops=line, **place)
        )
    return written


def spread(heights: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Rising `heights` moved as little as needed to be `apart` from each other, within [low, high] if all fit there."""
    groups: list[list[float]] = []  # each: wanted heights of members that stand `apart` from each other
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and top(groups[-2], apart) + apart > top(groups[-1], apart) - (
            (len(groups[-1]) - 1) * apart
        ):
            last = groups.pop()
            groups[-1] += last
    placed = []
    for group in groups:
        first = top(group, apart) - (len(group) - 1) * apart
        placed += [first + n * apart for n in range(len(group))]
    for n in reversed(range(len(placed))):  # down from the upper end, then up from the lower
        placed[n] = min(placed[n], high - (len(placed) - 1 - n) * apart)
    return [max(height, low + n * apart) for n, height in enumerate(placed)]


def top(group: Sequence[float], apart: float) -> float:
    """Height of a group's upper member when the group is centred on its members' mean."""
    return sum(group) / len(group) + (len(group) - 1) * apart / 2
