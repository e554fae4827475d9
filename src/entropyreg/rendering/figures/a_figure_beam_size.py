"""Paper A, BLEU against beam size: one line a regularizer, on the validation sentences that were decoded so.

x: beam size, on a logarithmic axis; y: BLEU of the best hypothesis, mean over the seeds that decoded every size.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from entropyreg.rendering.figures.end_labels import EndLabel, write_end_labels
from entropyreg.rendering.figures.footnotes import counted, opening, signatures
from entropyreg.rendering.figures.panels import is_first_across, limits_around, new_panels, say_empty, stamp_smoke
from entropyreg.rendering.figures.runs import describe, finished_runs, regularizer_name
from entropyreg.rendering.figures.style import MARKS, TICK_POINTS, color

SPLIT = "valid"
COLUMNS = (
    *(
        "artefact",
        "scale",
        "column",
        "column_title",
        "split",
        "curve",
        "model",
        "family",
        "skew",
        "strength",
        "baseline",
    ),
    *("beam_size", "n_seeds", "n_sentences", "bleu", "bleu_signature"),
)
MARGIN = 1.15  # inches at the right of each panel, for the names of its curves


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a regularizer and beam size: the mean over its seeds. Runs decoded with one beam only are not shown."""
    groups: dict[tuple[str, str, int], list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {}
    for run, measures in finished_runs(collected, SPLIT):
        for size, found in measures.get("beam_sizes", {}).items():
            groups.setdefault((run["column"], regularizer_name(run), int(size)), []).append((run, found))
    rows = []
    for (_, name, size), members in groups.items():
        run, found = members[0]
        row = {key: value for key, value in describe(collected, run, SPLIT).items() if key in COLUMNS}
        row |= {"curve": name, "beam_size": size, "n_seeds": len(members)}
        row |= {key: found[key] for key in ("n_sentences", "bleu_signature")}
        rows.append(row | {"bleu": fmean(found["bleu"] for _, found in members)})
    return rows


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel a data set with named curves."""
    figure, panels = new_panels(
        [one["title"] for one in collected["columns"]], footnote(collected, rows), top=0.05, x_axis=0.42
    )
    for axes, column in zip(panels, collected["columns"], strict=True):
        left, bottom, width, height = axes.get_position().bounds
        axes.set_position((left, bottom, width - MARGIN / figure.get_figwidth(), height))
        if is_first_across(axes):
            axes.set_ylabel("BLEU (validation)")
        draw_panel(axes, [row for row in rows if row["column"] == column["task"]])
        stamp_smoke(collected, axes)
    return figure


def draw_panel(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """The curves of one data set."""
    axes.set_xlabel("beam size")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    if not rows:
        axes.set_ylim(0, 1)
        say_empty(axes)
        return
    sizes = sorted({row["beam_size"] for row in rows})
    axes.set_xscale("log", base=2)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set_xlim(min(sizes) / 1.2, max(sizes) * 1.2)
    axes.set_ylim(*limits_around([row["bleu"] for row in rows], least_spread=1.0))
    ends = []
    for name in dict.fromkeys(row["curve"] for row in rows):
        points = sorted((row for row in rows if row["curve"] == name), key=lambda row: row["beam_size"])
        run = points[0]
        shade = color(run["skew"], run["family"])
        x, y = ([row[key] for row in points] for key in ("beam_size", "bleu"))
        axes.plot(x, y, color=shade, marker=MARKS[run["family"]].marker, markeredgecolor="white", zorder=3, gid=name)
        ends.append(EndLabel(x[-1], y[-1], name, shade))
    write_end_labels(axes, ends, TICK_POINTS)


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraphs under the figure."""
    n = " and ".join(str(number) for number in sorted({row["n_sentences"] for row in rows}))
    told = [f"First {n} sentences of validation; a curve is the mean over its seeds."] if rows else []
    absent = sum(not measures.get("beam_sizes") for _, measures in finished_runs(collected, SPLIT))
    told += [f"{counted(absent, 'finished run')} decoded with one beam only: not shown."] if absent else []
    return [" ".join(opening(collected, *told)), *signatures(rows)]
