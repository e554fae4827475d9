"""Paper B, reliability of image classifiers: accuracy against confidence in 15 bins, hard, hard at its T, smoothed.

    x: mean confidence of a bin,    y: share of the bin's images that are classified rightly

Müller et al. 2019, Figure 2. Bins of the seeds are pooled: counts are added, means weighted with them. Under each
diagram: the images of each bin.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from entropyreg.figures.footnotes import counted
from entropyreg.figures.image_panels import empty_panel, new_grid, stamp
from entropyreg.figures.image_runs import (
    IMAGE_RUN,
    describe_image_run,
    finished_images,
    image_opening,
    networks,
    run_color,
    targets_name,
)
from entropyreg.figures.panels import is_first_across
from entropyreg.figures.runs import digits
from entropyreg.figures.style import FAINT, INK, TICK_POINTS

SERIES = {"hard": "X", "hard_scaled": "+", "smoothed": "^"}  # what is drawn, with its marker
COLUMNS = (
    *IMAGE_RUN,
    *("series", "split", "n_seeds", "temperature", "temperature_lowest", "temperature_highest", "ece"),
    *("bin", "count", "confidence", "accuracy"),
)
SPLIT = "valid"
FEW = 10  # images: a bin with fewer over all seeds is drawn pale
SQUARE, STRIP, BETWEEN = 1.69, 0.34, 0.07  # inches: the diagram, the strip of counts under it, and what is between
LINE = 0.115  # inches a line of the legend above a diagram


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a network, series and bin that has images; of several amounts of smoothing the selected one."""
    groups: dict[tuple, list[tuple[Mapping[str, Any], Mapping[str, Any], float]]] = {}
    for run in finished_images(collected, "calibration", "temperature"):
        if run["selected"] is False:
            continue
        calibration, scaled = run["measures"]["calibration"][SPLIT], run["measures"]["temperature"]["ece_all"]
        key = run["column"], run["model"], run["run"]
        groups.setdefault((*key, run["row"]), []).append((run, calibration, 1.0))
        if run["kind"] == "none":
            groups.setdefault((*key, "hard_scaled"), []).append((run, scaled[SPLIT], scaled["temperature"]))
    rows = []
    for (*_, series), members in groups.items():
        temperatures = [temperature for _, _, temperature in members]
        row = describe_image_run(collected, members[0][0]) | {"series": series, "split": SPLIT}
        row |= {"n_seeds": len(members), "temperature": sum(temperatures) / len(temperatures)}
        row |= {"temperature_lowest": min(temperatures), "temperature_highest": max(temperatures)}
        row["ece"] = sum(found["ece"] for _, found, _ in members) / len(members)
        rows += [row | one for one in pooled_bins([found["bins"] for _, found, _ in members])]
    return rows


def pooled_bins(seeds: Sequence[Mapping[str, Sequence]]) -> list[dict[str, Any]]:
    """{bin, count, confidence, accuracy} of the bins with images, over all seeds together."""
    rows = []
    for n, counts in enumerate(zip(*(bins["count"] for bins in seeds), strict=True)):
        total = sum(counts)
        if total:
            means = {
                key: sum(count * bins[key][n] for count, bins in zip(counts, seeds, strict=True) if count) / total
                for key in ("confidence", "accuracy")
            }
            rows.append({"bin": n, "count": total, **means})
    return rows


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel a network: legend with ECE, diagram, strip of counts."""
    shown = networks(collected)
    across = min(len(shown), 3)
    square = SQUARE if across == 3 else 2.3
    figure, panels = new_grid(
        [network.title for network in shown],
        footnote(collected, rows),
        across,
        panel=square + BETWEEN + STRIP,
        above=3 * LINE + 0.04,
    )
    height = figure.get_figheight()
    for axes, network in zip(panels, shown, strict=True):
        own = [row for row in rows if network.owns(row)]
        left, bottom, width, whole = axes.get_position().bounds
        low = (STRIP + BETWEEN) / height
        axes.set_position((left, bottom + low, width, whole - low))
        strip = figure.add_axes((left, bottom, width, STRIP / height), sharex=axes)
        draw_diagram(axes, own)
        draw_counts(strip, own)
        if is_first_across(axes):
            axes.set_ylabel("accuracy")
            strip.set_ylabel("images", size=TICK_POINTS)
            for one in (axes, strip):
                one.yaxis.set_label_coords(-0.36 / (width * figure.get_figwidth()), 0.5)
        stamp(collected, axes)
    return figure


def draw_diagram(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """The three curves, the line where accuracy is confidence, and the legend above."""
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axes.tick_params(labelbottom=False)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.6, linestyle=(0, (4, 3)), zorder=1.5, gid="identity")
    if not rows:
        empty_panel(axes)
        return
    for line, (series, points) in enumerate(curves(rows).items()):
        shade, marker = run_color(points[0]), SERIES[series]
        dashed = (0, (2, 1.5)) if series == "hard_scaled" else "-"
        for pale in (True, False):
            own = [row for row in points if (row["count"] < FEW) == pale]
            places = [[row[key] for row in own] for key in ("confidence", "accuracy")]
            look = {"color": shade, "alpha": 0.3 if pale else 1.0, "linewidths": 1.0 if marker == "+" else 0.3}
            axes.scatter(*places, s=20, marker=marker, zorder=3, clip_on=False, **look)
            if not pale:
                axes.plot(*places, color=shade, linewidth=0.9, linestyle=dashed, zorder=2.5, gid=series)
        up = 4 + (2 - line) * LINE * 72
        place = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom", "size": TICK_POINTS - 0.5}
        axes.annotate(curve_name(points[0]), (0, 1), (13, up), **place)
        axes.annotate(f"ECE {digits_of(points[0]['ece'])}", (1, 1), (0, up), ha="right", **place)
        height = 1 + (up + 4) / 72 / (axes.get_position().height * axes.figure.get_figheight())
        ends = [end / 72 / (axes.get_position().width * axes.figure.get_figwidth()) for end in (0, 5.5, 11)]
        sample = {"color": shade, "linewidth": 0.9, "linestyle": dashed, "clip_on": False, "transform": axes.transAxes}
        axes.plot(ends, [height] * 3, marker=marker, markersize=4, markevery=[1], **sample)


def draw_counts(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Bars of the images a bin, all seeds together, on a logarithmic axis."""
    axes.set_xlabel("confidence")
    if not rows:
        axes.set_yticks([])
        return
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axes.set_yscale("log")
    axes.set_ylim(0.7, 2 * max(row["count"] for row in rows))
    axes.yaxis.set_major_locator(LogLocator(base=100))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="y", which="minor", length=0)
    axes.tick_params(axis="y", labelsize=TICK_POINTS - 1)
    axes.grid(axis="x", color=FAINT)
    n_bins = 15
    shown = curves(rows)
    for place, (series, points) in enumerate(shown.items()):
        width = 0.86 / n_bins / len(shown)
        middle = [(row["bin"] + 0.07) / n_bins + (place + 0.5) * width for row in points]
        alpha = 0.45 if series == "hard_scaled" else 1.0
        counts = [row["count"] for row in points]
        axes.bar(middle, counts, width=width, color=run_color(points[0]), alpha=alpha, linewidth=0, zorder=2)


def curves(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """{series: its bins} in the order of `SERIES`."""
    found = {series: [row for row in rows if row["series"] == series] for series in SERIES}
    return {series: points for series, points in found.items() if points}


def curve_name(row: Mapping[str, Any]) -> str:
    """'hard, T = 1', 'hard, T = 2.31', 'smoothing .05'."""
    if row["kind"] != "none":
        return targets_name(row)
    return "hard, T = 1" if row["series"] == "hard" else f"hard, T = {row['temperature']:.2f}"


def digits_of(share: float) -> str:
    """Three decimals without the zero before the point."""
    return f"{share:.3f}".removeprefix("0")


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraph under the figure."""
    if not rows:
        return image_opening(collected, [])
    told = [
        "Validation images, 15 bins of equal width; seeds pooled in bins and counts; ECE and T are means over seeds.",
        "T: of least ECE on the same images, which flatters it.",
        f"Pale: under {FEW} images. Dashed line: accuracy = confidence.",
    ]
    hard = [run for run in finished_images(collected, "temperature") if run["kind"] == "none"]
    bound = sum(run["measures"]["temperature"]["ece_all"]["at_bound"] for run in hard)
    told += [f"T at an end of its range in {counted(bound, 'run')}."] if bound else []
    spread = {(row["temperature_lowest"], row["temperature_highest"]) for row in rows if row["series"] == "hard_scaled"}
    told += ["T over seeds: {:.2f} to {:.2f}.".format(*spread.pop())] if len(spread) == 1 else []
    chosen = [run for run in finished_images(collected) if run["selected"] is not None]
    others = sorted({run["smoothing"] for run in chosen if run["smoothing"]})
    if len(others) > 1:
        told.append(f"Smoothing: of {', '.join(map(digits, others))} the one of least mean validation ECE.")
    return image_opening(collected, told)
