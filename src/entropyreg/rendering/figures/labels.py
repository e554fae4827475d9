"""Direct labels: a text beside its point, at the nearest place where it covers no point and no other text."""

from collections.abc import Mapping, Sequence
from itertools import product

from matplotlib.axes import Axes
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

DISTANCES = (7, 12, 18, 26, 36)  # points
DIRECTIONS = ((1, 0), (-1, 0), (0.7, 0.8), (-0.7, 0.8), (0.7, -0.8), (-0.7, -0.8), (0, 1), (0, -1))


def label_points(
    axes: Axes,
    labels: Mapping[str, Sequence[tuple[float, float]]],
    points: Sequence[tuple[float, float]],
    size: float,
    radius: float = 3.5,
) -> list[Annotation]:
    """Write each text once, near one of its points (the seeds of one arm); no point of `points` should be covered.

    Points are in data coordinates with markers of `radius` points. To be called when the axes have their final limits.
    A label that is not right beside its point gets a thin line.
    """
    scale = axes.figure.dpi / 72
    centres = [axes.transData.transform(point) for point in points]
    taken = [Bbox.from_extents(x - r, y - r, x + r, y + r) for x, y in centres for r in (radius * scale,)]
    placed = []
    for text, own in labels.items():
        best, least = None, float("inf")
        for distance, point, (right, up) in product(DISTANCES, own, DIRECTIONS):
            candidate = annotation(axes, point, text, (right * distance, up * distance), size)
            box = text_box(candidate)
            cost = sum(overlap(box, other) for other in taken) + outside(box, axes.get_window_extent())
            if cost < least:
                if best is not None:
                    best.remove()
                best, least = candidate, cost
            else:
                candidate.remove()
            if least == 0:
                break
        taken.append(text_box(best))
        placed.append(best)
    return placed


def text_box(written: Annotation) -> Bbox:
    """The extent of the text without its line."""
    written.get_window_extent()  # moves the text to its place
    return Text.get_window_extent(written)


def annotation(
    axes: Axes, point: tuple[float, float], text: str, offset: tuple[float, float], size: float
) -> Annotation:
    """`text` at `offset` points from `point`, aligned away from it."""
    right, up = offset
    far = max(abs(right), abs(up)) > DISTANCES[0]
    return axes.annotate(
        text,
        point,
        xytext=offset,
        textcoords="offset points",
        ha="left" if right > 0 else "right" if right < 0 else "center",
        va="center" if up == 0 else "bottom" if up > 0 else "top",
        fontsize=size,
        arrowprops={"arrowstyle": "-", "linewidth": 0.4, "shrinkA": 0, "shrinkB": 3} if far else None,
    )


def overlap(one: Bbox, other: Bbox) -> float:
    """Common area in square pixels."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return width * height if width > 0 and height > 0 else 0.0


def outside(box: Bbox, frame: Bbox) -> float:
    """Area of `box` outside `frame`, weighted so that a label rather covers a point than leaves the axes."""
    return 10 * (box.width * box.height - overlap(box, frame))
