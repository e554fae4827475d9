"""Paper B, reliability of image classifiers: accuracy against confidence in 15 bins, hard, hard at its T, smoothed.

    x: mean confidence of a bin,    y: share of the bin's images that are classified rightly

Müller et al. 2019, Figure 2. Bins of the seeds are pooled and drawn as in `figures.reliability`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from entropyreg.rendering.figures.footnotes import counted
from entropyreg.rendering.figures.image_panels import new_grid, stamp
from entropyreg.rendering.figures.image_runs import (
    IMAGE_RUN,
    describe_image_run,
    finished_images,
    image_opening,
    networks,
)
from entropyreg.rendering.figures.reliability import (
    BETWEEN,
    FEW,
    STRIP,
    Look,
    curve_name,
    draw_reliability,
    legend_room,
    series_rows,
)
from entropyreg.rendering.figures.runs import digits

SERIES = {"hard": "X", "hard_scaled": "+", "smoothed": "^"}  # what is drawn, with its marker
COLUMNS = (
    *IMAGE_RUN,
    *("series", "split", "n_seeds", "temperature", "temperature_lowest", "temperature_highest", "ece"),
    *("bin", "count", "confidence", "accuracy"),
)
SPLIT = "valid"
SQUARE = 1.69  # inches: a diagram


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a network, series and bin that has images; of several amounts of smoothing the selected one."""
    groups: dict[tuple, tuple[Mapping[str, Any], list[tuple[Mapping[str, Any], float]]]] = {}
    for run in finished_images(collected, "calibration", "temperature"):
        if run["selected"] is False:
            continue
        calibration, scaled = run["measures"]["calibration"][SPLIT], run["measures"]["temperature"]["ece_all"]
        key = run["column"], run["model"], run["run"]
        groups.setdefault((*key, run["row"]), (run, []))[1].append((calibration, 1.0))
        if run["kind"] == "none":
            groups.setdefault((*key, "hard_scaled"), (run, []))[1].append((scaled[SPLIT], scaled["temperature"]))
    rows = []
    for (*_, series), (run, members) in groups.items():
        rows += series_rows(describe_image_run(collected, run) | {"series": series, "split": SPLIT}, members)
    return rows


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel a network: legend with ECE, diagram, strip of counts."""
    shown = networks(collected)
    across = min(len(shown), 3)
    square = SQUARE if across == 3 else 2.3
    look = Look(SERIES, curve_name, "images")
    figure, panels = new_grid(
        [network.title for network in shown],
        footnote(collected, rows),
        across,
        panel=square + BETWEEN + STRIP,
        above=legend_room(look.lines),
    )
    for axes, network in zip(panels, shown, strict=True):
        draw_reliability(axes, [row for row in rows if network.owns(row)], look)
        stamp(collected, axes)
    return figure


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
