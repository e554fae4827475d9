"""Paper B, reliability of next-token predictions: under the gold prefix (hard, hard at its T, smoothed), and along the
model's own output.

    x: mean confidence of a bin,    y: share of the bin's tokens that are right

Müller et al. 2019, Figure 3. A token of the model's own output is right if the edit alignment with the reference (TER)
keeps it: Wang et al. 2020. Drawn as in `figures.reliability`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from entropyreg.rendering.figures.image_panels import BELOW, new_grid, stamp, write_below
from entropyreg.rendering.figures.image_runs import (
    IMAGE_RUN,
    describe_image_run,
    finished_images,
    image_opening,
    targets_name,
)
from entropyreg.rendering.figures.panels import NOTE_LINE
from entropyreg.rendering.figures.reliability import (
    BETWEEN,
    FEW,
    STRIP,
    Look,
    curve_name,
    draw_reliability,
    legend_room,
    series_rows,
)
from entropyreg.rendering.figures.style import FAMILIES
from entropyreg.rendering.tables.translation_runs import EXTENSION, ROWS, as_network_runs

SPLIT = "valid"
COLUMNS = (
    *IMAGE_RUN,
    *("conditioning", "series", "split", "n_seeds", "temperature", "temperature_lowest", "temperature_highest", "ece"),
    *("bin", "count", "confidence", "accuracy"),
)
MARKERS = {
    "hard": FAMILIES["none"].marker,
    "hard_scaled": "+",
    "smoothed": FAMILIES["label_smoothing"].marker,
    "skew0.5": FAMILIES["skew_jensen"].marker,
    "confidence_penalty": FAMILIES["confidence_penalty"].marker,
}
SQUARE, LARGE = 1.69, 2.3  # inches: a diagram, three across or two
ASIDE = 0.46  # inches left free beside large diagrams, so that they are squares


class Kind(NamedTuple):
    """A panel of every task: which rows it shows, and how."""

    conditioning: str  # gold | own
    title: str
    series: tuple[str, ...]


PAPER = Kind("gold", "gold prefix", ("hard", "hard_scaled", "smoothed"))
OWN = Kind("own", "own output", tuple(ROWS))
FAMILY = Kind("gold", "gold prefix, family", ("smoothed", *EXTENSION))


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a task, conditioning, series and bin that has tokens."""
    shaped = as_network_runs(collected)
    groups: dict[tuple, tuple[Mapping[str, Any], list[tuple[Mapping[str, Any], float]]]] = {}
    for run in finished_images(shaped, "temperatures"):
        for conditioning, series, measures, temperature in diagrams(run):
            key = run["column"], conditioning, series
            groups.setdefault(key, (run, []))[1].append((measures, temperature))
    rows = []
    for (_, conditioning, series), (run, members) in groups.items():
        described = describe_image_run(shaped, run) | {"conditioning": conditioning, "series": series, "split": SPLIT}
        rows += series_rows(described, members)
    return rows


def diagrams(run: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any], float]]:
    """(conditioning, series, {ece, bins}, temperature) of what is shown of a run."""
    found = run["measures"]["temperatures"]
    yield "gold", run["row"], {"ece": run["measures"]["one"]["ece"], "bins": found["reliability"]}, 1.0
    if run["kind"] == "none":
        fit = found["fits"]["ece_all"]
        yield "gold", "hard_scaled", {"ece": fit["ece"], "bins": found["reliability_scaled"]}, fit["temperature"]
    if found.get("own") and found["own"]["n_tokens"]:
        yield "own", run["row"], {"ece": found["own"]["ece"], "bins": found["own"]["reliability"]}, 1.0


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """A line a task: the paper's diagram, the one of the model's own output, and the family's where it was run."""
    extended = [run["column"] for run in collected["rows"] if run["row"] in EXTENSION]
    across, most = (3, 4) if extended else (2, 3)
    shown = [
        (column, kind if kind is not FAMILY or column["task"] in extended else None)
        for column in collected["columns"]
        for kind in (PAPER, OWN, FAMILY)[:across]
    ]
    figure, panels = new_grid(
        [kind and f"{column['title']}: {kind.title}" for column, kind in shown],
        footnote(collected, rows),
        across,
        panel=(SQUARE if across == 3 else LARGE) + BETWEEN + STRIP,
        names=0 if across == 3 else ASIDE,
        above=legend_room(most) + 0.04,
        x_axis=BELOW + (most + 1) * NOTE_LINE,
    )
    for axes, (column, kind) in zip(panels, [one for one in shown if one[1]], strict=True):
        own = [row for row in rows if (row["column"], row["conditioning"]) == (column["task"], kind.conditioning)]
        own = [row for row in own if row["series"] in kind.series]
        series = {name: MARKERS[name] for name in kind.series}
        lines = len({row["series"] for row in own})
        strip = draw_reliability(axes, own, Look(series, own_name if kind is OWN else curve_name, "tokens", lines))
        if kind is OWN:
            write_below(strip, differences(collected, column["task"], own))
        stamp(collected, axes)
    return figure


def own_name(row: Mapping[str, Any]) -> str:
    """'hard', 'smoothing .1': everything at temperature 1."""
    return "hard" if row["kind"] == "none" else targets_name(row)


def differences(collected: Mapping[str, Any], task: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """ECE of the own output minus ECE under the gold prefix, with intervals."""
    names = {row["series"]: own_name(row) for row in rows}
    entries = {one["row"]: one for one in collected.get("own_output") or () if one["column"] == task}
    lines = [
        f"{names[row]}: {signed(one['difference'])} [{signed(one['low'])}, {signed(one['high'])}]"
        for row in ROWS
        if row in names and (one := entries.get(row))
    ]
    return ["ECE of own output minus gold prefix:", *lines] if lines else []


def signed(difference: float) -> str:
    """'+.081'."""
    text = f"{difference:+.3f}"
    return text.replace("0.", ".", 1)


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraph under the figure."""
    if not rows:
        return image_opening(collected, [])
    titles = {column["task"]: column["title"] for column in collected["columns"]}
    runs = list(finished_images(as_network_runs(collected), "temperatures"))
    keys = ("n_tokens", "n_calibration_sentences")
    sizes = {(titles[run["column"]], *(run["measures"]["temperatures"][key] for key in keys)) for run in runs}
    beams = sorted({run["measures"]["temperatures"]["beam"] for run in runs})
    told = [
        f"{title}: {tokens} validation tokens of {sentences} sentences." for title, tokens, sentences in sorted(sizes)
    ]
    told += [
        "15 bins of equal width; seeds pooled in bins and counts; ECE and T are means over seeds.",
        "T: of least ECE on the same tokens, which flatters it.",
        f"Own output: best hypotheses (beam {' and '.join(map(str, beams))}), confidence: probability of the written "
        "token, right: the edit alignment with the reference keeps it; minus gold prefix: both without ends of "
        "sentences. [low, high]: 95 %, crossed bootstrap over seeds and sentences (of one seed over sentences alone).",
        f"Pale: under {FEW} tokens. Dashed line: accuracy = confidence.",
    ]
    bound = sum(run["measures"]["temperatures"]["fits"]["ece_all"]["at_bound"] for run in runs if run["kind"] == "none")
    told += [f"T of {bound} hard model{'s' if bound > 1 else ''} at an end of its range."] if bound else []
    return image_opening(collected, told)
