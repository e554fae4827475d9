"""Paper A, rank of the reference words against normalised entropy: one point a trained model, coloured by skew bin.

x: entropy of the predicted next-token distribution under the gold prefix, mean over the validation tokens, divided by
log V; y: zero-based rank of the gold token in the model's ordering of the vocabulary, mean within each sentence, then
over sentences (`entropyreg.measures.reference_rank`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from entropyreg.figures.footnotes import opening, ring
from entropyreg.figures.labels import label_points
from entropyreg.figures.panels import (
    is_first_across,
    limits_around,
    new_panels,
    say_empty,
    skew_bar,
    skew_points,
    stamp_smoke,
)
from entropyreg.figures.runs import DESCRIPTION, baseline_label, describe, finished_runs
from entropyreg.figures.style import TICK_POINTS

SPLIT = "valid"
BINS = ("[0, .25)", "[.25, .5)", "[.5, .75)", "[.75, 1]")  # the published ones; only the last contains its end
MEASURES = ("entropy_normalized", "reference_rank")
COLUMNS = (*DESCRIPTION, "skew_bin", "vocabulary_size", *MEASURES, "label")
X_LABEL = "normalised entropy H(p) / log V\n(validation, gold prefix)"
Y_LABEL = "mean rank of the reference"


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a finished run, in the collected order, with its bin of skews and its label."""
    rows = []
    for run, measures in finished_runs(collected, SPLIT):
        row = describe(collected, run, SPLIT) | {key: measures[key] for key in (*MEASURES, "vocabulary_size")}
        place = bin_of(run["skew"])
        rows.append(row | {"skew_bin": None if place is None else BINS[place], "label": baseline_label(run)})
    return rows


def bin_of(skew: float | None) -> int | None:
    """The place of a skew among `BINS`; None without a skew."""
    return None if skew is None else min(int(skew * len(BINS)), len(BINS) - 1)


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel a data set, the bins' colours above, scale and missing runs in the footnote."""
    figure, panels = new_panels([column["title"] for column in collected["columns"]], footnote(collected, rows))
    for axes, column in zip(panels, collected["columns"], strict=True):
        draw_panel(axes, [row for row in rows if row["column"] == column["task"]])
        if is_first_across(axes):
            axes.set_ylabel(Y_LABEL)
        stamp_smoke(collected, axes)
    skew_bar(figure, BINS)
    return figure


def draw_panel(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """The points of one data set with their direct labels."""
    axes.set_xlabel(X_LABEL)
    axes.set_xlim(0, 1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    if not rows:
        axes.set_ylim(0, 1)
        say_empty(axes)
        return
    places = [bin_of(row["skew"]) for row in rows]
    middles = [None if place is None else (place + 0.5) / len(BINS) for place in places]
    shown = [row | {"shown_skew": middle} for row, middle in zip(rows, middles, strict=True)]
    skew_points(axes, shown, *MEASURES)
    low, high = limits_around([row["reference_rank"] for row in rows], least_spread=1.0)
    axes.set_ylim(max(0.0, low), high)
    points = [(row["entropy_normalized"], row["reference_rank"]) for row in rows]
    texts = sorted({row["label"] for row in rows} - {""})
    labels = {text: [point for row, point in zip(rows, points, strict=True) if row["label"] == text] for text in texts}
    label_points(axes, labels, points, TICK_POINTS)


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraphs under the figure."""
    sizes = sorted({row["vocabulary_size"] for row in rows})
    listed = ", ".join(f"{size:,}" for size in sizes)
    sentences = [
        f"One point a run ({len(rows)}); rank 0 is the first choice.",
        *([f"V\u00a0=\u00a0{listed}."] if sizes else []),
    ]
    return [" ".join([*opening(collected, *sentences), *ring(rows)])]
