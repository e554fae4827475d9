"""The figures of reliability and of mutual information: what they pool, choose and name."""

import math
from itertools import pairwise

import pytest
from collected_images import (
    reliability_table,
)
from collected_runs import words_of
from drawn_images import drawn, example, line
from matplotlib.patches import Rectangle

from entropyreg.rendering.figures.labels import text_box
from entropyreg.rendering.figures.reliability import FEW, pooled_bins


def test_bins_of_the_seeds_are_pooled_with_their_counts():
    first = {"count": [10, 0, 4], "confidence": [0.2, None, 0.8], "accuracy": [0.1, None, 1.0]}
    second = {"count": [30, 0, 0], "confidence": [0.4, None, None], "accuracy": [0.5, None, None]}
    low, high = pooled_bins([first, second])
    assert low == {"bin": 0, "count": 40, "confidence": pytest.approx(0.35), "accuracy": pytest.approx(0.4)}
    assert high == {"bin": 2, "count": 4, "confidence": 0.8, "accuracy": 1.0}


def test_the_three_curves_are_hard_hard_at_its_temperature_and_the_chosen_smoothing():
    figure, rows = example("b_figure_reliability_images")
    shown = {(row["series"], row["smoothing"], round(row["temperature"], 9), row["n_seeds"]) for row in rows}
    assert shown == {("hard", 0.0, 1.0, 2), ("hard_scaled", 0.0, 2.2, 2), ("smoothed", 0.05, 1.0, 2)}
    words = words_of(figure)
    assert "hard, T = 2.20" in words and "smoothing .05" in words and "of .05, .1 the one" in words
    diagram = figure.axes[0]
    assert line(diagram, "identity") == ([0, 1], [0, 1])
    x, y = line(diagram, "hard")
    assert [a - b for a, b in zip(x, y, strict=True)] == pytest.approx([0.15] * len(x))
    ece = {row["series"]: row["ece"] for row in rows}
    assert f"ECE {ece['smoothed']:.3f}".replace("0.", ".") in words


def test_a_bin_with_few_images_is_not_joined_to_the_curve():
    figure, rows = example("b_figure_reliability_images")
    full = [row for row in rows if row["series"] == "hard" and row["count"] >= FEW]
    assert 0 < len(full) < len([row for row in rows if row["series"] == "hard"])
    assert line(figure.axes[0], "hard")[0] == [row["confidence"] for row in full]


def test_the_strip_counts_every_image_once_a_series():
    figure, rows = example("b_figure_reliability_images")
    heights = [bar.get_height() for bar in figure.axes[1].patches if isinstance(bar, Rectangle)]
    assert sorted(heights) == sorted(row["count"] for row in rows)


def test_a_temperature_at_the_end_of_its_range_is_told():
    table = reliability_table(columns=("one",))
    table["rows"][0]["measures"]["temperature"]["ece_all"]["at_bound"] = True
    assert "T at an end of its range in 1 run." in words_of(drawn(table)[0])


def test_the_main_curve_is_the_papers_form_on_fresh_draws():
    figure, rows = example("b_figure_mutual_information")
    assert {(row["draws"], row["variance"]) for row in rows} == {(5, "shared")}
    axes = figure.axes[0]
    last = [row for row in rows if row["update"] == 4000 and row["curve"] == "hard targets"]
    fresh, same = (next(row for row in last if row["sample"] == kind) for kind in ("fresh", "same"))
    assert line(axes, "hard targets, fresh")[1][-1] == pytest.approx(fresh["mean"])
    assert same["mean"] - fresh["mean"] == pytest.approx(0.3)
    assert fresh["highest"] - fresh["lowest"] == pytest.approx(0.1) and fresh["n_seeds"] == 2
    widths = {one.get_gid(): one.get_linewidth() for one in axes.lines if one.get_gid()}
    assert widths["hard targets, same"] < widths["hard targets, fresh"]


def test_the_lines_are_log_two_and_log_n():
    figure, _ = example("b_figure_mutual_information")
    heights = [one.get_ydata()[0] for one in figure.axes[0].lines if one.get_gid() is None]
    assert heights == pytest.approx([math.log(2), math.log(300)])
    words = words_of(figure)
    assert "log 2" in words and "log 300" in words and "300 training images, 3 and 5" in words


def test_names_at_the_right_do_not_cover_each_other():
    figure, _ = example("b_figure_mutual_information")
    boxes = sorted((text_box(text) for text in figure.axes[0].texts), key=lambda box: box.y0)
    assert len(boxes) == 6
    assert all(upper.y0 >= lower.y1 - 1 for lower, upper in pairwise(boxes))
