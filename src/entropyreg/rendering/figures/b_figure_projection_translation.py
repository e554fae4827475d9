"""Paper B, penultimate features of a translation model for three next words, in the plane through their templates.

    coordinates Q^T x,  Q R = [w_1 - w_3, w_2 - w_3]: see `measures.penultimate`

Müller et al. 2019, Figure 7: training and validation tokens (gold prefix) without and with smoothing, one line a
triplet of words. With more words than dimensions the templates of all words cannot form a simplex.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from entropyreg.rendering.figures.image_runs import (
    IMAGE_RUN,
    Network,
    describe_image_run,
    finished_images,
    image_opening,
)
from entropyreg.rendering.figures.projection_lines import (
    NO_RUN,
    OBJECTIVES,
    POINT_COLUMNS,
    SPLITS,
    Line,
    draw_lines,
    lines_of,
    most_points,
    point_rows,
)
from entropyreg.rendering.tables.translation_runs import as_network_runs

CLUSTERS = ("scatter_ratio", "scatter_ratio_low", "scatter_ratio_high", "n_words", "n_examples")
CLUSTERS += ("distance_variation", "distance_variation_low", "distance_variation_high")
COLUMNS = (*IMAGE_RUN, *POINT_COLUMNS, *CLUSTERS, "training_accuracy")


def plotted_rows(collected: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a token or template, for each row's first seed, triplet and split, with the measures of its split."""
    shaped, seen, rows = as_network_runs(collected), set(), []
    for run in finished_images(shaped, "projection"):
        if run["row"] not in OBJECTIVES or (run["column"], run["row"]) in seen:
            continue
        seen.add((run["column"], run["row"]))
        found = run["measures"]
        described = describe_image_run(shaped, run) | {"seed": run["seed"]}
        described["training_accuracy"] = found["training_accuracy"]
        for row in point_rows(described, [shown(triplet) for triplet in found["projection"]], "token"):
            cluster = (found["clusters"] or {}).get(row["split"]) or {}
            rows.append(row | {key: cluster.get(key) for key in CLUSTERS})
    return rows


def shown(triplet: Mapping[str, Any]) -> dict[str, Any]:
    """The triplet with its words as classes; one with a reason has no points."""
    return {**triplet, "classes": triplet["words"], "names": triplet["words"]}


def draw(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Four panels a triplet with the scatter ratio under each; the two of a model share their scale."""
    return draw_lines(collected, lines(collected, rows), footnote(collected, rows), scatter)


def lines(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[Line]:
    """The lines of `projection_lines.lines_of`; one model a task."""
    done, found = {run["column"] for run in finished_images(as_network_runs(collected))}, []
    for column in collected["columns"]:
        models = [run["model"] for run in collected["rows"] if run["column"] == column["task"] and run["model"]]
        network = Network(column["task"], models[0] if models else None, column["title"])
        empty = "no projected words" if network.column in done else NO_RUN
        found += [line._replace(empty=empty) for line in lines_of([network], rows)]
    return found


def scatter(rows: Sequence[Mapping[str, Any]], split: str) -> str:
    """'scatter .31 [.28, .36]' of a panel."""
    measured = [row for row in rows if row["split"] == split and row["scatter_ratio"] is not None]
    if not measured:
        return ""
    ratio, low, high = (f"{measured[0][key]:.2g}".removeprefix("0") for key in CLUSTERS[:3])
    return f"scatter {ratio} [{low}, {high}]"


def footnote(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraph under the figure."""
    reasons = absent(collected)
    if not rows:
        return image_opening(collected, reasons)
    seeds = sorted({row["seed"] for row in rows})
    told = [
        f"Shown: seed {', '.join(map(str, seeds))}, up to {most_points(rows)} tokens a word, under the gold prefix. "
        "Large crosses: the templates of the three words (rows of the output layer, which has no bias).",
        "Axes: coordinates in the plane, without unit; the two panels of a model share one scale, which differs "
        "between models.",
        "scatter: within over between the words of all triplets (NC1), in all dimensions; [low, high]: 95 %, bootstrap "
        "over tokens.",
        *accuracies(collected, rows),
        *reasons,
    ]
    return image_opening(collected, told)


def accuracies(collected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Share of right next tokens on the training sentences that were seen, by task and objective."""
    titles = {column["task"]: column["title"] for column in collected["columns"]}
    found = {
        (row["column"], row["row"]): row["training_accuracy"] for row in rows if row["training_accuracy"] is not None
    }
    parts = [f"{titles[task]}, {OBJECTIVES[row]} {100 * value:.0f} %" for (task, row), value in found.items()]
    return [f"Right next tokens of the training sentences seen: {'; '.join(parts)}."] if parts else []


def absent(collected: Mapping[str, Any]) -> list[str]:
    """What is not drawn of finished runs, and why."""
    titles = {column["task"]: column["title"] for column in collected["columns"]}
    reasons, without = [], 0
    for run in finished_images(as_network_runs(collected)):
        if run["row"] not in OBJECTIVES:
            continue
        triplets = run["measures"].get("projection")
        without += triplets is None
        for triplet in triplets or ():
            words = " / ".join(triplet["words"])
            if triplet.get("reason"):
                reasons.append(f"Not drawn, {titles[run['column']]}: {words} ({triplet['reason']}).")
            reasons += [
                f"{titles[run['column']]}: {words} lacks tokens in the {name} sentences of {OBJECTIVES[run['row']]}."
                for split, name in SPLITS.items()
                if not triplet.get("reason") and not triplet.get(split)
            ]
    told = [f"{without} finished run{'s' if without > 1 else ''} without projected words."] if without else []
    return [*dict.fromkeys(reasons), *told]
