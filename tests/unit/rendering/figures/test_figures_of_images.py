"""Paper B's figures of image runs: equal bytes, missing runs, stamps, and what they share; the targets."""

import json
import math

import numpy as np
import pytest
from collected_images import (
    EXAMPLES,
    accurate,
    image_run,
    image_table,
    missing,
)
from collected_runs import stays_on_the_page, words_of
from drawn_images import MODULES, drawn, example
from matplotlib.colors import to_hex

from entropyreg.measures.distillation import equivalent_smoothing_of_targets
from entropyreg.rendering.figures import b_figure_targets, render
from entropyreg.rendering.figures.image_panels import broken, new_grid
from entropyreg.rendering.figures.image_runs import finished_images, networks, run_color, run_marker, targets_name
from entropyreg.rendering.figures.style import FAMILIES, INK, color, style

OF_RUNS = sorted(set(MODULES) - {"b_figure_targets"})


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MODULES))
def test_drawn_twice_the_bytes_are_equal(tmp_path, name):
    (tmp_path / "table.json").write_text(json.dumps(EXAMPLES[name]()))
    first, second = (render(name, tmp_path / "table.json", tmp_path / folder) for folder in ("a", "b"))
    assert [path.suffix for path in first] == [".pdf", ".svg", ".png", ".csv"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize("name", OF_RUNS)
def test_without_a_finished_run_the_figure_says_so(name):
    table = EXAMPLES[name]()
    reasons = [missing(run, "failed: loss is NaN") for run in table["rows"]]
    figure, rows = drawn(table | {"rows": reasons})
    words = words_of(figure)
    assert rows == []
    assert "no finished run" in words and f"{len(reasons)} of {len(reasons)} runs missing (failed: " in words


@pytest.mark.parametrize("name", OF_RUNS)
def test_a_task_that_no_run_fills_has_an_empty_panel(name):
    nothing = missing(image_run(column="big"), "not run at demo scale") | {"run": None, "model": None, "seed": None}
    nothing |= {"model_title": None, "kind": None}
    table = EXAMPLES[name]()
    columns = [*table["columns"], {"task": "big", "title": "CIFAR-10, all of its images", "classes": None}]
    figure, rows = drawn(table | {"rows": [*table["rows"], nothing], "columns": columns})
    words = words_of(figure)
    assert "CIFAR-10, all of its images" in words and "no finished run" in words
    assert "not run at demo scale: 1" in words and all(row["column"] != "big" for row in rows)


@pytest.mark.parametrize("name", OF_RUNS)
def test_a_smoke_run_is_stamped_within_its_panel(name):
    figure, _ = drawn(EXAMPLES[name]() | {"scale": "smoke"})
    stamps = [text for axes in figure.axes for text in axes.texts if text.get_text().startswith("SMOKE")]
    assert stamps
    for text in stamps:
        assert text.get_window_extent().width <= text.axes.get_window_extent().width + 1


def test_a_seed_is_counted_once_and_needs_its_measures():
    run = image_run(**accurate(0.5))
    rows = [run, run, image_run(seed=2, **accurate(0.5)), image_run(seed=3, scores=None), missing(image_run(seed=4))]
    found = list(finished_images(image_table("b_figure_distillation", rows), "scores"))
    assert [one["seed"] for one in found] == [1, 2]


def test_hard_targets_are_black_and_smoothing_has_the_colour_of_skew_one():
    hard, smoothed = image_run(), image_run(0.05)
    member = smoothed | {"kind": "skew_jensen", "skew": 0.5, "smoothing": None}
    assert [run_color(run) for run in (hard, smoothed, member)] == [INK, color(1.0), color(0.5)]
    assert run_marker(hard) == FAMILIES["none"].marker and run_marker(smoothed) == FAMILIES["label_smoothing"].marker
    assert [targets_name(run) for run in (hard, smoothed, member)] == ["hard targets", "smoothing .05", "skew .5"]
    assert len({to_hex(run_color(run)) for run in (hard, smoothed, member)}) == 3


def test_networks_follow_the_tasks_and_a_task_without_runs_has_one():
    rows = [image_run(column="two", model="a"), image_run(column="two", model="b"), image_run(0.1, column="two")]
    found = networks(image_table("b_figure_projection", rows, columns=("one", "two")))
    shown = [("one", None), ("two", "a"), ("two", "b"), ("two", "mlp")]
    assert [(one.column, one.model) for one in found] == shown
    assert found[0].title == "Data one" and found[1].title == "Data two: Model a"


def test_long_titles_have_two_lines_and_stay_in_their_column():
    with style("titles"):
        titles = [
            "Digits: MLP",
            "Fashion-MNIST, 6,000 images: MLP of 1200 units, dropout, trained for three times as long",
        ]
        assert broken(titles[:1], 2.0) == (titles[:1], 1)
        split, lines = broken(titles, 2.0)
        assert lines == 2 and split[0] == "Digits:\nMLP"
        figure, panels = new_grid(titles, ["note"], 2, names=0.5)
        widths = [axes.title.axes.get_tightbbox().width / figure.dpi for axes in panels]
        assert max(widths) < 3.3 and stays_on_the_page(figure)


def test_the_targets_have_the_smoothing_they_claim():
    rows = b_figure_targets.plotted_rows(EXAMPLES["b_figure_targets"]())
    for smoothing in b_figure_targets.SMOOTHINGS:
        target = [row["probability"] for row in rows if row["smoothing"] == smoothing]
        assert math.fsum(target) == pytest.approx(1.0) and len(target) == 10
        found = equivalent_smoothing_of_targets(np.array([target]), np.array([b_figure_targets.TARGET]))
        assert found == pytest.approx(smoothing)
    words = words_of(example("b_figure_targets")[0])
    assert ".91" in words and ".01" in words and ".325" in words and ".075" in words
