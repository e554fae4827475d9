"""Paper A, gain in BLEU against normalised entropy, all data sets in one panel: one point a trained model.

x: entropy of the predicted next-token distribution under the gold prefix, mean over the validation tokens, divided by
log V; y: BLEU of the validation translations minus BLEU of the unregularized run of the same data set, model and seed.
A run without that partner has no gain: it is counted in the footnote, not drawn.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from entropyreg.rendering.figures.footnotes import counted, opening, ring, signatures
from entropyreg.rendering.figures.panels import (
    LEGEND_LINE,
    POINT_AREA,
    RING_AREA,
    legend_above,
    limits_around,
    new_panels,
    say_empty,
    stamp_smoke,
)
from entropyreg.rendering.figures.runs import DESCRIPTION, describe, finished_runs, is_unregularized
from entropyreg.rendering.figures.style import FAMILIES, INK, data_set_look

SPLIT = "valid"
MEASURES = ("entropy_normalized", "bleu", "bleu_signature")
COLUMNS = (*DESCRIPTION, *MEASURES, "unregularized_bleu", "bleu_gain")
X_LABEL = "normalised entropy H(p) / log V\n(validation, gold prefix)"
Y_LABEL = "gain in BLEU (validation)"
PANEL_INCHES = 2.3


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a finished run, in the collected order; gain None where no unregularized run has its seed."""
    runs = list(finished_runs(collected, SPLIT))
    without = {partner(run): measures["bleu"] for run, measures in runs if is_unregularized(run)}
    rows = []
    for run, measures in runs:
        base = without.get(partner(run))
        row = describe(collected, run, SPLIT) | {key: measures[key] for key in MEASURES}
        rows.append(row | {"unregularized_bleu": base, "bleu_gain": None if base is None else measures["bleu"] - base})
    return rows


def partner(run: Mapping[str, Any]) -> tuple[str, str, int]:
    """What a run has in common with the unregularized run that its BLEU is set against."""
    return run["column"], run["model"], run["seed"]


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel with a colour and a marker a data set, named above it."""
    columns = collected["columns"]
    entries = [entry(position, column["title"]) for position, column in enumerate(columns)]
    entries.append(Line2D([], [], linestyle="", marker="x", color=INK, label=f"{FAMILIES['none'].label}, any data set"))
    top = 0.1 + LEGEND_LINE * len(entries)
    figure, (axes,) = new_panels([""], footnote(collected, rows), top=top - 0.1, panel=PANEL_INCHES)
    legend_above(figure, entries)
    axes.set_xlabel(X_LABEL)
    axes.set_ylabel(Y_LABEL)
    axes.set_xlim(0, 1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.axhline(0, color=INK, linewidth=0.6, zorder=1.5)
    stamp_smoke(collected, axes)
    drawn = [row for row in rows if row["bleu_gain"] is not None]
    if not drawn:
        axes.set_ylim(-1, 1)
        say_empty(axes, "no run with a partner" if rows else "no finished run")
        return figure
    axes.set_ylim(*limits_around([row["bleu_gain"] for row in drawn] + [0.0], least_spread=1.0))
    for position, column in enumerate(columns):
        shade, marker = data_set_look(position)
        own = [row for row in drawn if row["column"] == column["task"]]
        bare = [row for row in own if row["family"] == "none"]
        other = [row for row in own if row["family"] != "none"]
        filled = {"s": POINT_AREA, "color": shade, "edgecolors": "white", "linewidths": 0.3, "zorder": 3}
        axes.scatter(*places(other), marker=marker, gid=column["task"], **filled)
        axes.scatter(*places(bare), marker="x", s=POINT_AREA, color=shade, zorder=4, gid=f"{column['task']}-none")
    unigram = [row for row in drawn if row["baseline"] == "unigram"]
    if unigram:
        axes.scatter(*places(unigram), s=RING_AREA, facecolors="none", edgecolors=INK, linewidths=0.6, gid="unigram")
    return figure


def entry(position: int, title: str) -> Line2D:
    """The legend's entry of a data set."""
    shade, marker = data_set_look(position)
    look = {"marker": marker, "markersize": POINT_AREA**0.5, "markeredgecolor": "white", "markeredgewidth": 0.3}
    return Line2D([], [], linestyle="", color=shade, label=title, **look)


def places(rows: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    """The x and y of the rows."""
    return [row["entropy_normalized"] for row in rows], [row["bleu_gain"] for row in rows]


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraphs under the figure."""
    drawn = [row for row in rows if row["bleu_gain"] is not None]
    sentences = [f"One point a run ({len(drawn)}). Gain: over the unregularized run of the same seed."]
    if len(drawn) < len(rows):
        alone = counted(len(rows) - len(drawn), "finished run")
        sentences.append(f"Not drawn: {alone} without an unregularized run of the same data set, model and seed.")
    return [" ".join([*opening(collected, *sentences), *ring(drawn)]), *signatures(rows)]
