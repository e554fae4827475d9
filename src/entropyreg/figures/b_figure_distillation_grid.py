"""Paper B, students over smoothing and temperature of their teacher: a heat map of mean validation accuracy.

It separates what the paper's Figure 5 joins: a smoothed teacher at T = 1, and one at a raised temperature
(Chandrasegaran et al. 2022). Outlined: the best temperature of each teacher, chosen on validation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from entropyreg.figures.image_panels import empty_panel, new_grid, stamp
from entropyreg.figures.image_runs import (
    IMAGE_RUN,
    Network,
    describe_image_run,
    finished_images,
    image_opening,
    mean_and_range,
    networks,
)
from entropyreg.figures.panels import LEFT, RIGHT, is_first_across
from entropyreg.figures.runs import digits
from entropyreg.figures.style import FAINT, INK, TICK_POINTS

SPLIT = "valid"
COLUMNS = (
    *IMAGE_RUN,
    *("split", "teacher_model", "teacher_smoothing", "temperature", "selected", "n_seeds"),
    *("mean", "lowest", "highest"),
)
BAR = 0.5  # inches right of each panel, for its colour bar
CELL = 0.3  # inches, height of a line of the map
DARK = 0.6  # cells below this luminance have white text


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a teacher and temperature, over the seeds; accuracy in percent."""
    groups: dict[tuple, list[Mapping[str, Any]]] = {}
    for run in finished_images(collected, "scores"):
        if run["teacher"]:
            groups.setdefault((run["column"], run["model"], run["run"]), []).append(run)
    rows = []
    for members in groups.values():
        run, teacher = members[0], members[0]["teacher"]
        row = describe_image_run(collected, run) | {"split": SPLIT, "n_seeds": len(members)}
        row |= {"teacher_model": teacher["model"], "teacher_smoothing": teacher["smoothing"]}
        row |= {"temperature": teacher["temperature"], "selected": bool(run["selected"])}
        rows.append(row | mean_and_range([100 * one["measures"]["scores"][SPLIT]["accuracy"] for one in members]))
    return sorted(rows, key=lambda row: (row["column"], row["model"], row["teacher_smoothing"], row["temperature"]))


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel a network of the student, with its own colour bar."""
    shown = networks(collected)
    lines = max([4, *(len(grid(collected, network)[0]) for network in shown)])
    titles, note = [network.title for network in shown], footnote(collected, rows)
    across = min(len(shown), 2)
    figure, panels = new_grid(titles, note, across, panel=CELL * lines, gap=0.35, names=BAR - RIGHT)
    for axes, network in zip(panels, shown, strict=True):
        if is_first_across(axes):
            axes.set_ylabel("teacher's smoothing")
            axes.yaxis.set_label_coords(-0.62 * LEFT / (axes.get_position().width * figure.get_figwidth()), 0.5)
        draw_panel(axes, [row for row in rows if network.owns(row)], *grid(collected, network))
        stamp(collected, axes)
    return figure


def grid(collected: Mapping[str, Any], network: Network) -> tuple[list[float], list[float]]:
    """Smoothings and temperatures of the teachers of a network, also those of missing runs."""
    teachers = [run["teacher"] for run in collected["rows"] if network.owns(run) and run["teacher"]]
    return tuple(
        sorted({teacher[key] for teacher in teachers if teacher.get(key) is not None})
        for key in ("smoothing", "temperature")
    )


def draw_panel(
    axes: Axes, rows: Sequence[Mapping[str, Any]], smoothings: Sequence[float], temperatures: Sequence[float]
) -> None:
    """The cells with their accuracy in percent; a cell without a run is empty."""
    axes.set_xlabel("teacher's temperature")
    axes.grid(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlim(-0.5, max(len(temperatures), 1) - 0.5)
    axes.set_ylim(-0.5, max(len(smoothings), 1) - 0.5)
    axes.set_xticks(range(len(temperatures)), [digits(one) for one in temperatures])
    axes.set_yticks(range(len(smoothings)), [digits(one) for one in smoothings])
    axes.yaxis.set_tick_params(labelsize=TICK_POINTS - 0.5)
    if not rows:
        empty_panel(axes)
        return
    values = [row["mean"] for row in rows]
    middle, half = (max(values) + min(values)) / 2, max((max(values) - min(values)) / 2, 0.05)
    scale = ScalarMappable(Normalize(middle - half, middle + half), "cividis")
    for y in range(len(smoothings)):
        for x in range(len(temperatures)):
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="none", edgecolor=FAINT, linewidth=0.6))
    for row in rows:
        x, y = temperatures.index(row["temperature"]), smoothings.index(row["teacher_smoothing"])
        shade = scale.to_rgba(row["mean"])
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=shade, edgecolor="white", linewidth=0.8))
        luminance = 0.299 * shade[0] + 0.587 * shade[1] + 0.114 * shade[2]
        place = {"ha": "center", "va": "center", "size": TICK_POINTS, "zorder": 5}
        axes.text(x, y, f"{row['mean']:.2f}", color="white" if luminance < DARK else INK, **place)
        if row["selected"]:
            for shade, width in ((INK, 2.6), ("white", 0.9)):  # seen on dark and on light cells
                edge = {"facecolor": "none", "edgecolor": shade, "linewidth": width, "zorder": 4, "gid": "selected"}
                axes.add_patch(Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, **edge))
    figure, (left, bottom, across, height) = axes.figure, axes.get_position().bounds
    width = figure.get_figwidth()
    bar = figure.add_axes((left + across + 0.06 / width, bottom, 0.07 / width, height))
    figure.colorbar(scale, cax=bar)
    bar.yaxis.set_major_locator(MaxNLocator(nbins=4))
    bar.tick_params(labelsize=TICK_POINTS - 1, pad=1, length=1.5)
    bar.set_title("%", size=TICK_POINTS, loc="left", pad=3)
    bar.grid(False)


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraph under the figure."""
    told = []
    if rows:
        teachers = [run["teacher"] for run in finished_images(collected) if run["teacher"]]
        titles = {teacher.get("model_title") or teacher["model"] for teacher in teachers}
        told = [
            f"Validation accuracy of the student in %, mean over seeds. Teacher: {', '.join(sorted(titles))}.",
            "0: hard targets. Outlined: the best temperature of each teacher, chosen on these images.",
        ]
        counts = {row["n_seeds"] for row in rows}
        told += [f"Cells have {min(counts)} to {max(counts)} seeds."] if len(counts) > 1 else []
    return image_opening(collected, told)
