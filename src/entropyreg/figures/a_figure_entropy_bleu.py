"""Paper A, BLEU against normalised entropy: one point a trained model, coloured by its skew.

x: entropy of the predicted next-token distribution under the gold prefix, mean over the validation tokens, divided by
log V; y: BLEU of the beam-search translation of the validation set. A run without measures is counted in the footnote.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from entropyreg.figures.footnotes import opening, ring, signatures
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
from entropyreg.figures.runs import baseline_label, describe, finished_runs
from entropyreg.figures.style import TICK_POINTS

SPLIT = "valid"
COLUMNS = (
    *("artefact", "scale", "column", "column_title", "row", "run", "model", "family", "skew", "strength", "smoothing"),
    *("baseline", "seed", "predicted_entropy", "split", "entropy_normalized", "bleu", "bleu_signature", "label"),
)
X_LABEL = "normalised entropy H(p) / log V\n(validation, gold prefix)"
Y_LABEL = "BLEU (validation, beam search)"


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a finished run (once, also where it fills several cells), in the collected order, with its label."""
    rows = []
    for run, measures in finished_runs(collected, SPLIT):
        row = describe(collected, run, SPLIT) | {"label": baseline_label(run)}
        row |= {key: measures[key] for key in ("entropy_normalized", "bleu", "bleu_signature")}
        rows.append(row | {"predicted_entropy": run.get("predicted_entropy")})
    return rows


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel a data set, the skew's colour bar above, scale and missing runs in the footnote."""
    figure, panels = new_panels([column["title"] for column in collected["columns"]], footnote(collected, rows))
    for axes, column in zip(panels, collected["columns"], strict=True):
        draw_panel(axes, [row for row in rows if row["column"] == column["task"]])
        if is_first_across(axes):
            axes.set_ylabel(Y_LABEL)
        stamp_smoke(collected, axes)
    skew_bar(figure)
    return figure


def draw_panel(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """The points of one data set with their direct labels."""
    axes.set_xlabel(X_LABEL)
    axes.set_xlim(0, 1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))  # short tick labels: the margin is fixed
    skew_points(axes, rows, "entropy_normalized", "bleu")
    if not rows:
        axes.set_ylim(0, 1)
        say_empty(axes)
        return
    low, high = limits_around([row["bleu"] for row in rows], least_spread=1.0)
    axes.set_ylim(max(0.0, low), high)
    points = [(row["entropy_normalized"], row["bleu"]) for row in rows]
    texts = sorted({row["label"] for row in rows} - {""})
    labels = {text: [point for row, point in zip(rows, points, strict=True) if row["label"] == text] for text in texts}
    label_points(axes, labels, points, TICK_POINTS)


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraphs under the figure."""
    sentences = [*opening(collected, f"One point a run ({len(rows)})."), *ring(rows)]
    return [" ".join(sentences), *signatures(rows)]
