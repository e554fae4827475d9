"""Paper A, entropy and floor predicted before training against the measured ones: one point a trained model.

Left: normalised entropy of the validation tokens under the gold prefix against that of the equilibrium of
NLL + strength * J_skew(u || p) with a one-hot target; hollow: the published runs of the paper's translation table.
Right: log of the mean (1 - p_y) / (V - 1) against the log of the equilibrium's floor.
Source of the prediction: `entropyreg.regularizers.equilibrium`, a result of our own.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from entropyreg.experiments.kinds import kind_of
from entropyreg.measures.agreement import Agreement, agreement
from entropyreg.regularizers.equilibrium import equilibrium
from entropyreg.rendering.figures.footnotes import counted, opening
from entropyreg.rendering.figures.panels import (
    POINT_AREA,
    corner_text,
    new_panels,
    say_empty,
    skew_bar,
    skew_points,
    stamp_smoke,
)
from entropyreg.rendering.figures.runs import DESCRIPTION, describe, family_of, finished_runs
from entropyreg.rendering.figures.style import FAMILIES, INK, MARKS, color
from entropyreg.rendering.published import published_numbers

SPLIT = "valid"
COLUMNS = (
    *("kind", "quantity", "source"),
    *DESCRIPTION,
    *("vocabulary_size", "vocabulary_source", "predicted", "measured"),
    *("n", "squared_correlation", "mean_absolute_error"),
)
QUANTITIES = {"entropy_normalized": "predicted_entropy", "log_rest": "predicted_log_floor"}  # measured: predicted
TITLES = ("normalised entropy H(p) / log V", "log of the floor $(1 - p_y) / (V - 1)$")
LABELS = (
    ("predicted (equilibrium)", "measured (validation, gold prefix)"),
    ("predicted (equilibrium)", "measured (validation, gold prefix)"),
)
# No source at hand states the vocabularies of the published models: all three are our assumptions.
ASSUMED_VOCABULARY = {
    "iwslt14_de_en": (6632, "assumed (remembered)"),
    "mttt_fr_en": (15000, "assumed (round guess)"),
    "wmt14_de_en": (40000, "assumed (round guess)"),
}
LOWEST_ENTROPY = -0.04  # of the axes: runs without a regularizer lie at 0
PUBLISHED_TABLE = ("A", "a_table_translation")


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The points (kind 'point': ours, then published), and their agreement (kind 'agreement').

    Ours agree over all data sets together (column None: what the figure prints) and, where there are several, in each.
    """
    empty = dict.fromkeys(COLUMNS) | {"artefact": collected["artefact"], "scale": collected["scale"]}
    points = [empty | row for row in (*our_points(collected), *published_points())]
    tasks = [column["task"] for column in collected["columns"]] if len(collected["columns"]) > 1 else []
    wanted = [
        ("entropy_normalized", "ours", None),
        ("entropy_normalized", "published", None),
        ("log_rest", "ours", None),
    ]
    wanted += [(quantity, "ours", task) for quantity in QUANTITIES for task in tasks]
    for quantity, source, column in wanted:
        fit = agreement_of([row for row in points if row["kind"] == "point"], quantity, source, column)
        row = {"kind": "agreement", "quantity": quantity, "source": source, "column": column}
        points.append(empty | row | fit._asdict())
    return points


def our_points(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A point a quantity and finished run that has a prediction."""
    rows = []
    for run, measures in finished_runs(collected, SPLIT):
        known = {"vocabulary_size": measures["vocabulary_size"], "vocabulary_source": "measured"}
        for quantity, prediction in QUANTITIES.items():
            if run.get(prediction) is not None:
                row = {"kind": "point", "quantity": quantity, "source": "ours"} | known
                row |= {"predicted": run[prediction], "measured": measures[quantity]}
                rows.append(row | describe(collected, run, SPLIT))
    return rows


def published_points() -> list[dict[str, Any]]:
    """A point a published entropy, beside the equilibrium at the assumed size of its vocabulary."""
    published = published_numbers()
    rows = []
    for paper, artefact, name, column, metric in published.numbers:
        if (paper, artefact) != PUBLISHED_TABLE or metric != "entropy_normalized":
            continue
        kinds = ("skew", "strength", "smoothing", metric)
        numbers = {kind: published.find(paper, artefact, name, column, kind) for kind in kinds}
        skew, strength, smoothing, measured = (found.value if found else None for found in numbers.values())
        if column not in ASSUMED_VOCABULARY or strength is None or measured is None:
            continue
        size, source = ASSUMED_VOCABULARY[column]
        predicted = equilibrium(1.0 if skew is None else skew, strength, size).normalized_entropy
        row = {"kind": "point", "quantity": metric, "source": "published", "column": column, "row": name}
        row |= {"column_title": published.data_sets[column], "skew": skew, "strength": strength}
        row |= {"smoothing": smoothing, "baseline": None if skew is None else "uniform", "family": kind_of(skew)}
        row |= {"vocabulary_size": size, "vocabulary_source": source}
        rows.append(row | {"predicted": predicted, "measured": measured})
    return rows


def agreement_of(
    points: Sequence[Mapping[str, Any]], quantity: str, source: str, column: str | None = None
) -> Agreement:
    """Agreement over the regularized points: without a regularizer the prediction is 0 whatever the model."""
    members = [row for row in points if row["quantity"] == quantity and row["source"] == source]
    members = [row for row in members if row["family"] != "none" and column in (None, row["column"])]
    return agreement([row["predicted"] for row in members], [row["measured"] for row in members])


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Two panels over all data sets, the skew's colour bar above, and what has no prediction in the footnote."""
    figure, panels = new_panels(TITLES, footnote(collected, rows), gap=0.6, x_axis=0.42)
    for axes, quantity, (x_label, y_label) in zip(panels, QUANTITIES, LABELS, strict=True):
        points = [row for row in rows if row["kind"] == "point" and row["quantity"] == quantity]
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        draw_panel(axes, points, (LOWEST_ENTROPY, 1.0) if quantity == "entropy_normalized" else None)
        stamp_smoke(collected, axes)
        fits = [row for row in rows if row["kind"] == "agreement" and row["quantity"] == quantity]
        fits = [row for row in fits if row["column"] is None and row["n"]]
        places = [(row["predicted"], row["measured"]) for row in points]
        if fits:
            corner_text(axes, "\n".join(agreement_text(row) for row in fits), places)
    skew_bar(figure)
    return figure


def draw_panel(axes: Axes, points: Sequence[Mapping[str, Any]], limits: tuple[float, float] | None) -> None:
    """Predicted against measured, with the line where they are equal; one scale on both axes."""
    ours = [row | {"label": ""} for row in points if row["source"] == "ours"]
    if limits is None:
        values = [row[key] for row in points for key in ("predicted", "measured")] or [-10.0, -5.0]
        pad = max(0.08 * (max(values) - min(values)), 0.25)
        limits = min(values) - pad, max(values) + pad
    axes.set_xlim(limits)
    axes.set_ylim(limits)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.plot(limits, limits, color=INK, linewidth=0.6, linestyle=(0, (4, 3)), zorder=1.5, gid="identity")
    skew_points(axes, ours, "predicted", "measured")
    for row in points:
        if row["source"] == "published":
            axes.scatter(
                [row["predicted"]],
                [row["measured"]],
                s=POINT_AREA,
                marker=FAMILIES[row["family"]].marker,
                facecolors="none",
                edgecolors=[color(row["skew"])],
                linewidths=0.9,
                zorder=4,
                clip_on=False,
                gid="published",
            )
    if not ours:
        say_empty(axes, at=(0.97, 0.06))


def agreement_text(row: Mapping[str, Any]) -> str:
    """'ours: r² .96, mean |error| .05, n 24', the unit being the axis's."""
    squared = "" if row["squared_correlation"] is None else f"r² {row['squared_correlation']:.2f}, "
    return f"{row['source']}: {squared}mean |error| {row['mean_absolute_error']:.2f}, n {row['n']}"


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraphs under the figure."""
    ours = [row for row in rows if row["kind"] == "point" and row["source"] == "ours"]
    shown = {(row["column"], row["run"]) for row in ours}
    sentences = [f"Filled: one point a run ({len(shown)}).", "Hollow: published, at assumed V."]
    bare = {(row["column"], row["run"]) for row in ours if row["family"] == "none"}
    if bare:
        sentences.append(f"Cross: no regularizer, predicted 0 and in no statistic ({len(bare)}).")
    kinds = Counter(
        MARKS[family_of(run)].label if run["skew"] is None else f"{run['baseline']} baseline"
        for run, _ in finished_runs(collected, SPLIT)
        if run.get("predicted_entropy") is None
    )
    if kinds:
        listed = ", ".join(f"{kind}: {number}" for kind, number in sorted(kinds.items()))
        sentences.append(f"Not shown, as no theory predicts it: {counted(kinds.total(), 'run')} ({listed}).")
    return [" ".join(opening(collected, *sentences))]
