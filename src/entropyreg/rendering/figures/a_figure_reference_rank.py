"""Paper A, rank of the reference words against normalised entropy: one point a trained model, coloured by skew bin.

x: entropy of the predicted next-token distribution under the gold prefix, mean over the validation tokens, divided by
log V; y: zero-based rank of the gold token in the model's ordering of the vocabulary, mean within each sentence, then
over sentences (`entropyreg.measuring.records`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from entropyreg.rendering.figures.entropy_panels import draw_entropy_panels
from entropyreg.rendering.figures.footnotes import opening, ring
from entropyreg.rendering.figures.runs import DESCRIPTION, baseline_label, describe, finished_runs

SPLIT = "valid"
BINS = ("[0, .25)", "[.25, .5)", "[.5, .75)", "[.75, 1]")  # the published ones; only the last contains its end
MEASURES = ("entropy_normalized", "reference_rank")
COLUMNS = (*DESCRIPTION, "skew_bin", "vocabulary_size", *MEASURES, "label")
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
    shown = [row | {"shown_skew": shown_skew(row["skew"])} for row in rows]
    note = footnote(collected, rows)
    return draw_entropy_panels(collected, shown, note, "reference_rank", Y_LABEL, BINS)


def shown_skew(skew: float | None) -> float | None:
    """The skew whose colour is shown: the middle of the bin, but an end of the family keeps its own; None without."""
    place = bin_of(skew)
    return skew if place is None or skew in (0, 1) else (place + 0.5) / len(BINS)


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraphs under the figure."""
    sizes = sorted({row["vocabulary_size"] for row in rows})
    listed = ", ".join(f"{size:,}" for size in sizes)
    sentences = [
        f"One point a run ({len(rows)}); rank 0 is the first choice.",
        *([f"V\u00a0=\u00a0{listed}."] if sizes else []),
    ]
    return [" ".join([*opening(collected, *sentences), *ring(rows)])]
