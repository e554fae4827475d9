"""An unknown kind of regularizer is refused wherever a run is named, coloured or marked by it."""

import ast

import pytest
import torch

from entropyreg.experiments.regularizer import Regularizer, regularizer_of
from entropyreg.images.objective import distilled, hard_objective
from entropyreg.images.optimisation import learning_rate
from entropyreg.io.errors import UserError
from entropyreg.measuring.image_records import regularizer_of_training
from entropyreg.measuring.tidy_records import identity
from entropyreg.regularizers.registry import built_in, kind_of, named
from entropyreg.rendering.figures.image_runs import run_color, run_marker, targets_name
from entropyreg.rendering.figures.panels import new_panels, skew_points
from entropyreg.rendering.figures.runs import family_of, regularizer_name
from entropyreg.rendering.figures.style import color, style
from entropyreg.rendering.tables.translation_runs import as_network_run

TEXT_RUN = {"run": "a/b/c/seed1", "status": "done", "measures": {}, "skew": None, "strength": 0.5, "smoothing": None}
TEXT_RUN |= {"generator": "renyi", "baseline": "uniform"}
IMAGE_RUN = {"run": "a/b/c", "kind": "renyi", "skew": 0.5, "smoothing": None, "strength": 0.5}
RECORD = {"run": "a", "task": "b", "model": "c", "seed": 1, "measures": {}}


def draw_points():
    with style("test"):
        _, (axes,) = new_panels(["one"], [])
        skew_points(axes, [{"family": "renyi", "skew": 0.5, "label": "", "baseline": "uniform"}], "skew", "skew")


UNKNOWN = {
    "generator of a run": lambda: Regularizer(0.5, 1.0, generator="renyi"),
    "baseline of a run": lambda: Regularizer(0.5, 1.0, baseline="renyi"),
    "baseline of an arm": lambda: regularizer_of(
        {"regularizer": "confidence_penalty", "strength": 1.0, "baseline": "renyi"}, "here"
    ),
    "baseline of images": lambda: hard_objective(
        {"kind": "euclidean", "strength": 1.0, "baseline": "renyi"}, torch.ones(2)
    ),
    "arm": lambda: regularizer_of({"regularizer": "renyi", "strength": 1.0}, "here"),
    "objective of images": lambda: hard_objective({"kind": "renyi"}, [1, 1]),
    "loss of a distillation": lambda: distilled(*[torch.ones(2)] * 3, {"loss": "renyi", "weight": 1.0}),
    "schedule of images": lambda: learning_rate({"lr": 1.0, "schedule": {"kind": "renyi"}}, 0, 1),
    "record of images": lambda: regularizer_of_training({"kind": "renyi", "strength": 1.0}, 10),
    "lines of text records": lambda: identity(
        RECORD | {"regularizer": {"skew": 0.5, "strength": 1.0, "generator": "renyi"}}
    ),
    "lines of image records": lambda: identity(RECORD | {"regularizer": {"kind": "renyi"}}),
    "tables of both": lambda: as_network_run(TEXT_RUN),
    "family of a point": lambda: family_of(TEXT_RUN),
    "name in a legend": lambda: regularizer_name(TEXT_RUN),
    "colour": lambda: color(None, "renyi"),
    "points": draw_points,
    "colour of images": lambda: run_color(IMAGE_RUN),
    "marker of images": lambda: run_marker(IMAGE_RUN),
    "name of images": lambda: targets_name(IMAGE_RUN),
}


@pytest.mark.parametrize("place", UNKNOWN)
def test_an_unknown_kind_is_refused(place):
    with pytest.raises(UserError, match=r"'renyi'.*allowed: "):
        UNKNOWN[place]()


def test_kinds_by_skew_and_generator():
    assert [kind_of(skew) for skew in (None, 0, 0.5, 1.0)] == [
        "none",
        "confidence_penalty",
        "skew_jensen",
        "label_smoothing",
    ]
    assert kind_of(None, "euclidean") == "euclidean" and kind_of(0.5, "entropy") == "skew_jensen"
    assert all(kind_of(kind.fixed["skew"], "entropy") == name for name, kind in built_in().items() if kind.fixed)
    for skew in (-0.1, 1.5, float("nan")):
        with pytest.raises(UserError, match=r"skew of a regularizer is .*; allowed: a number from 0 to 1"):
            kind_of(skew)
    with pytest.raises(UserError, match="no skew"):
        kind_of(None, "entropy")
    with pytest.raises(UserError, match="'winner'; allowed: none, confidence_penalty"):
        named("winner")


def test_no_kind_is_a_fallback(root):
    """No `table.get(x, "a kind")`, and no `... if ... else "a kind"`, which name what they do not know."""
    found = []
    for path in sorted((root / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            rest = None
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
                rest = node.args[1] if len(node.args) == 2 else None
            if isinstance(node, ast.IfExp):
                rest = node.orelse
            if isinstance(rest, ast.Constant) and rest.value in set(built_in()) - {"none"}:
                found.append(f"{path.relative_to(root)}:{node.lineno}")
    assert not found
