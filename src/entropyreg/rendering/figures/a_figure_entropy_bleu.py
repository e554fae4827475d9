"""Paper A, BLEU against normalised entropy: one point a trained model, coloured by its skew.

x: entropy of the predicted next-token distribution under the gold prefix, mean over the validation tokens, divided by
log V; y: BLEU of the beam-search translation of the validation set. A run without measures is counted in the footnote.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from entropyreg.rendering.figures.entropy_panels import draw_entropy_panels, noise_note
from entropyreg.rendering.figures.footnotes import opening, ring, signatures
from entropyreg.rendering.figures.runs import baseline_label, describe, finished_runs

SPLIT = "valid"
COLUMNS = (
    *("artefact", "scale", "column", "column_title", "row", "run", "model", "family", "skew", "strength", "smoothing"),
    *("baseline", "seed", "predicted_entropy", "split", "entropy_normalized", "bleu", "bleu_low", "bleu_high"),
    *("bleu_signature", "label"),
)


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a finished run (once, also where it fills several cells), in the collected order, with its label."""
    rows = []
    for run, measures in finished_runs(collected, SPLIT):
        row = describe(collected, run, SPLIT) | {"label": baseline_label(run)}
        row |= {key: measures[key] for key in ("entropy_normalized", "bleu", "bleu_signature")}
        low, high = (run.get("intervals") or {}).get(SPLIT, {}).get("bleu", (None, None))
        rows.append(row | {"bleu_low": low, "bleu_high": high, "predicted_entropy": run.get("predicted_entropy")})
    return rows


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel a data set, the skew's colour bar above, scale and missing runs in the footnote."""
    return draw_entropy_panels(collected, rows, footnote(collected, rows), "bleu", "BLEU (validation, beam search)")


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraphs under the figure."""
    sentences = [*opening(collected, f"One point a run ({len(rows)})."), *ring(rows), *noise_note(rows, "bleu")]
    return [" ".join(sentences), *signatures(rows)]
