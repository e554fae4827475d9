"""The figures of distillation and of the projection: where points lie, what is outlined, that axes are equal."""

import math

import pytest
from collected_images import (
    accurate,
    image_run,
    image_table,
    projection_table,
    teacher_of,
)
from collected_runs import words_of
from drawn_images import drawn, example, line
from matplotlib.colors import to_hex

from entropyreg.rendering.figures.labels import text_box


def test_points_lie_at_their_equivalent_smoothing_with_mean_and_range_over_seeds():
    figure, rows = example("b_figure_distillation")
    point = next(row for row in rows if row["row"] == "from_hard" and row["temperature"] == 4.0)
    middle = 100 * (0.87 + 0.02 * 0.35 * 0.65)
    assert point["equivalent_smoothing"] == pytest.approx(0.35)
    assert [point[key] for key in ("lowest", "mean", "highest")] == pytest.approx([middle - 0.2, middle, middle + 0.2])
    teacher = [row for row in rows if row["row"] == "teacher"]
    assert [row["equivalent_smoothing"] for row in teacher] == [0.0, 0.15, 0.3, 0.45, 0.6, 0.75]
    both, students = figure.axes[:2]
    assert {one.get_gid() for one in both.lines} == {"teacher", "student", "from_hard", "from_smoothed"}
    assert {one.get_gid() for one in students.lines} == {"student", "from_hard", "from_smoothed"}
    assert line(students, "from_hard")[0] == sorted(line(students, "from_hard")[0])


def test_every_temperature_is_written_once_above_its_point_and_covers_no_other():
    figure, _ = example("b_figure_distillation")
    wanted = ["T = 1", "2", "3", "4", "8", "12", "16"]
    written = {text.get_text(): text_box(text) for text in figure.axes[1].texts if text.get_text() in wanted}
    assert sorted(written) == sorted(wanted)
    boxes = list(written.values())
    assert not any(one.overlaps(other) for n, one in enumerate(boxes) for other in boxes[:n])
    places = dict(zip(wanted, zip(*line(figure.axes[1], "from_hard"), strict=True), strict=True))
    for text, box in written.items():
        x, y = figure.axes[1].transData.transform(places[text])
        assert box.x0 - 1 <= x <= box.x1 + 1 and box.y0 > y


def test_a_cell_is_the_mean_over_seeds_and_a_missing_run_leaves_it_empty():
    figure, rows = example("b_figure_distillation_grid")
    assert len(rows) == 8  # of nine: both seeds of the last are missing
    cell = next(row for row in rows if (row["teacher_smoothing"], row["temperature"]) == (0.0, 4.0))
    assert cell["mean"] == pytest.approx(100 * (0.9 + 0.02 * math.log(4)) + 0.15)
    words = words_of(figure)
    assert f"{cell['mean']:.2f}" in words and "2 of 18 runs missing" in words and "Grey: no finished run." in words
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["1", "2", "4"]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["0", ".15", ".45"]


def test_the_best_temperature_of_each_teacher_is_outlined():
    figure, _ = example("b_figure_distillation_grid")
    outlined = [patch for patch in figure.axes[0].patches if patch.get_gid() == "selected"]
    cells = {(int(p.get_x() + p.get_width() / 2), int(p.get_y() + p.get_height() / 2)) for p in outlined}
    assert cells == {(2, 0), (0, 1), (0, 2)}
    low, high = figure.axes[0].get_ylim()
    assert low < high  # the hard teacher at the bottom
    assert figure.axes[0].get_ylabel() == "teacher's smoothing"


def test_one_cell_alone_can_be_drawn():
    run = image_run(row="student", selected=True, teacher=teacher_of(0.0, 1.0, 0.1, 1), **accurate(0.5))
    figure, _ = drawn(image_table("b_figure_distillation_grid", [run]))
    assert "50.00" in words_of(figure)


def test_one_line_a_triplet_and_four_columns():
    figure, rows = drawn(projection_table(columns=("one", "two"), triplets=2))
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert len(panels) == 4 * 3
    titles = [axes.get_title(loc="left") for axes in panels[:4]]
    wanted = [f"{name}, {split}" for name in ("hard targets", "smoothing .1") for split in ("training", "validation")]
    assert titles == wanted
    assert sum(row["kind_of_point"] == "image" for row in rows) == 3 * 4 * 3 * 40
    assert {row["seed"] for row in rows} == {1}
    words = words_of(figure)
    assert "class 0" in words and "class 5" in words and "up to 40 images a class" in words


def test_axes_are_equal_and_shared_by_the_splits_of_a_network():
    figure, _ = example("b_figure_projection")
    train, valid, smoothed, _ = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert (train.get_xlim(), train.get_ylim()) == (valid.get_xlim(), valid.get_ylim())
    assert train.get_xlim() != smoothed.get_xlim()
    for axes in (train, smoothed):
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        assert right - left == pytest.approx(high - low)
        box = axes.get_window_extent()
        assert box.width == pytest.approx(box.height, rel=1e-3)


def test_each_class_has_one_look_and_its_template_a_cross():
    figure, rows = example("b_figure_projection")
    panel = next(axes for axes in figure.axes if axes.get_title(loc="left"))
    groups = {group.get_gid(): group for group in panel.collections}
    classes = [groups[f"class {n}"] for n in range(3)]
    assert len({to_hex(group.get_facecolor()[0]) for group in classes}) == 3
    templates = {tuple(group.get_offsets()[0].tolist()) for group in panel.collections if group.get_gid() == "template"}
    planted = {(row["x"], row["y"]) for row in rows if row["kind_of_point"] == "template" and row["row"] == "hard"}
    assert templates == planted and len(planted) == 3


def test_a_split_without_kept_activations_says_so():
    table = projection_table(columns=("one",), triplets=1)
    for run in table["rows"]:
        for triplet in run["measures"]["projection"] or []:
            del triplet["valid"]
    assert words_of(drawn(table)[0]).count("no kept activations") == 2
