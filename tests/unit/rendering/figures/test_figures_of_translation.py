"""Paper B's figures of translation runs: equal bytes, missing runs, stamps, and points where they were planted."""

import json
from functools import cache

import collected_translation as planted
import pytest
from collected_runs import stays_on_the_page, words_of
from drawn_images import line
from matplotlib.colors import to_hex

from entropyreg.rendering.figures import (
    b_figure_projection_translation,
    b_figure_reliability_translation,
    b_figure_temperature,
    b_figure_temperature_family,
    render,
)
from entropyreg.rendering.figures.style import INK, color, style

MODULES = {
    module.__name__.rsplit(".", 1)[1]: module
    for module in (
        b_figure_projection_translation,
        b_figure_reliability_translation,
        b_figure_temperature,
        b_figure_temperature_family,
    )
}
WITH_FAMILY = ("b_figure_temperature_family", "b_figure_reliability_translation")
COLLECTED = ("curves", "curve_differences", "scaling", "own_output", "intervals", "comparisons")


def example(name, **changes):
    kind = {"triplets": 2} if name == "b_figure_projection_translation" else {}
    rows = (
        planted.FAMILY if name in ("b_figure_temperature_family", "b_figure_reliability_translation") else planted.PAPER
    )
    return planted.table(name, **{"rows": rows, "seeds": (1, 2), **kind, **changes})


def drawn(collected):
    module = MODULES[collected["artefact"]]
    rows = module.plotted_rows(collected)
    assert all(set(row) >= set(module.COLUMNS) for row in rows)
    with style(collected["artefact"]):
        figure = module.draw(collected, rows)
        assert stays_on_the_page(figure)
    return figure, rows


@cache
def example_drawn(name):
    """The example's figure and rows, for tests that only look at them."""
    return drawn(example(name))


def axes_titled(figure, end):
    return next(axes for axes in figure.axes if axes.get_title(loc="left").endswith(end))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MODULES))
def test_drawn_twice_the_bytes_are_equal(tmp_path, name):
    (tmp_path / "table.json").write_text(json.dumps(example(name, rows=planted.PAPER, seeds=(1,))))
    first, second = (render(name, tmp_path / "table.json", tmp_path / folder) for folder in ("a", "b"))
    assert [path.suffix for path in first] == [".pdf", ".svg", ".png", ".csv"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_without_a_finished_run_the_figure_says_so(name):
    table = example(name)
    absent = [planted.missing(run, "failed: loss is NaN") for run in table["rows"]]
    figure, rows = drawn(table | {"rows": absent} | {key: [] for key in COLLECTED})
    words = words_of(figure)
    assert "no finished run" in words and f"{len(absent)} of {len(absent)} runs missing (failed: " in words
    assert {row.get("kind_of_row") for row in rows} <= {"published"}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_row_that_was_not_run_leaves_the_others(name):
    table = example(name, rows=("hard",), seeds=(1,))
    figure, rows = drawn(table | {"rows": [*table["rows"], planted.not_run("smoothed", "en_de")]})
    words = words_of(figure)
    assert "not run at demo scale: 1" in words and "1 seed" in words
    assert {row["row"] for row in rows if row.get("kind_of_row") != "published"} == {"hard"}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_smoke_run_is_stamped(name):
    figure, _ = drawn(example(name) | {"scale": "smoke"})
    assert any(text.get_text().startswith("SMOKE") for axes in figure.axes for text in axes.texts)


def test_curves_of_the_figure_are_the_collected_ones_with_their_bands():
    figure, rows = example_drawn("b_figure_temperature")
    axes = axes_titled(figure, "hard targets")
    x, y = line(axes, "hard, bleu")
    assert x == list(planted.GRID) and y == pytest.approx([planted.planted("hard", "bleu", one, 2) for one in x])
    band = [row for row in rows if (row["row"], row["quantity"], row["kind_of_row"]) == ("hard", "ece", "curve")]
    assert [row["high"] - row["low"] for row in band] == pytest.approx([0.012] * len(planted.GRID))
    nll = axes_titled(figure, "NLL of both")
    assert {one.get_gid() for one in nll.lines if one.get_gid()} == {"one", "hard, nll", "smoothed, nll"}
    shades = {one.get_gid(): to_hex(one.get_color()) for one in nll.lines}
    assert (shades["hard, nll"], shades["smoothed, nll"]) == (to_hex(INK), to_hex(color(1.0)))


def test_fitted_temperatures_are_means_over_seeds_and_marked_where_bleu_was_decoded():
    figure, rows = example_drawn("b_figure_temperature")
    fits = {
        row["fit"]: row for row in rows if (row["row"], row["kind_of_row"], row["quantity"]) == ("hard", "fit", "bleu")
    }
    assert fits["ece_all"]["temperature"] == pytest.approx(1.24)  # 1.25 less .02 and .00 of two seeds
    bleu = sum(planted.planted("hard", "bleu", one, seed) for one, seed in ((1.23, 1), (1.25, 2))) / 2
    assert fits["ece_all"]["estimate"] == pytest.approx(bleu)
    axes = axes_titled(figure, "hard targets")
    crosses = [(one.get_xdata()[0], one.get_ydata()[0]) for one in axes.lines if one.get_gid() == "decoded"]
    assert sorted(crosses) == sorted((fit["temperature"], fit["estimate"]) for fit in fits.values())


def test_the_share_of_the_gap_is_printed_or_the_gain_where_there_is_no_gap():
    table = example("b_figure_temperature")
    words = words_of(example_drawn("b_figure_temperature")[0])
    assert "gap to smoothed: +1.20 [+0.90, +1.50] BLEU" in words and "closed at T of least ECE: 17 % [2, 40]" in words
    for entry in table["scaling"]:
        entry.update(closed=None, low=None, high=None)
    words = words_of(drawn(table)[0])
    assert "closed at T" not in words and "gain at T of least ECE: +0.20 [-0.10, +0.50]" in words


def test_findings_count_temperatures_by_estimate_and_by_band():
    table = example("b_figure_temperature")
    for entry in table["curve_differences"]:
        at = entry["temperatures"].index(0.6)
        if (entry["row"], entry["quantity"], entry["kind"]) == ("smoothed", "bleu", "to_one"):
            entry["estimate"][at], entry["low"][at], entry["high"][at] = 1.0, 0.2, 1.8
        if (entry["row"], entry["quantity"], entry["kind"]) == ("hard", "nll", "to_row"):
            entry["estimate"][at], entry["low"][at], entry["high"][at] = -0.01, -0.1, 0.08
    words = words_of(drawn(table)[0])
    assert "BLEU better than at T = 1: 1 of 6 T (band: 1)" in words
    assert "ECE better than at T = 1: 0 of 6 T (band: 0)" in words
    assert "hard below smoothed: 7 of 7 T (band: 6)" in words


def test_published_errors_are_hollow_and_stand_beside_a_task_that_names_them():
    figure, rows = example_drawn("b_figure_temperature")
    published = {(r["row"], r["temperature"]): r["estimate"] for r in rows if r["kind_of_row"] == "published"}
    assert published == {("hard", 1.0): 0.056, ("hard", 1.13): 0.018, ("smoothed", 1.0): 0.019}
    marks = [one for axes in figure.axes for one in axes.collections if one.get_gid() == "published"]
    assert len(marks) == 3 and all(len(mark.get_facecolor()) == 0 for mark in marks)
    table = example("b_figure_temperature", columns=("de_en",))
    assert not [row for row in b_figure_temperature.plotted_rows(table) if row["kind_of_row"] == "published"]


def test_the_family_has_its_names_and_the_scaled_hard_model():
    table = example("b_figure_temperature_family")
    table["comparisons"] = [planted.compared("en_de", "skew0.5", "scaled_bleu", 0.75, 0.5)]
    figure, _ = drawn(table)
    words = words_of(figure)
    for name in ("hard targets", "smoothing .1", "skew .5", "confidence penalty", "hard, T = 1.24"):
        assert name in words
    assert "at T = 1 minus hard at its T: skew .5: +0.75 [+0.25, +1.25]" in words
    assert "designed for a normalised entropy of 0.25" in words and "Data en_de, hard targets: .15;" in words
    height = sum(planted.planted("hard", "ece", one, seed) for one, seed in ((1.23, 1), (1.25, 2))) / 2
    assert line(axes_titled(figure, "ECE (gold prefix)"), "scaled")[1] == pytest.approx([height, height])


def test_the_diagrams_are_under_the_gold_prefix_and_of_own_output():
    figure, rows = example_drawn("b_figure_reliability_translation")
    shown = {(row["conditioning"], row["series"]) for row in rows}
    assert shown == {("gold", "hard_scaled")} | {(kind, row) for kind in ("gold", "own") for row in planted.FAMILY}
    one = next(row for row in rows if (row["conditioning"], row["series"], row["bin"]) == ("gold", "hard", 14))
    assert one["count"] == 2 * 4066 and one["confidence"] - one["accuracy"] == pytest.approx(0.2 * 0.22314, abs=1e-4)
    assert one["ece"] == pytest.approx(planted.planted("hard", "ece", 1.0, 1.5))
    words = words_of(figure)
    assert "hard: +.080 [+.070, +.092]" in words and "hard, T = 1.24" in words and "Data en_de: own output" in words


def test_a_task_without_the_family_leaves_the_place_of_its_panel_free():
    both = example("b_figure_reliability_translation", columns=("en_de", "de_en"), rows=planted.PAPER)
    both["rows"].append(planted.run_of("skew0.5", column="de_en"))
    figure, _ = drawn(both)
    titles = [axes.get_title(loc="left").replace("\n", " ") for axes in figure.axes if axes.get_title(loc="left")]
    assert [title.partition(": ")[2] for title in titles] == [
        *("gold prefix", "own output"),
        *("gold prefix", "own output", "gold prefix, family"),
    ]
    third, *_ = [axes for axes in figure.axes if axes.get_title(loc="left")][4:]
    assert third.get_position().x0 > 0.6


def test_words_are_projected_once_a_row_with_the_scatter_of_their_split():
    figure, rows = example_drawn("b_figure_projection_translation")
    assert {row["seed"] for row in rows} == {1}
    assert sum(row["kind_of_point"] == "token" for row in rows) == 2 * 2 * 2 * 3 * 20
    hard, smoothed = ({row["scatter_ratio"] for row in rows if row["row"] == name} for name in planted.PAPER)
    assert (hard, smoothed) == ({0.9}, {0.3})
    words = words_of(figure)
    assert words.count("scatter .9 [.8, 1.1]") == 4 and words.count("scatter .3 [.2, .5]") == 4
    assert "word0@@" in words and "word5@@" in words and "up to 20 tokens a word" in words


def test_a_triplet_that_cannot_be_projected_says_why():
    table = example("b_figure_projection_translation", seeds=(1,))
    for run in table["rows"]:
        second = run["measures"]["valid"]["projection"][1]
        reason = {"words": second["words"], "reason": "the dictionary has no 'word4@@'"}
        run["measures"]["valid"]["projection"][1] = reason
        run["measures"]["valid"]["clusters"]["valid"] = None
    words = words_of(drawn(table)[0])
    assert "Not drawn, Data en_de: word3@@ / word4@@ / word5@@ (the dictionary has no 'word4@@')." in words
    assert words.count("scatter .9") == 1
    for run in table["rows"]:
        run["measures"]["valid"]["projection"] = [reason]
    figure, rows = drawn(table)
    assert rows == [] and "no projected words" in words_of(figure)
