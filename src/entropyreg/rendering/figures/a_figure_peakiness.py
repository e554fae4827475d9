"""Paper A, how sure the models are of their next word: histograms of the maximum probability, one panel a regularizer.

The maximum probability of the predicted next-token distribution under the gold prefix is counted over the validation
tokens in 20 equal bins of [0, 1]; the seeds of a regularizer are pooled: their counts are added, then divided by the
number of their tokens. The unregularized model is the outline in every panel. Only the first data set is shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from entropyreg.io.errors import UserError
from entropyreg.rendering.figures.footnotes import counted, opening
from entropyreg.rendering.figures.panels import (
    LEGEND_LINE,
    is_first_across,
    legend_above,
    new_panels,
    say_empty,
    stamp_smoke,
)
from entropyreg.rendering.figures.runs import family_of, finished_runs, regularizer_name
from entropyreg.rendering.figures.style import FAINT, INK, TICK_POINTS, color
from entropyreg.rendering.tables.collected import short_reason

SPLIT, MEASURE = "valid", "confidence_histogram"
COLUMNS = (
    *("artefact", "scale", "column", "column_title", "row", "model", "regularizer", "family", "skew", "strength"),
    *("smoothing", "baseline", "split", "status", "reason", "seeds", "n_seeds", "n_tokens"),
    *("bin_low", "bin_high", "count", "share_percent"),
)
ROW_NAMES = {  # where no run of a table's row is finished, so that its regularizer may not be known
    "none": "no regularizer",
    "label_smoothing_0.1": "label smoothing .1",
    "label_smoothing_tuned": "label smoothing, tuned",
    "confidence_penalty": "confidence penalty",
    "ger": "skew and strength tuned",
}
X_LABEL = "maximum probability\n(validation, gold prefix)"
Y_LABEL = "share of tokens (%)"
PANEL_INCHES = 1.25


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a regularizer and bin, in the collected order; one row without a bin for a regularizer without a run."""
    rows = []
    for column in collected["columns"][:1]:
        done = {run["run"]: measures for run, measures in finished_runs(collected, SPLIT)}
        for members in groups(run for run in collected["rows"] if run["column"] == column["task"]):
            runs = {run["run"]: run for run in members if run["status"] == "done" and run["run"] in done}
            about = {"artefact": collected["artefact"], "scale": collected["scale"], "split": SPLIT}
            about |= {"column": column["task"], "column_title": column["title"], "row": members[0]["row"]}
            rows += histogram(about, members, list(runs.values()), [done[run][MEASURE] for run in runs])
    return rows


def groups(runs: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """The runs of each row of the tables; a run without a row, or a trial, goes by regularizer and model.

    Unfinished runs without a row are left out (their regularizer may not be known): the footnote counts them. Raises
    `UserError` where the finished runs of a row differ in more than their seed.
    """
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for run in runs:
        if run["row"] is not None and not run.get("trial"):
            found.setdefault((run["row"], ""), []).append(run)
        elif run["status"] == "done":
            found.setdefault((regularizer_name(run), run["model"]), []).append(run)
    for (row, _), members in found.items():
        kinds = sorted({f"{regularizer_name(run)} ({run['model']})" for run in members if run["status"] == "done"})
        if len(kinds) > 1:
            raise UserError(f"row '{row}' of '{members[0]['column']}' mixes {' and '.join(kinds)}; allowed: one.")
    return list(found.values())


def histogram(
    about: Mapping[str, Any],
    members: Sequence[Mapping[str, Any]],
    runs: Sequence[Mapping[str, Any]],
    counts: Sequence[Sequence[int]],
) -> list[dict[str, Any]]:
    """The rows of one regularizer: `runs` are its finished runs, `counts` (runs, bins) their histograms."""
    reason = "; ".join(dict.fromkeys(short_reason(run["reason"]) for run in members if run["status"] == "missing"))
    row = dict.fromkeys(COLUMNS) | about | {"n_seeds": len(runs), "reason": reason}
    if not runs:
        return [row | {"regularizer": ROW_NAMES.get(about["row"], about["row"]), "status": "missing"}]
    pooled = np.sum(counts, axis=0)
    row |= {key: runs[0][key] for key in ("model", "skew", "strength", "smoothing", "baseline")}
    row |= {"regularizer": regularizer_name(runs[0]), "family": family_of(runs[0])}
    row |= {"seeds": " ".join(str(run["seed"]) for run in runs), "n_tokens": int(pooled.sum())}
    row["status"] = "partial" if reason else "done"
    edges = np.linspace(0, 1, pooled.size + 1)
    return [
        row | {"bin_low": low, "bin_high": high, "count": count, "share_percent": 100 * count / row["n_tokens"]}
        for low, high, count in zip(edges[:-1].tolist(), edges[1:].tolist(), pooled.tolist(), strict=True)
    ]


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel a regularizer, all on one scale, the unregularized outline explained above."""
    kinds = list(dict.fromkeys((row["row"], row["regularizer"], row["model"]) for row in rows))
    panels = [[row for row in rows if (row["row"], row["regularizer"], row["model"]) == kind] for kind in kinds]
    titles = [panel[0]["regularizer"] for panel in panels] or [""]
    figure, places = new_panels(titles, footnote(collected, rows), top=0.1 + LEGEND_LINE, panel=PANEL_INCHES, gap=0.3)
    outline = next((panel for panel in panels if panel[0]["family"] == "none"), [])
    entries = [Patch(facecolor=FAINT, label="regularizer named above the panel")]
    if outline:
        entries.append(Line2D([], [], color=INK, linewidth=0.8, label="no regularizer"))
    legend_above(figure, entries, across=2)
    highest = max((row["share_percent"] for row in rows if row["bin_low"] is not None), default=100.0)
    for axes, panel in zip(places, panels or [[]], strict=True):
        draw_panel(axes, panel, outline)
        axes.set_title(axes.get_title(loc="left"), loc="left", pad=3, size=TICK_POINTS)  # names with numbers are long
        axes.set_ylim(0, 1.08 * highest)
        axes.set_xlabel(X_LABEL)
        if is_first_across(axes):
            axes.set_ylabel(Y_LABEL)
        stamp_smoke(collected, axes)
    return figure


def draw_panel(axes: Axes, panel: Sequence[Mapping[str, Any]], outline: Sequence[Mapping[str, Any]]) -> None:
    """The bars of one regularizer under the outline of none."""
    axes.set_xlim(0, 1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    if outline:
        axes.stairs([row["share_percent"] for row in outline], edges(outline), color=INK, linewidth=0.8, zorder=4)
    if not panel or panel[0]["status"] == "missing":
        say_empty(axes, f"no run:\n{panel[0]['reason']}" if panel else "no finished run")
        return
    shade = color(panel[0]["skew"], panel[0]["family"])
    bars = {"fill": True, "facecolor": shade, "edgecolor": "white", "linewidth": 0.3, "zorder": 3}
    axes.stairs([row["share_percent"] for row in panel], edges(panel), gid=panel[0]["regularizer"], **bars)
    seeds = counted(panel[0]["n_seeds"], "seed")
    told = f"{seeds}\n(missing: {panel[0]['reason']})" if panel[0]["reason"] else seeds
    # in the middle: the most tokens are sure, or not at all
    axes.text(0.5, 0.97, told, transform=axes.transAxes, ha="center", va="top", size=TICK_POINTS - 1, zorder=5)


def edges(panel: Sequence[Mapping[str, Any]]) -> list[float]:
    """The edges of the bins."""
    return [*(row["bin_low"] for row in panel), panel[-1]["bin_high"]]


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraphs under the figure."""
    first, *others = [column["title"] for column in collected["columns"]] or [""]
    sentences = [f"{first}; counts of a regularizer's seeds are added."]
    if others:
        sentences.append(f"Not shown: {', '.join(others)}.")
    bins = sum(row["bin_low"] is not None for row in rows if row["regularizer"] == rows[0]["regularizer"])
    if bins:
        sentences.append(f"Bins of {1 / bins:g}.")
    return [" ".join(opening(collected, *sentences))]
