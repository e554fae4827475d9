"""Paper A, the search for skew and strength: where its trials lie, and the best validation BLEU expected after n.

Left: every trial of each search in the plane of skew and strength, coloured by validation BLEU; a guided trial has its
number. Right: expected maximum of n finished trials over all orders (Dodge et al. 2019; `measures.expected_best`),
which takes the trials of a search as exchangeable: guided ones are not, they follow the random ones.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from entropyreg.experiments.kinds import kind_of
from entropyreg.measures.expected_best import expected_best
from entropyreg.rendering.figures.end_labels import EndLabel, write_end_labels
from entropyreg.rendering.figures.footnotes import opening, signatures
from entropyreg.rendering.figures.panels import GAP, RIGHT, limits_around, new_panels, say_empty, stamp_smoke
from entropyreg.rendering.figures.runs import DESCRIPTION, describe, finished_runs
from entropyreg.rendering.figures.style import INK, MARKS, TICK_POINTS, color

SPLIT = "valid"
COLUMNS = (*DESCRIPTION, "panel", "series", "number", "kind", "n_trials", "bleu", "bleu_signature")
KINDS = ("random", "guided")
NAMES = {
    "ger": "GER",
    "label_smoothing_tuned": "label smoothing",
    "confidence_penalty": "confidence penalty",
    "skew0.5": "skew .5",
}
DASHED = {"skew0.5"}  # the search over all skews has its colour
MARKERS = {"random": "o", "guided": "D"}
MARGIN = 1.15  # inches right of the right panel, for the names of the curves
BAR = 0.55  # inches right of the left panel, for the colour bar


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a finished trial (panel 'trials'), and a row a search and number of trials (panel 'expected_best')."""
    rows = []
    for run, measures in finished_runs(collected, SPLIT):
        trial = run["trial"]
        if trial and trial["kind"] in KINDS:
            row = describe(collected, run, SPLIT) | {"panel": "trials", "n_trials": None, **trial}
            rows.append(row | {key: measures[key] for key in ("bleu", "bleu_signature")})
    for place in dict.fromkeys((row["column"], row["series"]) for row in rows):
        trials = [row for row in rows if (row["column"], row["series"]) == place and row["panel"] == "trials"]
        same = {key: trials[0][key] for key in ("artefact", "scale", "column", "column_title", "row", "split")}
        blank = dict.fromkeys(COLUMNS) | same | {"panel": "expected_best", "series": place[1]}
        expected = expected_best([row["bleu"] for row in trials])
        rows += [
            blank | {"n_trials": n, "bleu": value, "bleu_signature": trials[0]["bleu_signature"]}
            for n, value in enumerate(expected, start=1)
        ]
    return rows


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """The two panels of the first data set; other data sets have a line of panels each."""
    columns = collected["columns"]
    titles = [f"{column['title']}: {what}" for column in columns for what in ("trials", "expected best")]
    figure, panels = new_panels(titles, footnote(collected, rows), top=0.05, gap=BAR + GAP, x_axis=0.42, across=2)
    width = figure.get_figwidth()
    for column, left, right in zip(columns, panels[::2], panels[1::2], strict=True):
        own = [row for row in rows if row["column"] == column["task"]]
        x, y, across, height = right.get_position().bounds
        right.set_position((x, y, across - (MARGIN - RIGHT) / width, height))
        draw_trials(left, [row for row in own if row["panel"] == "trials"])
        draw_expected(right, [row for row in own if row["panel"] == "expected_best"], shown_skews(own))
        stamp_smoke(collected, left)
        stamp_smoke(collected, right)
    return figure


def draw_trials(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Trials in the plane of skew and strength."""
    axes.set_xlabel("skew")
    axes.set_ylabel("strength")
    axes.set_xlim(-0.05, 1.05)
    axes.set_ylim(0, 1.05 * max([1.5, *(row["strength"] for row in rows)]))
    if not rows:
        say_empty(axes, "no finished trial")
        return
    values = [row["bleu"] for row in rows]
    scale = ScalarMappable(Normalize(min(values), max(max(values), min(values) + 1e-6)), "cividis")
    for kind in KINDS:
        own = [row for row in rows if row["kind"] == kind]
        axes.scatter(
            [row["skew"] for row in own],
            [row["strength"] for row in own],
            c=[scale.to_rgba(row["bleu"]) for row in own],
            s=34,
            marker=MARKERS[kind],
            linewidths=0.5,
            edgecolors=INK,
            zorder=3,
            gid=kind,
            clip_on=False,
        )
        for row in own if kind == "guided" else ():
            if 0 < row["skew"] < 1:  # at the ends of the family the trials lie on one line
                place = {"xytext": (5, 4), "textcoords": "offset points", "size": TICK_POINTS - 1}
                axes.annotate(str(row["number"]), (row["skew"], row["strength"]), **place)
    figure, (x, y, across, height) = axes.figure, axes.get_position().bounds
    width = figure.get_figwidth()
    bar = figure.add_axes((x + across + 0.1 / width, y, 0.08 / width, height))
    figure.colorbar(scale, cax=bar)
    bar.yaxis.set_major_locator(MaxNLocator(nbins=5))
    bar.set_title("BLEU", size=TICK_POINTS, loc="left", pad=3)
    bar.grid(False)


def draw_expected(axes: Axes, rows: Sequence[Mapping[str, Any]], skews: Mapping[str, float]) -> None:
    """Expected best BLEU after n trials, one curve a search."""
    axes.set_xlabel("trials")
    axes.set_ylabel("expected best BLEU (validation)")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    if not rows:
        axes.set_ylim(0, 1)
        say_empty(axes, "no finished trial")
        return
    most = max(row["n_trials"] for row in rows)
    axes.set_xlim(0.5, most + 0.5)
    axes.set_ylim(*limits_around([row["bleu"] for row in rows], least_spread=0.5))
    ends = []
    for series in dict.fromkeys(row["series"] for row in rows):
        points = [row for row in rows if row["series"] == series]
        skew = skews[series]
        x, y = ([row[key] for row in points] for key in ("n_trials", "bleu"))
        look = {"marker": MARKS[kind_of(skew)].marker, "linestyle": "--" if points[0]["row"] in DASHED else "-"}
        axes.plot(x, y, color=color(skew), markersize=2.5, zorder=3, gid=series, **look)
        ends.append(EndLabel(x[-1], y[-1], NAMES.get(points[0]["row"], series), color(skew)))
    write_end_labels(axes, ends, TICK_POINTS)


def shown_skews(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The skew whose colour and marker each search has: that of all its trials, and .5 where they differ."""
    found: dict[str, set[float]] = {}
    for row in rows:
        if row["panel"] == "trials":
            found.setdefault(row["series"], set()).add(row["skew"])
    return {series: skews.pop() if len(skews) == 1 else 0.5 for series, skews in found.items()}


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraphs under the figure."""
    trials = [row for row in rows if row["panel"] == "trials"]
    guided = sum(row["kind"] == "guided" for row in trials)
    kinds = f"{len(trials) - guided} random (circles), {guided} guided (diamonds, with numbers between the ends)"
    told = f"{len(trials)} trials: {kinds}."
    note = "Expected best: mean over all orders of the finished trials, as if they were exchangeable."
    return [" ".join(opening(collected, told, note)), *signatures(rows)]
