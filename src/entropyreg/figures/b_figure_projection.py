"""Paper B, penultimate activations of three classes in the plane through their three templates.

    coordinates Q^T x,  Q R = [w_1 - w_3, w_2 - w_3]: see `measures.penultimate`

Müller et al. 2019, Figure 1: training and validation images without and with smoothing, one line a triplet of classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from entropyreg.figures.footnotes import wrapped
from entropyreg.figures.image_panels import empty_panel, stamp
from entropyreg.figures.image_runs import (
    IMAGE_RUN,
    describe_image_run,
    finished_images,
    image_opening,
    networks,
    targets_name,
)
from entropyreg.figures.panels import NOTE_LINE
from entropyreg.figures.style import LABEL_POINTS, NOTE_POINTS, PAGE_INCHES, TICK_POINTS, data_set_look, new_figure

SPLITS = {"train": "training", "valid": "validation"}
OBJECTIVES = ("hard", "smoothed")  # rows of the collected table
COLUMNS = (
    *IMAGE_RUN,
    *("seed", "split", "triplet", "kind_of_point", "class", "class_name", "x", "y"),
)
SIDE, GAP, MIDDLE, LEFT = 1.36, 0.18, 0.44, 0.42  # inches: a panel, between splits, between networks, left margin
HEAD, TITLE, BELOW, TOP = 0.2, 0.16, 0.26, 0.05  # inches: line of class names, panel titles, tick labels, top margin
DOT = 6  # square points


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row an image or template, for each run's first seed, triplet and split; `triplet` counts from 0 in a run."""
    rows = []
    for run in finished_images(collected, "projection"):
        described = describe_image_run(collected, run) | {"seed": run["seed"]}
        for number, triplet in enumerate(run["measures"]["projection"]):
            for split in SPLITS:
                for kind, one, place in points_of_split(triplet.get(split)):
                    named = {
                        "kind_of_point": kind,
                        "class": triplet["classes"][one],
                        "class_name": triplet["names"][one],
                    }
                    position = {"x": place[0], "y": place[1], "split": split, "triplet": number}
                    rows.append(described | named | position)
    return rows


def points_of_split(shown: Mapping[str, Any] | None) -> list[tuple[str, int, Sequence[float]]]:
    """(image | template, position of the class in the triplet, coordinates) of a split; nothing of an absent one."""
    if not shown:
        return []
    images = [("image", one, place) for one, places in enumerate(shown["points"]) for place in places]
    return images + [("template", one, place) for one, place in enumerate(shown["templates"])]


def lines_of(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, list[int], str]]:
    """The lines of the figure: network, its classes in the triplet's order, and title."""
    found = []
    for network in networks(collected):
        own = [row for row in rows if network.owns(row)]
        triplets = list(dict.fromkeys(classes_of(own, row["row"], row["triplet"]) for row in own))
        found += [(network, list(classes), network.title) for classes in triplets or [()]]
    return found


def classes_of(rows: Sequence[Mapping[str, Any]], name: str, triplet: int) -> tuple[int, ...]:
    """The classes of a run's triplet in its order."""
    members = [row for row in rows if (row["row"], row["triplet"]) == (name, triplet)]
    return tuple(dict.fromkeys(row["class"] for row in members))


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Four panels a line; the two of a network share their scale."""
    lines = lines_of(collected, rows)
    note = wrapped(footnote(collected, rows), PAGE_INCHES)
    each = HEAD + TITLE + SIDE + BELOW
    height = TOP + each * len(lines) + NOTE_LINE * len(note) + 0.1
    figure = new_figure(PAGE_INCHES, height)
    for n, (network, classes, title) in enumerate(lines):
        top = height - TOP - n * each
        own = [row for row in rows if network.owns(row) and row["class"] in classes]
        write_head(figure, title, own, classes, top)
        for column in range(4):
            name, split = OBJECTIVES[column // 2], list(SPLITS)[column % 2]
            left = LEFT + column * (SIDE + GAP) + (column // 2) * (MIDDLE - GAP)
            bottom = top - HEAD - TITLE - SIDE
            axes = figure.add_axes((left / PAGE_INCHES, bottom / height, SIDE / PAGE_INCHES, SIDE / height))
            members = [row for row in own if row["row"] == name]
            draw_panel(axes, members, split, classes)
            if column % 2:
                axes.tick_params(labelleft=False)
            told = targets_name(members[0]) if members else {"hard": "hard targets", "smoothed": "smoothed"}[name]
            axes.set_title(f"{told}, {SPLITS[split]}", loc="left", pad=2.5, size=TICK_POINTS)
            stamp(collected, axes)
    figure.text(0.06 / PAGE_INCHES, 0.05 / height, "\n".join(note), size=NOTE_POINTS, va="bottom", linespacing=1.2)
    return figure


def write_head(
    figure: Figure, title: str, rows: Sequence[Mapping[str, Any]], classes: Sequence[int], top: float
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
        text = figure.text((left + 0.04) / PAGE_INCHES, middle / height, name, **place)


def draw_panel(axes: Axes, rows: Sequence[Mapping[str, Any]], split: str, classes: Sequence[int]) -> None:
    """The images of one split and the templates; `rows` of both splits decide the limits."""
    axes.tick_params(labelsize=TICK_POINTS - 1, pad=1.5)
    shown = [row for row in rows if row["split"] == split]
    if not shown:
        empty_panel(axes, "no finished run" if not rows else "no kept activations")
        return
    middles = [(max(values) + min(values)) / 2 for values in coordinates(rows)]
    half = 0.54 * max([1e-6, *(max(values) - min(values) for values in coordinates(rows))])
    axes.set_xlim(middles[0] - half, middles[0] + half)
    axes.set_ylim(middles[1] - half, middles[1] + half)
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    for position, one in enumerate(classes):
        shade, marker = data_set_look(position)
        for kind in ("image", "template"):
            places = coordinates([row for row in shown if row["class"] == one and row["kind_of_point"] == kind])
            if kind == "image":
                look = {"s": DOT, "marker": marker, "linewidths": 0, "alpha": 0.75, "zorder": 3}
                axes.scatter(*places, color=shade, gid=f"class {one}", **look)
                continue
            for ink, width in (("white", 2.6), (shade, 1.4)):
                axes.scatter(*places, s=34, marker="x", color=ink, linewidths=width, zorder=4, gid=kind)


def coordinates(rows: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    """The x and the y of plotted rows."""
    return [row["x"] for row in rows], [row["y"] for row in rows]


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraph under the figure."""
    if not rows:
        return image_opening(collected, [])
    seeds = sorted({row["seed"] for row in rows})
    told = [
        f"Shown: seed {', '.join(map(str, seeds))}, up to {most_images(rows)} images a class. Large crosses: the "
        "templates of the three classes (rows of the last layer with their bias).",
        "Axes: coordinates in the plane, without unit; the two panels of a network share one scale, which differs "
        "between networks.",
    ]
    return image_opening(collected, told)


def most_images(rows: Sequence[Mapping[str, Any]]) -> int:
    """The most images of a class in one panel."""
    counts: dict[tuple, int] = {}
    for row in rows:
        if row["kind_of_point"] == "image":
            key = tuple(row[name] for name in ("column", "model", "row", "split", "triplet", "class"))
            counts[key] = counts.get(key, 0) + 1
    return max(counts.values(), default=0)
