"""Paper B, penultimate activations of three classes in the plane through their three templates.

    coordinates Q^T x,  Q R = [w_1 - w_3, w_2 - w_3]: see `measures.penultimate`

Müller et al. 2019, Figure 1: training and validation images without and with smoothing, one line a triplet of classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from entropyreg.rendering.figures.image_runs import (
    IMAGE_RUN,
    describe_image_run,
    finished_images,
    image_opening,
    networks,
)
from entropyreg.rendering.figures.projection_lines import POINT_COLUMNS, draw_lines, lines_of, most_points, point_rows

COLUMNS = (*IMAGE_RUN, *POINT_COLUMNS)


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row an image or template, for each run's first seed, triplet and split; `triplet` counts from 0 in a run."""
    rows = []
    for run in finished_images(collected, "projection"):
        described = describe_image_run(collected, run) | {"seed": run["seed"]}
        rows += point_rows(described, run["measures"]["projection"], "image")
    return rows


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Four panels a line; the two of a network share their scale."""
    return draw_lines(collected, lines_of(networks(collected), rows), footnote(collected, rows))


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraph under the figure."""
    if not rows:
        return image_opening(collected, [])
    seeds = sorted({row["seed"] for row in rows})
    told = [
        f"Shown: seed {', '.join(map(str, seeds))}, up to {most_points(rows)} images a class. Large crosses: the "
        "templates of the three classes (rows of the last layer with their bias).",
        "Axes: coordinates in the plane, without unit; the two panels of a network share one scale, which differs "
        "between networks.",
    ]
    return image_opening(collected, told)
