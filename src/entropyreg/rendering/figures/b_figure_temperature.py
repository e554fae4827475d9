"""Paper B, effect of the softmax temperature on BLEU, ECE and NLL of translation, without and with label smoothing.

    x: T of softmax(z / T);    y: BLEU of beam search at T (left axis), ECE under the gold prefix (right axis); NLL

Müller et al. 2019, Figure 4. Rows, bands and fitted temperatures: `figures.temperature_curves`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from entropyreg.rendering.figures import temperature_curves
from entropyreg.rendering.figures.footnotes import signatures
from entropyreg.rendering.figures.image_panels import BELOW, empty_panel, new_grid, stamp, write_below
from entropyreg.rendering.figures.image_runs import image_opening, run_color, targets_name
from entropyreg.rendering.figures.labels import label_points
from entropyreg.rendering.figures.panels import LEGEND_LINE, NOTE_LINE, legend_above, limits_around
from entropyreg.rendering.figures.style import INK, TICK_POINTS
from entropyreg.rendering.figures.temperature_curves import (
    along,
    chosen,
    draw_curve,
    draw_published,
    extent,
    temperature_axis,
)

COLUMNS = temperature_curves.COLUMNS
ROWS = {"hard": "hard targets", "smoothed": "smoothed"}  # panels with BLEU and ECE, and names without a run
FIT_LINES = {"ece_all": (0, (4, 2)), "nll_all": (0, (1, 1.5))}
FIT_NAMES = {"ece_all": "least ECE", "nll_all": "least NLL"}
ASIDE, GAP = 0.42, 0.42  # inches: right axis of a panel, between panels
LINES = 3  # of findings under a panel


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All rows of `temperature_curves.temperature_rows` of the two objectives."""
    return [row for row in temperature_curves.temperature_rows(collected) if row["row"] in ROWS]


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """A line of three panels a task."""
    titles = []
    for column in collected["columns"]:
        own = chosen(rows, column=column["task"], kind_of_row="curve")
        titles += [f"{column['title']}: {name_of(own, row)}" for row in ROWS]
        titles.append(f"{column['title']}: NLL of both")
    figure, panels = new_grid(
        titles,
        footnote(collected, rows),
        3,
        gap=GAP,
        names=ASIDE,
        top=0.1 + 2 * LEGEND_LINE,
        x_axis=BELOW + LINES * NOTE_LINE,
    )
    for n, column in enumerate(collected["columns"]):
        own = chosen(rows, column=column["task"])
        for axes, row in zip(panels[3 * n : 3 * n + 2], ROWS, strict=True):
            draw_both(axes, own, row)
            stamp(collected, axes)
        draw_nll(panels[3 * n + 2], own)
        stamp(collected, panels[3 * n + 2])
    legend_above(figure, entries(rows), across=3)
    return figure


def name_of(rows: Sequence[Mapping[str, Any]], row: str) -> str:
    """'hard targets', 'smoothing .1'."""
    return next((targets_name(one) for one in rows if one["row"] == row), ROWS[row])


def entries(rows: Sequence[Mapping[str, Any]]) -> list[Line2D]:
    """The legend: what is common to all panels."""
    if not chosen(rows, kind_of_row="curve"):
        return []
    found = [
        Line2D([], [], color=INK, linewidth=1.0, label="BLEU (left axis), NLL"),
        Line2D([], [], color=INK, linewidth=1.0, linestyle=(0, (3, 1.5)), label="ECE (right axis)"),
        *(
            Line2D([], [], color=INK, linewidth=0.8, linestyle=look, label=f"T of {FIT_NAMES[fit]}")
            for fit, look in FIT_LINES.items()
        ),
        Line2D([], [], color=INK, linestyle="", marker="+", markersize=5, label="BLEU decoded at that T"),
    ]
    if any(row["kind_of_row"] == "published" for row in rows):
        look = {"marker": "^", "markersize": 4, "markerfacecolor": "none", "markeredgewidth": 0.8}
        found.append(Line2D([], [], color=INK, linestyle="", label="hollow: published ECE", **look))
    return found


def draw_both(axes: Axes, rows: Sequence[Mapping[str, Any]], row: str) -> None:
    """BLEU and ECE of one objective over the temperature; `rows` of both objectives decide the limits."""
    own = chosen(rows, row=row)
    curves = {quantity: chosen(own, kind_of_row="curve", quantity=quantity) for quantity in ("bleu", "ece")}
    if not curves["bleu"] and not curves["ece"]:
        empty_panel(axes)
        return
    temperature_axis(axes, chosen(rows, kind_of_row="curve"))
    right = axes.twinx()
    right.spines["right"].set_visible(True)
    right.grid(False)
    axes.set_ylabel("BLEU", labelpad=2)
    right.set_ylabel("ECE", labelpad=2)
    both = [one for one in rows if one["quantity"] == "bleu" and one["kind_of_row"] in ("curve", "fit")]
    low, high = limits_around(extent(both), least_spread=1.0)
    axes.set_ylim(max(0.0, low - 0.55 * (high - low)), high)  # BLEU in the upper part, ECE in the lower
    shown = [one for one in rows if one["quantity"] == "ece" and one["kind_of_row"] in ("curve", "published")]
    right.set_ylim(0, 1.9 * max(extent(shown)))
    for one in (axes, right):
        one.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    for fit, look in FIT_LINES.items():
        for one in chosen(own, kind_of_row="fit", fit=fit, quantity="bleu"):
            shade = run_color(one)
            axes.axvline(one["temperature"], color=shade, linewidth=0.7, linestyle=look, zorder=1.8, gid=fit)
            at = [one["temperature"]], [one["estimate"]]
            axes.plot(*at, "+", color=shade, markersize=8, markeredgewidth=1.1, zorder=5, gid="decoded")
    if curves["bleu"]:
        draw_curve(axes, curves["bleu"])
    if curves["ece"]:
        draw_curve(right, curves["ece"], dashed=True)
    draw_published(right, chosen(own, kind_of_row="published"))
    write_below(axes, gap_lines(rows) if row == "hard" else best_lines(own))


def draw_nll(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """NLL of both objectives."""
    curves = {row: chosen(rows, row=row, kind_of_row="curve", quantity="nll") for row in ROWS}
    curves = {row: points for row, points in curves.items() if points}
    if not curves:
        empty_panel(axes)
        return
    points = [point for own in curves.values() for point in own]
    temperature_axis(axes, chosen(rows, kind_of_row="curve"))
    axes.set_ylabel("NLL (nats a token)", labelpad=2)
    axes.set_ylim(*limits_around(extent(points), least_spread=0.1))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    for own in curves.values():
        draw_curve(axes, own)
    places = {targets_name(own[0]): [(one["temperature"], one["estimate"]) for one in own] for own in curves.values()}
    label_points(axes, places, [place for own in curves.values() for place in along(own)], TICK_POINTS - 0.5, radius=2)
    write_below(axes, nll_lines(rows))


def gap_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The gap in BLEU at T = 1, and how much of it each temperature closes (where there is none, what is gained)."""
    lines = []
    for fit, name in FIT_NAMES.items():
        found = {one["quantity"]: one for one in chosen(rows, kind_of_row="scaling", row="hard", fit=fit)}
        if not found:
            continue
        if not lines:
            lines.append(f"gap to smoothed: {points_text(found['gap'])} BLEU")
        closed = found["closed"]
        if closed["estimate"] is None:
            lines.append(f"gain at T of {name}: {points_text(found['gain'])}")
        else:
            estimate, low, high = (f"{100 * closed[key]:.0f}" for key in ("estimate", "low", "high"))
            lines.append(f"closed at T of {name}: {estimate} % [{low}, {high}]")
    return lines


def points_text(row: Mapping[str, Any]) -> str:
    """'+1.20 [+0.81, +1.59]'."""
    estimate, low, high = (f"{row[key]:+.2f}" for key in ("estimate", "low", "high"))
    return f"{estimate} [{low}, {high}]"


def best_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """At how many temperatures BLEU and ECE are better than at 1, and where the band says so."""
    lines = []
    for quantity, name, sign in (("bleu", "BLEU", 1), ("ece", "ECE", -1)):
        found = chosen(rows, kind_of_row="difference", quantity=quantity, compared_with="T = 1")
        found = [one for one in found if one["temperature"] != 1]
        if found:
            better = sum(sign * one["estimate"] > 0 for one in found)
            sure = sum(min(sign * one["low"], sign * one["high"]) > 0 for one in found)
            lines.append(f"{name} better than at T = 1: {better} of {len(found)} T (band: {sure})")
    return lines


def nll_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """At how many temperatures the hard model has the lower NLL."""
    found = chosen(rows, kind_of_row="difference", row="hard", quantity="nll", compared_with="smoothed")
    if not found:
        return []
    lower, sure = sum(one["estimate"] < 0 for one in found), sum(one["high"] < 0 for one in found)
    return [f"hard below smoothed: {lower} of {len(found)} T (band: {sure})"]


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraphs under the figure."""
    measured = [row for row in rows if row["kind_of_row"] == "curve"]
    if not measured:
        return image_opening(collected, [])
    told = [
        "Validation set. BLEU: beam search with logits divided by T; ECE (15 bins) and NLL under the gold prefix.",
        *temperature_curves.sizes(rows),
        "T of least ECE and NLL: on all tokens shown, mean over seeds. (band: n): where the band of the difference "
        "excludes 0. gap: at T = 1; closed: share of it that scaling the hard model closes (gain, if it may be 0).",
    ]
    sources = sorted({row["column_title"] for row in rows if row["kind_of_row"] == "published"})
    told += [f"Hollow: paper B, {', '.join(sources)}; not to be equated with another data set."] if sources else []
    return [*image_opening(collected, told), *signatures(measured)]
