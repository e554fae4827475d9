"""Lines of four panels in the plane of three templates: training and validation of hard targets, then of smoothed ones.

    coordinates Q^T x,  Q R = [w_1 - w_3, w_2 - w_3]: see `measures.penultimate`

One line is one triplet of classes (of words, for a translation model) of one network; drawn alike for both.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from entropyreg.rendering.figures.footnotes import wrapped
from entropyreg.rendering.figures.image_panels import empty_panel, stamp
from entropyreg.rendering.figures.image_runs import Network, targets_name
from entropyreg.rendering.figures.panels import NOTE_LINE
from entropyreg.rendering.figures.style import (
    LABEL_POINTS,
    NOTE_POINTS,
    PAGE_INCHES,
    TICK_POINTS,
    data_set_look,
    new_figure,
)

SPLITS = {"train": "training", "valid": "validation"}
OBJECTIVES = {"hard": "hard targets", "smoothed": "smoothed"}  # rows of the collected table, and names without a run
SIDE, GAP, MIDDLE, LEFT = 1.36, 0.18, 0.44, 0.42  # inches: a panel, between splits, between networks, left margin
HEAD, TITLE, BELOW, TOP = 0.2, 0.16, 0.26, 0.05  # inches: line of class names, panel titles, tick labels, top margin
DOT = 6  # square points
TEMPLATE = "template"  # kind of point
NO_RUN = "no finished run"
POINT_COLUMNS = ("seed", "split", "triplet", "kind_of_point", "class", "class_name", "x", "y")


class Line(NamedTuple):
    """A line of the figure: the rows of its network (all triplets), the classes of its triplet in order."""

    title: str
    rows: Sequence[Mapping[str, Any]]
    classes: Sequence[Any]
    empty: str = NO_RUN  # what a panel without rows says


def point_rows(
    described: Mapping[str, Any], triplets: Sequence[Mapping[str, Any]], example: str
) -> list[dict[str, Any]]:
    """A row an example or template of a run, for each triplet and split; `triplet` counts from 0.

    `example` is what a point shows ('image'). A triplet has `classes` (3 keys), `names` and by split `points` (class,
    point, 2) and `templates` (class, 2).
    """
    rows = []
    for number, triplet in enumerate(triplets):
        for split in SPLITS:
            for kind, one, place in points_of_split(triplet.get(split), example):
                named = {"kind_of_point": kind, "class": triplet["classes"][one], "class_name": triplet["names"][one]}
                position = {"x": place[0], "y": place[1], "split": split, "triplet": number}
                rows.append({**described, **named, **position})
    return rows


def points_of_split(shown: Mapping[str, Any] | None, example: str) -> list[tuple[str, int, Sequence[float]]]:
    """(example | template, position of the class in the triplet, coordinates) of a split; nothing of an absent one."""
    if not shown:
        return []
    examples = [(example, one, place) for one, places in enumerate(shown["points"]) for place in places]
    return examples + [(TEMPLATE, one, place) for one, place in enumerate(shown["templates"])]


def lines_of(networks: Sequence[Network], rows: Sequence[Mapping[str, Any]]) -> list[Line]:
    """The lines of the figure; a network without points has one, without classes."""
    found = []
    for network in networks:
        own = [row for row in rows if network.owns(row)]
        triplets = list(dict.fromkeys(classes_of(own, row["row"], row["triplet"]) for row in own))
        found += [Line(network.title, own, list(classes)) for classes in triplets or [()]]
    return found


def classes_of(rows: Sequence[Mapping[str, Any]], name: str, triplet: int) -> tuple[Any, ...]:
    """The classes of a run's triplet in its order."""
    members = [row for row in rows if (row["row"], row["triplet"]) == (name, triplet)]
    return tuple(dict.fromkeys(row["class"] for row in members))


def draw_lines(
    collected: Mapping[str, Any],
    lines: Sequence[Line],
    note: Sequence[str],
    under: Callable[[Sequence[Mapping[str, Any]], str], str] | None = None,
) -> Figure:
    """Four panels a line; the two of a network share their scale. `under`: a panel's finding, of its rows and split."""
    told = wrapped(note, PAGE_INCHES)
    each = HEAD + TITLE + SIDE + BELOW + (NOTE_LINE if under else 0)
    height = TOP + each * len(lines) + NOTE_LINE * len(told) + 0.1
    figure = new_figure(PAGE_INCHES, height)
    for n, line in enumerate(lines):
        top = height - TOP - n * each
        own = [row for row in line.rows if row["class"] in line.classes]
        write_head(figure, line.title, own, line.classes, top)
        for column in range(4):
            name, split = list(OBJECTIVES)[column // 2], list(SPLITS)[column % 2]
            left = LEFT + column * (SIDE + GAP) + (column // 2) * (MIDDLE - GAP)
            bottom = top - HEAD - TITLE - SIDE
            axes = figure.add_axes((left / PAGE_INCHES, bottom / height, SIDE / PAGE_INCHES, SIDE / height))
            members = [row for row in own if row["row"] == name]
            draw_panel(axes, members, split, line)
            if column % 2:
                axes.tick_params(labelleft=False)
            objective = targets_name(members[0]) if members else OBJECTIVES[name]
            axes.set_title(f"{objective}, {SPLITS[split]}", loc="left", pad=2.5, size=TICK_POINTS)
            stamp(collected, axes)
            if under:
                axes.set_xlabel(under(members, split), size=NOTE_POINTS, labelpad=1)
    figure.text(0.06 / PAGE_INCHES, 0.05 / height, "\n".join(told), size=NOTE_POINTS, va="bottom", linespacing=1.2)
    return figure


def write_head(
    figure: Figure, title: str, rows: Sequence[Mapping[str, Any]], classes: Sequence[Any], top: float
) -> None:
    """The title of a line, with its classes in their colours and markers."""
    height = figure.get_figheight()
    middle = top - HEAD / 2
    place = {"va": "center", "size": LABEL_POINTS}
    text = figure.text(LEFT / PAGE_INCHES, middle / height, title, **place)
    for position, one in enumerate(classes):
        left = text.get_window_extent().x1 / figure.dpi + 0.3
        shade, marker = data_set_look(position)
        name = next(row["class_name"] for row in rows if row["class"] == one)
        axes = figure.add_axes(((left - 0.1) / PAGE_INCHES, (middle - 0.05) / height, 0.1 / PAGE_INCHES, 0.1 / height))
        axes.axis("off")
        axes.scatter([0], [0], s=14, color=shade, marker=marker, linewidths=0)
        text = figure.text((left + 0.04) / PAGE_INCHES, middle / height, name, parse_math=False, **place)


def draw_panel(axes: Axes, rows: Sequence[Mapping[str, Any]], split: str, line: Line) -> None:
    """The examples of one split and the templates; `rows` of both splits decide the limits."""
    axes.tick_params(labelsize=TICK_POINTS - 1, pad=1.5)
    shown = [row for row in rows if row["split"] == split]
    if not shown:
        empty_panel(axes, "no kept activations" if rows else line.empty)
        return
    middles = [(max(values) + min(values)) / 2 for values in coordinates(rows)]
    half = 0.54 * max([1e-6, *(max(values) - min(values) for values in coordinates(rows))])
    axes.set_xlim(middles[0] - half, middles[0] + half)
    axes.set_ylim(middles[1] - half, middles[1] + half)
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    for position, one in enumerate(line.classes):
        shade, marker = data_set_look(position)
        own = pd.DataFrame([row for row in shown if row["class"] == one])
        templates = own["kind_of_point"] == TEMPLATE
        look = {"s": DOT, "marker": marker, "linewidth": 0, "alpha": 0.75, "zorder": 3, "gid": f"class {one}"}
        seaborn.scatterplot(own[~templates], x="x", y="y", ax=axes, color=shade, legend=False, **look)
        for ink, width in (("white", 2.6), (shade, 1.4)):
            look = {"s": 34, "marker": "x", "linewidth": width, "zorder": 4, "gid": TEMPLATE}
            seaborn.scatterplot(own[templates], x="x", y="y", ax=axes, color=ink, legend=False, **look)
    axes.set(xlabel="", ylabel="")


def coordinates(rows: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    """The x and the y of plotted rows."""
    return [row["x"] for row in rows], [row["y"] for row in rows]


def most_points(rows: Sequence[Mapping[str, Any]]) -> int:
    """The most examples of a class in one panel."""
    counts: dict[tuple, int] = {}
    for row in rows:
        if row["kind_of_point"] != TEMPLATE:
            key = tuple(row[name] for name in ("column", "model", "row", "split", "triplet", "class"))
            counts[key] = counts.get(key, 0) + 1
    return max(counts.values(), default=0)
