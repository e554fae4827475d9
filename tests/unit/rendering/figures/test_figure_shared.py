"""What the figures share: names of regularizers, groups, lines of a footnote, panels and the legend of skews."""

from importlib import import_module

import pytest
from collected_runs import missing_entry, run_entry, table

from entropyreg.io.errors import UserError
from entropyreg.rendering import figures, tables
from entropyreg.rendering.figures.a_figure_peakiness import groups
from entropyreg.rendering.figures.footnotes import MARGIN, inches, wrapped
from entropyreg.rendering.figures.panels import (
    corner_text,
    legend_above,
    limits_around,
    new_panels,
    skew_bar,
    skew_points,
)
from entropyreg.rendering.figures.runs import digits, family_of, finished_runs, regularizer_name
from entropyreg.rendering.figures.style import DATA_SETS, FAMILIES, INK, MARKS, color, style

EUCLIDEAN = {"generator": "euclidean", "baseline": "uniform"}


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (run_entry(), "no regularizer"),
        (run_entry(1.0, 1 / 9), "label smoothing .1"),
        (run_entry(1.0, 0.5), "label smoothing .333"),
        (run_entry(0.0, 0.76), "confidence penalty, strength .76"),
        (run_entry(0.25, 1.0), "skew .25, strength 1"),
        (run_entry(0.5, 1.0, baseline="unigram"), "skew .5, strength 1, unigram"),
        (run_entry(None, 2.0, **EUCLIDEAN), "Euclidean, strength 2"),
    ],
)
def test_a_regularizer_is_named_by_what_it_is(run, name):
    assert regularizer_name(run) == name


def test_numbers_lose_only_the_zero_before_the_point():
    assert [digits(number) for number in (0, 0.1, 1, 10.0, 1.5, 0.12345)] == ["0", ".1", "1", "10", "1.5", ".123"]


def test_euclidean_is_not_drawn_as_no_regularizer():
    run = run_entry(None, 2.0, **EUCLIDEAN)
    assert family_of(run) == "euclidean" and family_of(run_entry()) == "none"
    assert color(None, "euclidean") == MARKS["euclidean"].color != color(None) == INK
    with style("test"):
        _, (axes,) = new_panels(["one"], [])
        skew_points(
            axes, [{"family": "euclidean", "skew": None, "label": "", "baseline": "uniform", "x": 1, "y": 2}], "x", "y"
        )
    assert [group.get_gid() for group in axes.collections] == ["euclidean"]


def test_no_two_marks_are_alike():
    markers = [mark.marker for mark in MARKS.values()] + [marker for _, marker in DATA_SETS]
    assert len(set(markers)) == len(markers) and set(FAMILIES) < set(MARKS)
    assert len({shade for shade, _ in DATA_SETS}) == len(DATA_SETS)


def test_a_run_is_listed_once_and_only_with_measures():
    run = run_entry(0.5, 1.0)
    rows = [
        run,
        run | {"row": "ger"},
        missing_entry(0.5, 1.0, seed=2),
        run_entry(0.5, 1.0, seed=3, measures={"valid": None}),
    ]
    assert [found["run"] for found, _ in finished_runs(table("a", rows), "valid")] == [run["run"]]


def test_groups_go_by_row_or_else_by_regularizer_and_model():
    trial = {"series": "s", "number": 1, "kind": "random"}
    runs = [
        run_entry(0.5, 1.0, row="ger"),
        missing_entry(None, row="ger", seed=2),
        run_entry(0.5, 0.7, row="ger", trial=trial),
        run_entry(0.5, 0.7),
        run_entry(0.5, 0.7, seed=2, model="fconv"),
        missing_entry(0.1, 0.7),
    ]
    assert [[runs.index(run) for run in members] for members in groups(runs)] == [[0, 1], [2, 3], [4]]


def test_a_row_of_two_regularizers_is_refused():
    with pytest.raises(UserError, match=r"row 'ger' of 'one' mixes skew .5, strength .7 .*; allowed: one"):
        groups([run_entry(0.5, 1.0, row="ger"), run_entry(0.5, 0.7, row="ger", seed=2)])


@pytest.mark.parametrize(
    "text", ["iiii " * 90, "WWWWW MMMM " * 40, "a normal sentence of the footnote, as they are; " * 9]
)
@pytest.mark.parametrize("width", [3.25, 6.75])
def test_lines_of_a_footnote_fit_whatever_their_letters(text, width):
    with style("test"):
        lines = wrapped([text, "BLEU: one"], width)
        assert max(inches(line) for line in lines) <= width - 2 * MARGIN
    assert " ".join(lines[:-1]).split() == text.split() and lines[-1] == "BLEU: one"


@pytest.mark.parametrize(("n", "width", "across"), [(1, 3.25, 1), (2, 6.75, 2), (5, 6.75, 3)])
def test_panels_have_one_height_and_do_not_overlap(n, width, across):
    with style("test"):
        figure, panels = new_panels([str(k) for k in range(n)], ["note"])
    boxes = [axes.get_window_extent() for axes in panels]
    assert figure.get_figwidth() == width
    assert {round(box.height / figure.dpi, 6) for box in boxes} == {2.05}
    assert len({round(box.x0) for box in boxes}) == across
    assert not any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[k + 1 :])


def test_limits_have_room_around_equal_values():
    assert limits_around([2.0, 2.0], least_spread=1.0) == (1.85, 2.15)
    assert limits_around([0.0, 10.0], least_spread=1.0) == (-1.5, 11.5)


def test_a_corner_text_avoids_the_points():
    with style("test"):
        _, (axes,) = new_panels(["one"], [])
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        points = [(0.05, 0.95), (0.95, 0.95), (0.05, 0.05)]  # only the lower right corner is free
        text = corner_text(axes, "r² 0.96", points)
    assert (text.get_ha(), text.get_va()) == ("right", "bottom")
    box = text.get_window_extent()
    assert not any(box.contains(*axes.transData.transform(point)) for point in points)


def test_bins_of_skews_are_labelled_in_their_middles():
    with style("test"):
        figure, _ = new_panels(["one"], [])
        bar = skew_bar(figure, ("[0, .5)", "[.5, 1]"))
    assert bar.get_xticks().tolist() == [0.25, 0.75]
    assert [label.get_text() for label in bar.get_xticklabels()] == ["● [0, .5)", "● [.5, 1]"]
    symbols = {text.get_text(): text.get_color() for text in bar.texts}
    assert symbols["■"] == color(0) and symbols["▲"] == color(1)  # the ends keep their own


def test_nothing_to_tell_draws_no_legend():
    with style("test"):
        figure, _ = new_panels(["one"], [])
        legend_above(figure, [])
    assert not figure.legends


@pytest.mark.parametrize(
    ("package", "artefact", "name"),
    [
        *((figures, "a_figure_entropy_bleu", name) for name in ("COLUMNS", "plotted_rows", "draw")),
        (tables, "a_table_sparsity", "build"),
    ],
)
def test_a_module_without_what_every_artefact_has_is_named(root, tmp_path, monkeypatch, package, artefact, name):
    """Not its collected table, which would be deleted in vain."""
    module = import_module(f"{package.__name__}.{artefact}")
    monkeypatch.delattr(module, name)
    with pytest.raises(UserError, match=rf"{artefact}\.py has no {name}, which every (figure|table) has\."):
        package.render(artefact, root / "tests" / "data" / f"collected_{artefact}.json", tmp_path)
