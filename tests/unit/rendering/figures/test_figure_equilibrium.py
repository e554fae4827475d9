"""The figure of predicted and measured entropy and floor: points, published runs, statistics, what is left out."""

import json
import math

import pytest
from collected_runs import missing_entry, points_of, run_entry, stays_on_the_page, table, words_of

from entropyreg.regularizers.equilibrium import equilibrium
from entropyreg.rendering.figures import render
from entropyreg.rendering.figures.a_figure_equilibrium import ASSUMED_VOCABULARY, COLUMNS, draw, plotted_rows
from entropyreg.rendering.figures.style import style

NAME = "a_figure_equilibrium"


def planted(skew, strength, error=0.0, **changes):
    """A run that measures its prediction plus an error, in entropy and in log floor."""
    found = equilibrium(1.0 if skew is None else skew, strength, 1616)
    floor = math.log(found.floor) if found.floor else None
    valid = {"entropy_normalized": found.normalized_entropy + error, "log_rest": (floor or -9.0) + error}
    run = run_entry(skew, strength, valid=valid, predicted_log_floor=floor, **changes)
    return run | {"predicted_entropy": found.normalized_entropy}


RUNS = [
    planted(None, 0.0, 0.2),
    planted(1.0, 1 / 9, 0.1),
    planted(0.5, 1.0, -0.1),
    planted(0.0, 0.76, 0.1),
    planted(0.75, 0.6, 0.1),
    run_entry(0.5, 0.9, baseline="unigram", predicted_entropy=None, predicted_log_floor=None),
    run_entry(None, 2.0, generator="euclidean", baseline="uniform", predicted_entropy=None, predicted_log_floor=None),
    missing_entry(0.1, 0.5, reason="failed: loss is NaN"),
]


def drawn(collected):
    rows = plotted_rows(collected)
    with style(NAME):
        figure = draw(collected, rows)
        assert stays_on_the_page(figure)
    return figure, rows


def agreement_row(rows, quantity, source, column=None):
    (row,) = [
        row
        for row in rows
        if (row["kind"], row["quantity"], row["source"], row["column"]) == ("agreement", quantity, source, column)
    ]
    return row


def test_statistics_are_those_of_the_regularized_runs():
    rows = plotted_rows(table(NAME, RUNS))
    for quantity in ("entropy_normalized", "log_rest"):
        fit = agreement_row(rows, quantity, "ours")
        assert fit["n"] == 4 and fit["mean_absolute_error"] == pytest.approx(0.1)
        assert 0.8 < fit["squared_correlation"] < 1


def test_published_entropies_agree_as_stated_in_the_theory():
    rows = plotted_rows(table(NAME, []))
    published = [row for row in rows if row["source"] == "published" and row["kind"] == "point"]
    assert {row["column"] for row in published} == set(ASSUMED_VOCABULARY)
    assert all(row["vocabulary_source"].startswith("assumed") for row in published)
    assert {row["vocabulary_size"] for row in published} == {6632, 15000, 40000}
    fit = agreement_row(rows, "entropy_normalized", "published")
    assert fit["n"] == 12
    assert round(fit["squared_correlation"], 2) == 0.96 and round(fit["mean_absolute_error"], 2) == 0.05
    (tuned,) = [row for row in published if (row["column"], row["row"]) == ("iwslt14_de_en", "confidence_penalty")]
    assert round(tuned["predicted"], 2) == 0.87 and tuned["measured"] == 0.81


def test_every_run_with_a_prediction_is_a_point_and_the_others_are_reported():
    figure, rows = drawn(table(NAME, RUNS))
    left, right = figure.axes[:2]
    ours = [row for row in rows if row["kind"] == "point" and row["source"] == "ours"]
    shown = [(row["predicted"], row["measured"]) for row in ours if row["quantity"] == "log_rest"]
    assert points_of(right) == sorted(shown) and len(shown) == 4  # without a regularizer there is no floor
    published = [
        (row["predicted"], row["measured"])
        for row in rows
        if row["source"] == "published" and row["predicted"] is not None
    ]
    entropies = [(row["predicted"], row["measured"]) for row in ours if row["quantity"] == "entropy_normalized"]
    assert points_of(left) == sorted(entropies + published) and len(entropies) == 5
    words = words_of(figure)
    assert "Filled: one point a run (5). Hollow: published, at assumed V." in words
    assert "Cross: no regularizer, predicted 0 and in no statistic (1)" in words
    assert "no theory predicts it: 2 runs (Euclidean: 1, unigram baseline: 1)" in words
    assert "1 of 8 runs missing (failed: 1)" in words
    assert "mean |error| 0.10, n 4" in words and "published: r² 0.96, mean |error| 0.05, n 12" in words


def test_several_data_sets_have_a_statistic_each_and_one_together():
    runs = [planted(0.5, strength, 0.1, column=task) for task in ("one", "two") for strength in (0.2, 0.4, 0.8)]
    rows = plotted_rows(table(NAME, runs, columns=("one", "two")))
    numbers = {column: agreement_row(rows, "log_rest", "ours", column)["n"] for column in (None, "one", "two")}
    assert numbers == {None: 6, "one": 3, "two": 3}


def test_without_a_finished_run_the_published_points_stay():
    figure, rows = drawn(table(NAME, [missing_entry(0.5, 1.0)]))
    assert words_of(figure).count("no finished run") == 3  # both panels and the scale line
    assert agreement_row(rows, "entropy_normalized", "ours")["n"] == 0
    assert len(points_of(figure.axes[0])) == 15 and points_of(figure.axes[1]) == []


def test_smoke_is_stamped():
    figure, _ = drawn(table(NAME, RUNS, scale="smoke"))
    assert all(any(text.get_text().startswith("SMOKE") for text in axes.texts) for axes in figure.axes[:2])


@pytest.mark.slow
def test_drawn_twice_the_bytes_are_equal(tmp_path):
    collected = table(NAME, RUNS, scale="smoke")
    (tmp_path / "table.json").write_text(json.dumps(collected))
    first, second = (render(NAME, tmp_path / "table.json", tmp_path / folder) for folder in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first[3].read_text().splitlines()[0] == ",".join(COLUMNS)
