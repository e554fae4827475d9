"""Paper B, students over smoothing and temperature of their teacher: a heat map of mean validation accuracy.

It separates what the paper's Figure 5 joins: a smoothed teacher at T = 1, and one at a raised temperature
(Chandrasegaran et al. 2022). Outlined: the best temperature of each teacher, chosen on validation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from entropyreg.rendering.figures.image_panels import empty_panel, new_grid, stamp
from entropyreg.rendering.figures.image_runs import (
    IMAGE_RUN,
    Network,
    describe_image_run,
    finished_images,
    image_opening,
    mean_and_range,
    networks,
)
from entropyreg.rendering.figures.panels import LEFT, RIGHT, is_first_across
from entropyreg.rendering.figures.runs import digits
from entropyreg.rendering.figures.style import FAINT, INK, TICK_POINTS

SPLIT = "valid"
COLUMNS = (
    *IMAGE_RUN,
    *("split", "teacher_model", "teacher_smoothing", "temperature", "selected", "n_seeds"),
    *("mean", "lowest", "highest"),
)
ROW = "student"  # other rows are not on the map
BAR = 0.5  # inches right of each panel, for its colour bar
CELL = 0.3  # inches, height of a line of the map


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a teacher and temperature, over the seeds; accuracy in percent."""
    groups: dict[tuple, list[Mapping[str, Any]]] = {}
    for run in finished_images(collected, "scores"):
        if run["row"] == ROW:
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
        draw_panel(axes, [row for row in rows if network.owns(row)], *grid(collected, network))
        if is_first_across(axes):
            axes.set_ylabel("teacher's smoothing")
            axes.yaxis.set_label_coords(-0.62 * LEFT / (axes.get_position().width * figure.get_figwidth()), 0.5)
        stamp(collected, axes)
    return figure


def grid(collected: Mapping[str, Any], network: Network) -> tuple[list[float], list[float]]:
    """Smoothings and temperatures of the teachers of a network, also those of missing runs."""
    teachers = [run["teacher"] for run in collected["rows"] if network.owns(run) and run["row"] == ROW]
    return tuple(
        sorted({teacher[key] for teacher in teachers if teacher.get(key) is not None})
        for key in ("smoothing", "temperature")
    )


def draw_panel(
    axes: Axes, rows: Sequence[Mapping[str, Any]], smoothings: Sequence[float], temperatures: Sequence[float]
) -> None:
    """The cells with their accuracy in percent; a cell without a run is grey."""
    axes.set_xlabel("teacher's temperature")
    if not rows:
        empty_panel(axes)
        return
    figure, (left, bottom, across, height) = axes.figure, axes.get_position().bounds
    width = figure.get_figwidth()
    bar = figure.add_axes((left + across + 0.06 / width, bottom, 0.07 / width, height))
    cells = pd.DataFrame(rows).pivot(index="teacher_smoothing", columns="temperature", values="mean")
    cells = cells.reindex(index=list(smoothings), columns=list(temperatures))
    middle, half = (cells.max(axis=None) + cells.min(axis=None)) / 2, (cells.max(axis=None) - cells.min(axis=None)) / 2
    limits = {"vmin": middle - max(half, 0.05), "vmax": middle + max(half, 0.05)}
    look = {"cmap": "cividis", "linewidths": 0.8, "linecolor": "white", "annot_kws": {"size": TICK_POINTS}}
    axes.set_facecolor(FAINT)  # seen where a cell has no run
    seaborn.heatmap(cells, ax=axes, cbar_ax=bar, annot=True, fmt=".2f", **limits, **look)
    axes.invert_yaxis()  # the hard teacher at the bottom
    axes.grid(False)
    axes.set(xlabel="teacher's temperature", ylabel="")
    axes.tick_params(length=0)
    axes.set_xticks([n + 0.5 for n in range(len(temperatures))], [digits(one) for one in temperatures])
    axes.set_yticks([n + 0.5 for n in range(len(smoothings))], [digits(one) for one in smoothings], rotation=0)
    axes.yaxis.set_tick_params(labelsize=TICK_POINTS - 0.5)
    for row in rows:
        if row["selected"]:
            x, y = temperatures.index(row["temperature"]), smoothings.index(row["teacher_smoothing"])
            for shade, thick in ((INK, 2.6), ("white", 0.9)):  # seen on dark and on light cells
                edge = {"facecolor": "none", "edgecolor": shade, "linewidth": thick, "zorder": 4, "gid": "selected"}
                axes.add_patch(Rectangle((x + 0.04, y + 0.08), 0.92, 0.84, **edge))
    bar.yaxis.set_major_locator(MaxNLocator(nbins=4))
    bar.tick_params(labelsize=TICK_POINTS - 1, pad=1, length=1.5)
    bar.set_title("%", size=TICK_POINTS, loc="left", pad=3)
    bar.grid(False)


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraph under the figure."""
    told = []
    if rows:
        teachers = [run["teacher"] for run in finished_images(collected) if run["row"] == ROW]
        titles = {teacher.get("model_title") or teacher["model"] for teacher in teachers}
        told = [
            f"Validation accuracy of the student in %, mean over seeds. Taught by: {', '.join(sorted(titles))}.",
            "0: hard targets. Outlined: the best temperature of each teacher, chosen on these images.",
        ]
        grids = [grid(collected, network) for network in networks(collected)]
        cells = sum(len(smoothings) * len(temperatures) for smoothings, temperatures in grids)
        told += ["Grey: no finished run."] if len(rows) < cells else []
        counts = {row["n_seeds"] for row in rows}
        told += [f"Cells have {min(counts)} to {max(counts)} seeds."] if len(counts) > 1 else []
    return image_opening(collected, told)
