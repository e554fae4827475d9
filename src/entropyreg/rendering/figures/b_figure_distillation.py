"""Paper B, teachers and students over the equivalent smoothing of the targets: four curves of validation accuracy.

    x: gamma = E[ sum_k (1 - y_k) p_k(T) K / (K - 1) ] of the targets a network was trained on; y: accuracy in percent

teacher and student alone: trained on smoothed labels, x is their amount. From a hard teacher: its outputs at T = 1, 2,
..., each T with its gamma. From smoothed teachers: at T = 1. Müller et al. 2019, Figure 5 and section 4.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from entropyreg.rendering.figures.end_labels import EndLabel, write_end_labels
from entropyreg.rendering.figures.image_panels import empty_panel, new_grid, stamp
from entropyreg.rendering.figures.image_runs import (
    IMAGE_RUN,
    describe_image_run,
    finished_images,
    image_opening,
    mean_and_range,
)
from entropyreg.rendering.figures.labels import overlap, text_box
from entropyreg.rendering.figures.panels import is_first_across, limits_around
from entropyreg.rendering.figures.runs import digits
from entropyreg.rendering.figures.style import INK, TICK_POINTS, color

SPLIT = "valid"
COLUMNS = (
    *IMAGE_RUN,
    *("split", "teacher_model", "teacher_smoothing", "temperature", "selected", "n_seeds"),
    *("equivalent_smoothing", "mean", "lowest", "highest"),
)
MARGIN = 1.0  # inches right of each panel, for the names of its curves


class Look(NamedTuple):
    """How a curve is named and drawn."""

    name: str
    color: Any
    marker: str
    line: Any


CURVES = {  # by row of the collected table
    "teacher": Look("teacher", color(1.0), "^", "-"),
    "student": Look("student alone", color(1.0), "v", (0, (1, 1))),
    "from_hard": Look("from hard, at T", INK, "X", (0, (4, 1.5))),
    "from_smoothed": Look("from smoothed", color(1.0), "d", (0, (4, 1.5))),
}
DISTILLED = ("from_hard", "from_smoothed")


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a curve and point (amount of smoothing, teacher or temperature), over its seeds; accuracy in percent."""
    groups: dict[tuple, list[Mapping[str, Any]]] = {}
    for run in finished_images(collected, "scores"):
        if run["row"] in CURVES:
            groups.setdefault((run["column"], run["row"], run["run"]), []).append(run)
    rows = []
    for members in groups.values():
        run, teacher = members[0], members[0]["teacher"] or {}
        row = describe_image_run(collected, run) | {"split": SPLIT, "n_seeds": len(members)}
        row |= {"teacher_model": teacher.get("model"), "teacher_smoothing": teacher.get("smoothing")}
        row |= {"temperature": teacher.get("temperature"), "selected": run["selected"]}
        row["equivalent_smoothing"] = mean_and_range([targets_smoothing(one) for one in members])["mean"]
        rows.append(row | mean_and_range([100 * one["measures"]["scores"][SPLIT]["accuracy"] for one in members]))
    order = list(CURVES)
    return sorted(rows, key=lambda row: (row["column"], order.index(row["row"]), row["equivalent_smoothing"]))


def targets_smoothing(run: Mapping[str, Any]) -> float:
    """Equivalent smoothing of what the run was trained on: its teacher's, or its own amount."""
    return run["teacher"]["equivalent_smoothing"] if run["teacher"] else run["smoothing"] or 0.0


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Two panels a data set: all four curves, and the students alone with the temperatures."""
    columns = collected["columns"]
    titles = [f"{column['title']}: {what}" for column in columns for what in ("teacher and students", "students only")]
    figure, panels = new_grid(titles, footnote(collected, rows), 2, gap=0.35, names=MARGIN)
    for n, column in enumerate(columns):
        own = [row for row in rows if row["column"] == column["task"]]
        students = [row for row in own if row["row"] != "teacher"]
        for axes, points in ((panels[2 * n], own), (panels[2 * n + 1], students)):
            if is_first_across(axes):
                axes.set_ylabel("validation accuracy (%)")
            draw_panel(axes, points, with_temperatures=points is students)
            stamp(collected, axes)
    return figure


def draw_panel(axes: Axes, rows: Sequence[Mapping[str, Any]], with_temperatures: bool) -> None:
    """The curves through the means over seeds, with bands and bars from the lowest to the highest seed, and names."""
    axes.set_xlabel("equivalent smoothing of the targets")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    most = max([0.15, *(row["equivalent_smoothing"] for row in rows)])
    axes.set_xlim(-0.05 * most, 1.05 * most)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    if not rows:
        empty_panel(axes)
        return
    ends = [row[key] for row in rows for key in ("lowest", "highest")]
    low, high = limits_around(ends, least_spread=0.5, share=0.12)
    axes.set_ylim(low, high + with_temperatures * 0.06 * (high - low))
    names = []
    for name, points in curves(rows).items():
        look = CURVES[name]
        x, y = ([row[key] for row in points] for key in ("equivalent_smoothing", "mean"))
        low, high = ([row[key] for row in points] for key in ("lowest", "highest"))
        if name in DISTILLED:
            axes.vlines(x, low, high, color=look.color, linewidth=0.8, zorder=2.5)
        else:
            axes.fill_between(x, low, high, color=look.color, alpha=0.2, linewidth=0, zorder=2)
        marked = {"marker": look.marker, "markeredgecolor": "white", "markeredgewidth": 0.4, "markersize": 4.5}
        axes.plot(x, y, color=look.color, linestyle=look.line, zorder=3, gid=name, **marked)
        names.append(EndLabel(x[-1], y[-1], look.name, INK))
    write_names(axes, names)
    if with_temperatures:
        write_temperatures(axes, rows)


def write_names(axes: Axes, names: Sequence[EndLabel]) -> None:
    """The names beside the panel, each with a line from where its curve ends."""
    edge = axes.get_xlim()[1]
    points = axes.figure.dpi / 72
    written = write_end_labels(axes, [one._replace(x=edge) for one in names], TICK_POINTS, away=9)
    order = sorted(range(len(names)), key=lambda n: (axes.transData.transform((edge, names[n].y))[1], n))
    for n, text in zip(order, written, strict=True):  # the line starts at the curve's end, not at the panel's edge
        end = axes.transData.transform((names[n].x, names[n].y))
        shift = axes.transData.transform((edge, names[n].y)) - end
        text.xy = (names[n].x, names[n].y)
        text.set_position((text.get_position()[0] + shift[0] / points, text.get_position()[1]))


def write_temperatures(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Each temperature above the bar of its point, raised where it would cover another one or a curve."""
    pixels = axes.figure.dpi / 72
    taken = [axes.transData.transform(place) for place in covered(rows)]
    boxes: list[Bbox] = []
    hard = [row for row in rows if row["row"] == "from_hard" and row["temperature"] is not None]
    for n, row in enumerate(hard):
        text = ("" if n else "T = ") + digits(row["temperature"])
        place = {"textcoords": "offset points", "ha": "center" if n else "left", "va": "bottom"}
        at, aside = (row["equivalent_smoothing"], row["highest"]), 0 if n else -3
        written = axes.annotate(text, at, (aside, 2), size=TICK_POINTS - 0.5, **place)
        lowest = text_box(written)
        for step in range(40):
            box = lowest.translated(0, step * pixels)
            if not any(overlap(box, other) for other in boxes) and not box.padded(pixels / 2).count_contains(taken):
                break
        written.set_position((aside, 2 + step))
        boxes.append(box)


def covered(rows: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Places that a label should not cover: along the curves, close together, and the ends of the bars."""
    places = []
    for points in curves(rows).values():
        for one, other in pairwise(points):
            for n in range(11):
                along = [one[key] + n / 10 * (other[key] - one[key]) for key in ("equivalent_smoothing", "mean")]
                places.append((along[0], along[1]))
        places += [(row["equivalent_smoothing"], row[key]) for row in points for key in ("lowest", "mean", "highest")]
    return places


def curves(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """{row of the table: its points in the order of x}."""
    found = {name: [row for row in rows if row["row"] == name] for name in CURVES}
    return {name: points for name, points in found.items() if points}


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraph under the figure."""
    told = []
    if rows:
        models = {(row["row"] == "teacher", row["model_title"] or row["model"]) for row in rows}
        kinds = {True: "Teacher", False: "Student"}
        named = [(kinds[kind], title) for kind, title in sorted(models, reverse=True)]
        told += [f"{title}." if title.startswith(kind) else f"{kind}: {title}." for kind, title in named]
        told += ["Points: means over seeds; bands and bars: lowest to highest seed. Smoothed teachers at T = 1."]
    if any(row["row"] == "from_hard" for row in rows):
        told.append("The hard teacher's smoothing is measured on the training images, mean over seeds.")
    return image_opening(collected, told)
