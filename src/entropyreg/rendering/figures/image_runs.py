"""The finished image runs of a collected table: what a plotted row says of its run, its name, and its colour.

Hard targets are black as no regularizer is anywhere, label smoothing has the colour of skew 1.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entropyreg.experiments.kinds import WITHOUT_SKEW, by_kind, kind_of, skew_of
from entropyreg.rendering.figures.runs import digits
from entropyreg.rendering.figures.style import FAMILIES, INK, MARKS, color
from entropyreg.rendering.tables.collected import missing_text, scale_line

IMAGE_RUN = ("artefact", "scale", "column", "column_title", "model", "model_title", "row", "kind", "smoothing")
IMAGE_RUN += ("skew", "strength", "baseline")  # keys of `describe_image_run`, the first columns of a figure's csv


@dataclass(frozen=True)
class Network:
    """A model trained on a task: what one panel shows. `model` is None where no run of the task is declared."""

    column: str
    model: str | None
    title: str

    def owns(self, row: Mapping[str, Any]) -> bool:
        """Whether a run or a plotted row is of this network."""
        return (row["column"], row["model"]) == (self.column, self.model)


def networks(collected: Mapping[str, Any]) -> list[Network]:
    """The networks of a collected table in its order, every task at least once."""
    found = []
    for column in collected["columns"]:
        own = {
            run["model"]: run.get("model_title") or run["model"]
            for run in collected["rows"]
            if run["column"] == column["task"] and run["model"] is not None
        }
        for model, title in (own or {None: None}).items():
            whole = f"{column['title']}: {title}" if title else column["title"]
            found.append(Network(column["task"], model, whole))
    return found


def finished_images(collected: Mapping[str, Any], *groups: str) -> Iterator[Mapping[str, Any]]:
    """Each finished run, one seed at a time, that has all the groups of measures, once however often it is listed."""
    seen = set()
    for run in collected["rows"]:
        key = run["column"], run["row"], run["run"], run["seed"]
        if run["status"] == "done" and all(run["measures"].get(group) for group in groups) and key not in seen:
            seen.add(key)
            yield run


def describe_image_run(collected: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `IMAGE_RUN` for a run."""
    titles = {column["task"]: column["title"] for column in collected["columns"]}
    row = {key: run.get(key) for key in IMAGE_RUN}
    row |= {"artefact": collected["artefact"], "scale": collected["scale"]}
    return row | {"column_title": titles[run["column"]]}


def shown_skew(run: Mapping[str, Any]) -> float | None:
    """The skew whose colour and marker a run has; None for hard targets and generators without a skew."""
    return skew_of(run["kind"], run.get("skew"))


def run_color(run: Mapping[str, Any]) -> Any:
    """The colour of a run's regularizer, the same in every figure."""
    return color(shown_skew(run), run["kind"]) if run["kind"] != "none" else INK


def run_marker(run: Mapping[str, Any]) -> str:
    """The marker of a run's regularizer."""
    skew = shown_skew(run)
    kind = run["kind"] if skew is None else kind_of(skew)  # of skew 0 and 1 that of the ends
    return MARKS[kind].marker


def targets_name(run: Mapping[str, Any]) -> str:
    """'hard targets', 'smoothing .1', 'skew .5', 'confidence penalty', 'skew .5, unigram'."""
    names = {
        "none": lambda: "hard targets",
        "label_smoothing": lambda: f"smoothing {digits(run['smoothing'])}",
        "confidence_penalty": lambda: FAMILIES["confidence_penalty"].label,
        "skew_jensen": lambda: f"skew {digits(run['skew'])}",
    }
    names |= {kind: lambda: MARKS[run["kind"]].label for kind in WITHOUT_SKEW.values()}
    name = by_kind(names, run["kind"])()
    return f"{name}, unigram" if run.get("baseline") == "unigram" else name


def image_opening(collected: Mapping[str, Any], sentences: Sequence[str]) -> list[str]:
    """One paragraph: scale and seeds, what is shown, and the missing runs (one a seed) with their reasons."""
    missing = missing_text(collected["rows"])
    told = [f"{missing[0].upper()}{missing[1:]}."] if missing else []
    return [" ".join([f"{scale_line(collected).rstrip('.')}.", *sentences, *told])]


def mean_and_range(values: Sequence[float]) -> dict[str, float]:
    """{mean, lowest, highest} over seeds."""
    return {"mean": sum(values) / len(values), "lowest": min(values), "highest": max(values)}
