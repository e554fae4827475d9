"""BLEU and ECE over the softmax temperature for hard targets and for members of the family at equal entropy (ours).

    x: T of softmax(z / T);    y: BLEU of beam search at T; ECE under the gold prefix

Asks whether a regularizer at T = 1 beats the hard model at its best temperature. Rows and bands:
`figures.temperature_curves`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from entropyreg.rendering.figures import temperature_curves
from entropyreg.rendering.figures.end_labels import EndLabel, write_end_labels
from entropyreg.rendering.figures.footnotes import signatures
from entropyreg.rendering.figures.image_panels import BELOW, empty_panel, new_grid, stamp, write_below
from entropyreg.rendering.figures.image_runs import image_opening, run_color, targets_name
from entropyreg.rendering.figures.panels import NOTE_LINE, limits_around
from entropyreg.rendering.figures.runs import digits
from entropyreg.rendering.figures.style import TICK_POINTS
from entropyreg.rendering.figures.temperature_curves import chosen, draw_curve, extent, temperature_axis
from entropyreg.rendering.tables.translation_runs import ROWS

COLUMNS = temperature_curves.COLUMNS
PANELS = {"bleu": "BLEU (beam search)", "ece": "ECE (gold prefix)"}
SCALED = {"bleu": ("scaled_bleu", "+.2f"), "ece": ("scaled_ece", "+.4f")}  # comparisons: at T = 1 to hard at its T
LEAST_SPREAD = {"bleu": 1.0, "ece": 0.02}
NAMES = 1.05  # inches right of a panel, for the names of its curves
FIT = "ece_all"


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All rows of `temperature_curves.temperature_rows` but the NLL, published ones and shares of a gap."""
    rows = temperature_curves.temperature_rows(collected)
    return [row for row in rows if row["quantity"] in PANELS and row["kind_of_row"] != "published"]


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Two panels a task, with named curves."""
    titles = [f"{column['title']}: {title}" for column in collected["columns"] for title in PANELS.values()]
    room = BELOW + len(ROWS) * NOTE_LINE * bool(collected["comparisons"])
    figure, panels = new_grid(titles, footnote(collected, rows), 2, names=NAMES, x_axis=room)
    for n, column in enumerate(collected["columns"]):
        own = chosen(rows, column=column["task"])
        for axes, quantity in zip(panels[2 * n : 2 * n + 2], PANELS, strict=True):
            draw_panel(axes, own, quantity)
            if own:
                write_below(axes, differences(collected, column["task"], own, quantity))
            stamp(collected, axes)
    return figure


def draw_panel(axes: Axes, rows: Sequence[Mapping[str, Any]], quantity: str) -> None:
    """The curves of one quantity, and the hard model at the temperature of its least ECE."""
    curves = {row: chosen(rows, row=row, kind_of_row="curve", quantity=quantity) for row in ROWS}
    curves = {row: points for row, points in curves.items() if points}
    axes.set_ylabel(PANELS[quantity].partition(" ")[0])
    if not curves:
        empty_panel(axes)
        return
    temperature_axis(axes, chosen(rows, kind_of_row="curve"))
    scaled = chosen(rows, row="hard", kind_of_row="fit", fit=FIT, quantity=quantity)
    shown = [*(point for points in curves.values() for point in points), *scaled]
    low, high = limits_around(extent(shown), LEAST_SPREAD[quantity], 0.08)
    axes.set_ylim(0 if quantity == "ece" else low, high)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    names = []
    for points in curves.values():
        draw_curve(axes, points, opacity=0.1)
        names.append(EndLabel(points[-1]["temperature"], points[-1]["estimate"], targets_name(points[0]), "black"))
    for one in scaled:
        shade = run_color(one)
        axes.axhline(one["estimate"], color=shade, linewidth=0.7, linestyle=(0, (4, 2)), zorder=1.8, gid="scaled")
        at = [one["temperature"]], [one["estimate"]]
        axes.plot(*at, "+", color=shade, markersize=8, markeredgewidth=1.1, zorder=5, gid="decoded")
        names.append(EndLabel(names[0].x, one["estimate"], f"hard, T = {one['temperature']:.2f}", "black"))
    write_end_labels(axes, names, TICK_POINTS - 0.5, away=11)


def differences(collected: Mapping[str, Any], task: str, rows: Sequence[Mapping[str, Any]], quantity: str) -> list[str]:
    """Each regularizer at T = 1 minus the hard model at its temperature, with intervals."""
    metric, form = SCALED[quantity]
    names = {row["row"]: targets_name(row) for row in rows}
    entries = [
        one for one in collected["comparisons"] if (one["column"], one["metric"], one["to"]) == (task, metric, "hard")
    ]
    lines = []
    for one in entries:
        if one["row"] in names and one["row"] != "hard":
            difference, low, high = (format(one[key], form) for key in ("difference", "low", "high"))
            lines.append(f"{names[one['row']]}: {difference} [{low}, {high}]")
    return ["at T = 1 minus hard at its T:", *lines] if lines else []


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraphs under the figure."""
    measured = [row for row in rows if row["kind_of_row"] == "curve"]
    if not measured:
        return image_opening(collected, [])
    wanted = sorted({one["wanted_entropy"] for one in collected["rows"] if one.get("wanted_entropy") is not None})
    designed = f"designed for a normalised entropy of {', '.join(f'{one:.3g}' for one in wanted)}"
    equal = designed if wanted else "not designed for one entropy"
    titles = {column["task"]: column["title"] for column in collected["columns"]}
    entropies = {(row["column"], targets_name(row)): row["entropy_normalized"] for row in measured}
    found = [f"{titles[task]}, {name}: {digits(value)}" for (task, name), value in entropies.items()]
    told = [
        f"Ours, not in the paper. Validation set; members of the family {equal}. BLEU: beam search with logits divided "
        "by T; ECE: 15 bins, gold prefix.",
        f"Measured normalised entropy: {'; '.join(found)}.",
        *temperature_curves.sizes(rows),
        "Cross and dashed line: the hard model at the T of its least ECE (mean over seeds), decoded at it.",
    ]
    return [*image_opening(collected, told), *signatures(measured)]
