"""Paper A, BLEU against normalised entropy: one point a trained model, coloured by its skew.

x: entropy of the predicted next-token distribution under the gold prefix, mean over the validation tokens, divided by
log V; y: BLEU of the beam-search translation of the validation set. A run without measures is counted in the footnote.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from entropyreg.figures.labels import label_points
from entropyreg.figures.style import (
    COLUMN_INCHES,
    FAMILIES,
    INK,
    LABEL_POINTS,
    NOTE_POINTS,
    PAGE_INCHES,
    SKEW_COLORS,
    TICK_POINTS,
    WARNING,
    color,
    family,
    new_figure,
)
from entropyreg.tables.collected import SMOKE_STAMP, is_smoke, missing_text, scale_line

SPLIT = "valid"
COLUMNS = (
    *("artefact", "scale", "column", "column_title", "row", "run", "model", "family", "skew", "strength", "smoothing"),
    *("baseline", "seed", "predicted_entropy", "split", "entropy_normalized", "bleu", "bleu_signature", "label"),
)
X_LABEL = "normalised entropy H(p) / log V\n(validation, gold prefix)"
Y_LABEL = "BLEU (validation, beam search)"
PANEL_INCHES = 2.05  # height of one panel
LEFT, RIGHT, TOP, TITLE, GAP, X_AXIS = 0.56, 0.12, 0.5, 0.18, 0.5, 0.53  # inches around the panels
NOTE_LINE = 0.095  # inches a line of the footnote
POINT_AREA = 26  # square points


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a finished run (once, also where it fills several cells), in the collected order, with its label."""
    titles = {column["task"]: column["title"] for column in collected["columns"]}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for run in collected["rows"]:
        measures = (run["measures"] or {}).get(SPLIT)
        if run["status"] != "done" or not measures:
            continue
        row = {key: run[key] for key in ("column", "row", "run", "model", "skew", "strength", "smoothing", "baseline")}
        row |= {key: measures[key] for key in ("entropy_normalized", "bleu", "bleu_signature")}
        row |= {"artefact": collected["artefact"], "scale": collected["scale"], "split": SPLIT, "seed": run["seed"]}
        row |= {"column_title": titles[run["column"]], "family": family(run["skew"]), "label": label(run)}
        rows.setdefault((run["column"], run["run"]), row | {"predicted_entropy": run.get("predicted_entropy")})
    return list(rows.values())


def label(run: Mapping[str, Any]) -> str:
    """The direct label: only the two baselines of the paper have one."""
    if run["skew"] is None:
        return FAMILIES["none"].label
    standard = run["smoothing"] is not None and math.isclose(run["smoothing"], 0.1, rel_tol=1e-6)
    return "label smoothing .1" if run["skew"] == 1 and standard and run["baseline"] == "uniform" else ""


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel a data set, the skew's colour bar above, scale and missing runs in the footnote."""
    columns = collected["columns"]
    across = min(3, len(columns))
    down = math.ceil(len(columns) / across)
    width = COLUMN_INCHES if across == 1 else PAGE_INCHES
    note = footnote(collected, rows, width)
    bottom = X_AXIS + NOTE_LINE * len(note) + 0.06
    height = TOP + down * (PANEL_INCHES + TITLE) + (down - 1) * X_AXIS + bottom
    figure = new_figure(width, height)
    panel = (width - LEFT - RIGHT - GAP * (across - 1)) / across
    for position, column in enumerate(columns):
        line, place = divmod(position, across)
        low = height - TOP - (line + 1) * (PANEL_INCHES + TITLE) - line * X_AXIS
        left = LEFT + place * (panel + GAP)
        axes = figure.add_axes((left / width, low / height, panel / width, PANEL_INCHES / height))
        draw_panel(axes, [row for row in rows if row["column"] == column["task"]])
        axes.set_title(column["title"], loc="left", pad=3)
        if place == 0:
            axes.set_ylabel(Y_LABEL)
        if is_smoke(collected):
            stamp(axes)
    bar = figure.add_axes((LEFT / width, 1 - 0.3 / height, (width - LEFT - RIGHT) / width, 0.07 / height))
    draw_bar(bar)
    figure.text(0.06 / width, 0.05 / height, "\n".join(note), size=NOTE_POINTS, va="bottom", linespacing=1.2)
    return figure


def draw_panel(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """The points of one data set with their direct labels."""
    axes.set_xlabel(X_LABEL)
    axes.set_xlim(0, 1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))  # short tick labels: the margin is fixed
    for name, kind in FAMILIES.items():
        members = [row for row in rows if row["family"] == name]
        if members:
            axes.scatter(
                [row["entropy_normalized"] for row in members],
                [row["bleu"] for row in members],
                s=POINT_AREA,
                c=[color(row["skew"]) for row in members],
                marker=kind.marker,
                linewidths=[1.1 if row["label"] else 0.3 for row in members],
                edgecolors=[INK if row["label"] else "white" for row in members],
                zorder=3,
                gid=name,
            )
    unigram = [row for row in rows if row["baseline"] == "unigram"]
    if unigram:
        places = [[row[key] for row in unigram] for key in ("entropy_normalized", "bleu")]
        axes.scatter(*places, s=62, facecolors="none", edgecolors=INK, linewidths=0.6, zorder=2, gid="unigram")
    if not rows:
        axes.set_ylim(0, 1)
        axes.text(0.5, 0.4, "no finished run", transform=axes.transAxes, ha="center", size=LABEL_POINTS)
        return
    values = [row["bleu"] for row in rows]
    spread = max(max(values) - min(values), 1.0)
    axes.set_ylim(max(0.0, min(values) - 0.15 * spread), max(values) + 0.15 * spread)
    points = [(row["entropy_normalized"], row["bleu"]) for row in rows]
    texts = sorted({row["label"] for row in rows} - {""})
    labels = {text: [point for row, point in zip(rows, points, strict=True) if row["label"] == text] for text in texts}
    label_points(axes, labels, points, TICK_POINTS)


def stamp(axes: Axes) -> None:
    """Say across the panel, behind its points, that they mean nothing."""
    text = SMOKE_STAMP.replace(": ", ":\n")
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=WARNING, size=14, zorder=1)


def draw_bar(axes: Axes) -> None:
    """The colour of each skew with the markers of the family: it is the legend."""
    axes.figure.colorbar(ScalarMappable(Normalize(0, 1), SKEW_COLORS), cax=axes, orientation="horizontal")
    dot = FAMILIES["skew_jensen"].symbol
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["skew 0", f"{dot} .25", f"{dot} .5", f"{dot} .75", "1"])
    axes.tick_params(length=1.5, pad=1)
    axes.grid(False)
    for skew, side, away in ((0.0, "left", 9), (1.0, "right", -9)):
        kind = FAMILIES[family(skew)]
        place = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom", "size": TICK_POINTS}
        axes.annotate(kind.symbol, (skew, 1), (0, 3), ha=side, color=color(skew), **place)
        axes.annotate(kind.label, (skew, 1), (away, 3), ha=side, **place)


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], width: float) -> list[str]:
    """The lines under the figure: scale and seeds, what a point is, missing runs, the metric's signature."""
    sentences = [f"{scale_line(collected)}.", f"One point a run ({len(rows)})."]
    missing = missing_text(collected["rows"])
    if missing:
        sentences.append(f"{missing[0].upper()}{missing[1:]}.")
    if any(row["baseline"] == "unigram" for row in rows):
        sentences.append("Ring: unigram baseline.")
    signatures = sorted({row["bleu_signature"] for row in rows})
    paragraphs = [" ".join(sentences), *(f"BLEU: {signature}" for signature in signatures)]
    return [line for paragraph in paragraphs for line in textwrap.wrap(paragraph, int(width * 24))]
