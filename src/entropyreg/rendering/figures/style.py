"""One look for all figures: fonts, widths, and a colour and a marker for each regularizer that never change.

A member of the skew-Jensen family is coloured by its skew, on a scale that rises in lightness and stays readable for
colour-blind eyes and in grey; its marker says whether it is an end of the family. No regularizer is black. Hollow
markers are kept for published values.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from entropyreg.experiments.kinds import by_kind

COLUMN_INCHES, PAGE_INCHES = 3.25, 6.75  # widths of one and of two columns of a paper
LABEL_POINTS, TICK_POINTS, NOTE_POINTS = 8, 7, 5.5
INK, FAINT, WARNING = "#222222", "#dddddd", "#b3001b"
SKEW_COLORS = LinearSegmentedColormap.from_list("skew", matplotlib.colormaps["plasma"](range(0, 212)))  # not yellow
FONT = "DejaVu Sans"  # comes with matplotlib
PARAMETERS = {
    "font.family": FONT,
    "font.size": TICK_POINTS,
    "mathtext.fontset": "dejavusans",
    "axes.labelsize": LABEL_POINTS,
    "axes.titlesize": LABEL_POINTS,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_locale": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.4,
    "text.color": INK,
    "text.usetex": False,
    "xtick.labelsize": TICK_POINTS,
    "ytick.labelsize": TICK_POINTS,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 5,
    "legend.frameon": False,
    "legend.fontsize": TICK_POINTS,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "savefig.dpi": 300,
    "savefig.bbox": None,
}


@dataclass(frozen=True)
class Family:
    """How a kind of regularizer is drawn and named; `symbol` is its marker as a character.

    `color` is that of a kind without a skew; the others have the colour of theirs.
    """

    label: str
    marker: str
    symbol: str
    color: str | None = None


FAMILIES = {
    "none": Family("no regularizer", "X", "✖"),
    "confidence_penalty": Family("confidence penalty", "s", "■"),
    "skew_jensen": Family("between", "o", "●"),
    "label_smoothing": Family("label smoothing", "^", "▲"),
}

MARKS = {**FAMILIES, "euclidean": Family("Euclidean", "*", "★", "#00868b")}
DATA_SETS = (("#004d38", "d"), ("#5ab4e5", "v"), ("#a3962b", "P"), ("#8c8c8c", "h"))  # colour and marker of each


def data_set_look(position: int) -> tuple[str, str]:
    """Colour and marker of a figure's data set, by its place among the columns: neither is a regularizer's."""
    return DATA_SETS[position % len(DATA_SETS)]


def color(skew: float | None, kind: str | None = None) -> Any:
    """The colour of a skew, the same in every figure; `kind` tells one without a skew from no regularizer."""
    if kind is not None and (own := by_kind(MARKS, kind).color):
        return own
    return INK if skew is None else SKEW_COLORS(float(skew))


@contextmanager
def style(name: str) -> Iterator[None]:
    """matplotlib's own defaults and ours, whatever the user's matplotlibrc says; `name` seeds the ids inside SVGs."""
    defaults: Mapping[str, Any] = {k: v for k, v in matplotlib.rcParamsDefault.items() if k != "backend"}
    with matplotlib.rc_context():
        matplotlib.rcParams.update({**defaults, **PARAMETERS, "svg.hashsalt": name})
        yield


def new_figure(width: float, height: float) -> Figure:
    """A figure of that size in inches with an Agg canvas: no window system and no pyplot state."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure
