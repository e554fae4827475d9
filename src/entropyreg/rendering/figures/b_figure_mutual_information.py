"""Paper B, estimated mutual information between training image and logits, over the updates of the training.

    x: updates; y: the estimate of `measures.mutual_information` in nats, L = 5 draws for the means, one shared variance

Müller et al. 2019, Figure 6. Thick: evaluated on fresh draws; thin: on the draws of the means themselves, which biases
it upwards. Lines: log 2 (only the class of the image is left) and the upper bound log N.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from entropyreg.rendering.figures.end_labels import EndLabel, write_end_labels
from entropyreg.rendering.figures.footnotes import counted
from entropyreg.rendering.figures.image_panels import empty_panel, new_grid, stamp
from entropyreg.rendering.figures.image_runs import (
    IMAGE_RUN,
    describe_image_run,
    finished_images,
    image_opening,
    mean_and_range,
    networks,
    run_color,
    targets_name,
)
from entropyreg.rendering.figures.panels import is_first_across
from entropyreg.rendering.figures.style import INK, TICK_POINTS

COLUMNS = (
    *IMAGE_RUN,
    *("curve", "draws", "variance", "sample", "classes", "n_inputs", "upper_bound", "n_seeds"),
    *("update", "mean", "lowest", "highest"),
)
DRAWS, VARIANCE = 5, "shared"
SAMPLES = {"fresh": 1.4, "same": 0.6}  # width of a curve
MARGIN = 0.85  # inches right of each panel, for the names of its curves


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a network, objective, sample and update, over the seeds that have it; the paper's form only."""
    groups: dict[tuple, list[tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]]] = {}
    for run in finished_images(collected, "mutual_information"):
        found = run["measures"]["mutual_information"]
        for curve in found["curves"]:
            if curve["draws"] == DRAWS and curve["variance"] == VARIANCE:
                key = run["column"], run["model"], run["run"], curve["sample"]
                groups.setdefault(key, []).append((run, found, curve))
    rows = []
    for members in groups.values():
        run, found, curve = members[0]
        row = describe_image_run(collected, run) | {key: curve[key] for key in ("draws", "variance", "sample")}
        row |= {"curve": targets_name(run), "classes": " and ".join(found["classes"])}
        row |= {key: found[key] for key in ("n_inputs", "upper_bound")}
        values: dict[int, list[float]] = {}
        for _, own, one in members:
            for update, value in zip(own["updates"], one["values"], strict=True):
                if value is not None:
                    values.setdefault(update, []).append(value)
        for update in sorted(values):
            at = {"update": update, "n_seeds": len(values[update])}
            rows.append(row | at | mean_and_range(values[update]))
    return rows


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel a network with named curves."""
    shown = networks(collected)
    titles = [network.title for network in shown]
    figure, panels = new_grid(titles, footnote(collected, rows), min(len(shown), 2), gap=0.4, names=MARGIN)
    for axes, network in zip(panels, shown, strict=True):
        if is_first_across(axes):
            axes.set_ylabel("estimated information (nats)")
        draw_panel(axes, [row for row in rows if network.owns(row)])
        stamp(collected, axes)
    return figure


def draw_panel(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """The curves of one network, the two lines, and the names of all of them at the right."""
    axes.set_xlabel("updates")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10], integer=True, min_n_ticks=2))
    axes.xaxis.set_major_formatter(lambda value, _: thousands(value))
    bounds = {row["n_inputs"]: row["upper_bound"] for row in rows}
    highest = max([math.log(2), *(row["highest"] for row in rows)])
    lines = {"log 2": math.log(2)}
    if not rows or highest > min(bounds.values()) / 2:  # else curves that stay low would be flat: the footnote says it
        lines |= {f"log {size}": bound for size, bound in bounds.items()}
    most = max(highest, *lines.values())
    lowest = min([0.0, *(row["lowest"] for row in rows)])
    axes.set_ylim(lowest - (0.03 * most if lowest < 0 else 0), 1.06 * most)
    if not rows:
        empty_panel(axes)
        return
    axes.set_xlim(0, max(max(row["update"] for row in rows), 1))
    end = axes.get_xlim()[1]
    names = []
    for text, height in lines.items():
        axes.axhline(height, color=INK, linewidth=0.6, linestyle=(0, (4, 3)), zorder=1.5)
        names.append(EndLabel(end, height, text, INK))
    for (name, sample), points in curves(rows).items():
        shade, width = run_color(points[0]), SAMPLES[sample]
        x, y = ([row[key] for row in points] for key in ("update", "mean"))
        axes.plot(x, y, color=shade, linewidth=width, zorder=3, gid=f"{name}, {sample}")
        if sample == "fresh":
            low, high = ([row[key] for row in points] for key in ("lowest", "highest"))
            axes.fill_between(x, low, high, color=shade, alpha=0.2, linewidth=0, zorder=2)
        names.append(EndLabel(x[-1], y[-1], name if sample == "fresh" else "  same draws", INK))
    write_end_labels(axes, names, TICK_POINTS - 0.5)


def curves(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """{(name, sample): points of the curve}."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["curve"], row["sample"]), []).append(row)
    return found


def thousands(updates: float) -> str:
    """'500', '20k'."""
    return f"{updates / 1000:g}k" if updates >= 1000 else f"{updates:g}"


def bounds_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """', log 300 = 5.70': said here, because it lies above a panel whose curves stay low."""
    bounds = sorted({row["n_inputs"]: row["upper_bound"] for row in rows}.items())
    return "".join(f", log {size} = {bound:.2f}" for size, bound in bounds)


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraph under the figure."""
    told = []
    if rows:
        titles = {one["task"]: one["title"] for one in collected["columns"]}
        images = {(row["column"], row["n_inputs"], row["classes"]) for row in rows}
        told += [f"{titles[task]}: {n} training images, {classes}." for task, n, classes in sorted(images)]
        told += [
            f"L = {DRAWS} draws, shared variance, evaluated on fresh draws: mean over seeds, band: lowest to highest.",
            "Thin: on the draws of the mean itself, biased upwards.",
            f"Dashed: log 2, the class alone, and, if it fits, log N, the most that can be found{bounds_text(rows)}.",
        ]
    absent = sum(not run["measures"].get("mutual_information") for run in finished_images(collected))
    told += [f"{counted(absent, 'finished run')} without this measure."] if absent else []
    return image_opening(collected, told)
