"""The figures of the search and of the beam sizes: what they show, count and leave out."""

import json

import pytest
from collected_runs import SIGNATURE, missing_entry, run_entry, stays_on_the_page, table, words_of

from entropyreg.rendering.figures import a_figure_beam_size, a_figure_search, render
from entropyreg.rendering.figures.style import style


def trial(series, number, kind, skew, strength, bleu, row="ger"):
    place = {"series": series, "number": number, "kind": kind}
    return run_entry(skew, strength, row=row, seed=number, trial=place, valid={"bleu": bleu})


SEARCH = [
    trial("ger", 1, "random", 0.4, 1.0, 10.0),
    trial("ger", 2, "random", 0.6, 0.5, 13.0),
    trial("ger", 3, "guided", 0.7, 0.6, 16.0),
    trial("ls", 1, "random", 1.0, 0.3, 12.0, row="label_smoothing_tuned"),
    run_entry(0.5, 1.0, row="ger"),  # no trial
    missing_entry(None, 0.0, row="ger", seed=4, trial={"series": "ger", "number": 4, "kind": "guided"}),
]


def beams(**bleu):
    return {
        "beam_sizes": {
            size[1:]: {"n_sentences": 200, "bleu": value, "bleu_signature": SIGNATURE} for size, value in bleu.items()
        }
    }


BEAMS = [
    run_entry(valid=beams(b1=15.0, b5=16.0)),
    run_entry(seed=2, valid=beams(b1=17.0, b5=17.0)),
    run_entry(1.0, 1 / 9, valid=beams(b1=16.0, b5=16.5)),
    run_entry(0.0, 0.76),
]


def drawn(module, collected):
    rows = module.plotted_rows(collected)
    with style(collected["artefact"]):
        figure = module.draw(collected, rows)
        assert stays_on_the_page(figure)
    return figure, rows


def test_the_expected_best_is_the_mean_over_orders():
    _, rows = drawn(a_figure_search, table("a_figure_search", SEARCH))
    expected = [row["bleu"] for row in rows if row["panel"] == "expected_best" and row["series"] == "ger"]
    assert expected == pytest.approx([13.0, (13 + 16 + 16) / 3, 16.0])
    assert [row["number"] for row in rows if row["panel"] == "trials"] == [1, 2, 3, 1]


def test_a_guided_trial_is_numbered_and_a_missing_one_counted():
    figure, _ = drawn(a_figure_search, table("a_figure_search", SEARCH))
    words = words_of(figure)
    assert "4 trials: 3 random (circles), 1 guided" in words and "1 of 6 runs missing" in words
    assert "label smoothing" in words and "GER" in words


def test_a_beam_curve_is_the_mean_over_seeds():
    figure, rows = drawn(a_figure_beam_size, table("a_figure_beam_size", BEAMS))
    assert [(row["curve"], row["beam_size"], row["n_seeds"], row["bleu"]) for row in rows][:2] == [
        ("no regularizer", 1, 2, 16.0),
        ("no regularizer", 5, 2, 16.5),
    ]
    lines = {line.get_gid(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert lines["no regularizer"] == [16.0, 16.5] and lines["label smoothing .1"] == [16.0, 16.5]
    words = words_of(figure)
    assert "First 200 sentences" in words and "1 finished run decoded with one beam only" in words


@pytest.mark.parametrize(
    ("module", "text"), [(a_figure_search, "no finished trial"), (a_figure_beam_size, "no finished run")]
)
def test_without_a_finished_run_the_figure_says_so(module, text):
    name = module.__name__.rsplit(".", 1)[1]
    figure, _ = drawn(module, table(name, [missing_entry(0.5, 1.0)]))
    assert text in words_of(figure)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rows"), [("a_figure_search", SEARCH), ("a_figure_beam_size", BEAMS), ("a_figure_divergences", [])]
)
def test_drawn_twice_the_bytes_are_equal(tmp_path, name, rows):
    columns = ("one",) if rows else ()
    (tmp_path / "table.json").write_text(json.dumps(table(name, rows, columns=columns)))
    first, second = (render(name, tmp_path / "table.json", tmp_path / folder) for folder in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
