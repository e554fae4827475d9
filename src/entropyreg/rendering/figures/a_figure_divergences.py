"""Paper A, members of the family on two outcomes: J(u || p) between the uniform and a Bernoulli distribution.

Skew 1 is KL(u || p), the inclusive KL divergence (label smoothing), skew 0 KL(p || u), the exclusive one (confidence
penalty; names after Minka 2005); the member with the Euclidean generator is ||u - p||^2. Formulas, no run.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from entropyreg.experiments.kinds import kind_of
from entropyreg.measures.bernoulli_divergence import euclidean, skew_jensen
from entropyreg.rendering.figures.end_labels import EndLabel, write_end_labels
from entropyreg.rendering.figures.panels import new_panels
from entropyreg.rendering.figures.style import TICK_POINTS, color

COLUMNS = ("artefact", "curve", "generator", "skew", "probability", "divergence")
SKEWS = (1.0, 0.75, 0.5, 0.25, 0.0)
POINTS = 401
CUT = 1.4  # height of the y axis: above the largest bounded curve drawn, skew .75 with 1.085
MARGIN = 0.72  # inches for the names at the right
WIDTHS = {0.0: 1.7, 1.0: 1.7}  # the two classic regularizers stand out
NAMES = {1.0: "skew 1", 0.75: ".75", 0.5: ".5 (4 JS)", 0.25: ".25", 0.0: "skew 0"}
TOLD = (
    (1.0, "inclusive KL(u || p)", "label smoothing"),
    (0.0, "exclusive KL(p || u)", "confidence penalty"),
)


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a point of each curve; `divergence` in nats, inf at both ends of skew 1."""
    probability = np.linspace(0.0, 1.0, POINTS)
    curves = [(f"skew {skew:g}", "entropy", skew, skew_jensen(probability, skew)) for skew in SKEWS]
    curves.append(("Euclidean", "euclidean", None, euclidean(probability)))
    return [
        dict(zip(COLUMNS, (collected["artefact"], *kind, x, y), strict=True))
        for *kind, values in curves
        for x, y in zip(probability.tolist(), values.tolist(), strict=True)
    ]


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel with a named curve a member."""
    note = f"Exact values, no run. The axis is cut at {CUT:g}: only skew 1 has no bound at 0 and 1."
    figure, (axes,) = new_panels([""], [note], top=0.0, x_axis=0.4)
    left, bottom, width, height = axes.get_position().bounds
    axes.set_position((left, bottom, width - MARGIN / figure.get_figwidth(), height))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, CUT)
    axes.set_xlabel("p(X = 1)")
    axes.set_ylabel("J(u || p) in nats")
    ends = []
    for curve in dict.fromkeys(row["curve"] for row in rows):
        points = [row for row in rows if row["curve"] == curve]
        skew = points[0]["skew"]
        shade = color(skew, kind_of(skew, points[0]["generator"]))
        line = {"linewidth": WIDTHS.get(skew, 1.0), "linestyle": (0, (3, 2)) if skew is None else "-"}
        x, y = ([row[key] for row in points] for key in ("probability", "divergence"))
        axes.plot(x, y, color=shade, gid=curve, zorder=3, solid_capstyle="butt", **line)
        last = max(n for n, height in enumerate(y) if height <= CUT)
        ends.append(EndLabel(x[last], min(y[-1], CUT), NAMES.get(skew, "Euclidean"), shade))
    write_end_labels(axes, ends, TICK_POINTS)
    for line, (skew, name, regularizer) in enumerate(TOLD):
        place = {"ha": "center", "va": "top", "color": color(skew), "size": TICK_POINTS, "transform": axes.transAxes}
        axes.text(0.5, 0.93 - 0.2 * line, f"skew {skew:g}: {name},\n{regularizer}", linespacing=1.25, **place)
    return figure
