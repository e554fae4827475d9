"""The figures of gain and of rank against entropy, and the histograms of confidence: values, partners, bins, gaps."""

import json

import pytest
from collected_runs import missing_entry, points_of, run_entry, stays_on_the_page, table, words_of

from entropyreg.rendering.figures import a_figure_entropy_bleu_datasets as datasets
from entropyreg.rendering.figures import a_figure_peakiness as peakiness
from entropyreg.rendering.figures import a_figure_reference_rank as rank
from entropyreg.rendering.figures import render
from entropyreg.rendering.figures.style import color, style

MODULES = {"a_figure_entropy_bleu_datasets": datasets, "a_figure_peakiness": peakiness, "a_figure_reference_rank": rank}


def run(skew, strength, entropy, bleu, reference_rank=40.0, **changes):
    valid = {"entropy_normalized": entropy, "bleu": bleu, "reference_rank": reference_rank} | changes.pop("valid", {})
    return run_entry(skew, strength, valid=valid, **changes)


RUNS = [
    run(None, 0.0, 0.2, 20.0, 30.0, row="none"),
    run(None, 0.0, 0.22, 21.0, 31.0, row="none", seed=2),
    run(1.0, 1 / 9, 0.3, 20.5, 35.0, row="label_smoothing_0.1"),
    run(0.5, 1.0, 0.5, 22.0, 40.0, row="ger"),
    run(0.5, 1.0, 0.52, 21.5, 41.0, row="ger", seed=2),
    run(0.5, 1.0, 0.51, 25.0, 42.0, row="ger", seed=3),  # its unregularized partner is missing
    missing_entry(None, row="none", seed=3),
    run(0.0, 0.76, 0.7, 10.0, 60.0, column="two", row="confidence_penalty"),
    run(None, 0.0, 0.1, 9.0, 20.0, column="two", row="none"),
    missing_entry(0.5, 1.0, column="two", row="ger", reason="failed: loss is NaN"),
]
COLUMNS = ("one", "two")


def drawn(name, collected):
    module = MODULES[name]
    rows = module.plotted_rows(collected)
    with style(name):
        figure = module.draw(collected, rows)
        assert stays_on_the_page(figure)
    return figure, rows


def test_a_gain_is_over_the_run_of_the_same_data_set_and_seed():
    figure, rows = drawn("a_figure_entropy_bleu_datasets", table("a_figure_entropy_bleu_datasets", RUNS, COLUMNS))
    gains = [row["bleu_gain"] for row in rows]
    assert gains == [0.0, 0.0, 0.5, 2.0, 0.5, None, 1.0, 0.0]
    shown = sorted((row["entropy_normalized"], row["bleu_gain"]) for row in rows if row["bleu_gain"] is not None)
    assert points_of(figure.axes[0]) == shown
    words = words_of(figure)
    assert "One point a run (7)." in words and "Not drawn: 1 finished run without an unregularized run" in words
    assert "2 of 10 runs missing (failed: 1, no record yet: 1)" in words


def test_a_gain_never_crosses_architectures():
    runs = [run(None, 0.0, 0.2, 20.0), run(0.5, 1.0, 0.5, 22.0, model="fconv")]
    assert [row["bleu_gain"] for row in datasets.plotted_rows(table("a", runs))] == [0.0, None]


def test_data_sets_differ_in_colour_and_marker():
    figure, _ = drawn("a_figure_entropy_bleu_datasets", table("a_figure_entropy_bleu_datasets", RUNS, COLUMNS))
    groups = {group.get_gid(): group for group in figure.axes[0].collections}
    one, two = groups["one"], groups["two"]
    assert one.get_facecolor().tolist() != two.get_facecolor().tolist()
    assert one.get_paths()[0].vertices.shape != two.get_paths()[0].vertices.shape
    assert [text.get_text() for text in figure.legends[0].get_texts()][:2] == ["Data one", "Data two"]


@pytest.mark.parametrize(
    ("skew", "label"),
    [
        (0.0, "[0, .25)"),
        (0.249, "[0, .25)"),
        (0.25, "[.25, .5)"),
        (0.5, "[.5, .75)"),
        (0.75, "[.75, 1]"),
        (1.0, "[.75, 1]"),
    ],
)
def test_each_skew_falls_in_its_published_bin(skew, label):
    assert rank.BINS[rank.bin_of(skew)] == label


def test_ranks_are_plotted_in_the_colour_of_their_bin_and_the_ends_in_their_own():
    figure, rows = drawn("a_figure_reference_rank", table("a_figure_reference_rank", RUNS, COLUMNS))
    assert [row["skew_bin"] for row in rows][:4] == [None, None, "[.75, 1]", "[.5, .75)"]
    left, right = figure.axes[:2]
    own = [row for row in rows if row["column"] == "one"]
    assert points_of(left) == sorted((row["entropy_normalized"], row["reference_rank"]) for row in own)
    (squares,) = [group for group in right.collections if group.get_gid() == "confidence_penalty"]
    assert tuple(squares.get_facecolor()[0]) == pytest.approx(color(0))  # an end keeps its colour in every figure
    between = [group for group in left.collections if group.get_gid() == "skew_jensen"]
    shades = {tuple(shade) for group in between for shade in group.get_facecolor()}
    assert shades and shades <= {tuple(color(middle)) for middle in (0.125, 0.375, 0.625, 0.875)}
    assert "V\u00a0=\u00a01,616" in " ".join(text.get_text() for text in figure.texts)


def histogram(low, high):
    return {"confidence_histogram": [low] * 10 + [high] * 10}


def test_seeds_are_pooled_by_their_counts():
    runs = [
        run(None, 0.0, 0.2, 20.0, row="none", valid=histogram(1, 3)),
        run(0.5, 1.0, 0.5, 22.0, row="ger", valid=histogram(4, 0)),
        run(0.5, 1.0, 0.5, 22.0, row="ger", seed=2, valid=histogram(1, 5)),
        run(0.5, 1.0, 0.5, 22.0, column="two", row="ger", valid=histogram(9, 9)),
    ]
    figure, rows = drawn("a_figure_peakiness", table("a_figure_peakiness", runs, COLUMNS))
    assert len(rows) == 40 and {row["column"] for row in rows} == {"one"}
    pooled = [row for row in rows if row["row"] == "ger"]
    assert [row["share_percent"] for row in pooled] == pytest.approx([5.0] * 20)  # 5 of 100 tokens in every bin
    assert {(row["n_tokens"], row["n_seeds"], row["seeds"]) for row in pooled} == {(100, 2, "1 2")}
    assert pooled[3]["bin_low"] == pytest.approx(0.15) and pooled[3]["bin_high"] == pytest.approx(0.2)
    none = [row for row in rows if row["row"] == "none"]
    assert none[0]["share_percent"] == pytest.approx(2.5) and none[-1]["share_percent"] == pytest.approx(7.5)
    panels = figure.axes[:2]
    assert [axes.get_title(loc="left") for axes in panels] == ["no regularizer", "skew .5, strength 1"]
    outlines = [[patch.get_data().values.tolist() for patch in axes.patches if not patch.get_fill()] for axes in panels]
    assert outlines[0] == outlines[1] == [pytest.approx([2.5] * 10 + [7.5] * 10)]
    assert "Not shown: Data two." in words_of(figure) and "Bins of 0.05." in words_of(figure)


def test_a_regularizer_without_a_run_keeps_its_panel_and_says_why():
    runs = [run(None, 0.0, 0.2, 20.0, row="none"), missing_entry(None, row="ger", reason="failed: loss is NaN")]
    runs += [run(1.0, 1 / 9, 0.3, 20.0, row="label_smoothing_0.1"), missing_entry(row="label_smoothing_0.1", seed=2)]
    figure, rows = drawn("a_figure_peakiness", table("a_figure_peakiness", runs))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["no regularizer", "skew and strength tuned", "label smoothing .1"]
    assert [text.get_text() for text in figure.axes[1].texts] == ["no run:\nfailed"]
    assert [text.get_text() for text in figure.axes[2].texts] == ["1 seed\n(missing: no record yet)"]
    assert [row["status"] for row in rows if row["row"] == "ger"] == ["missing"]


@pytest.mark.parametrize("name", MODULES)
def test_without_a_finished_run_the_figure_says_so(name):
    figure, rows = drawn(name, table(name, [missing_entry(0.5, 1.0, row="ger")]))
    assert "no finished run" in words_of(figure) and "1 of 1 run missing (no record yet: 1)" in words_of(figure)
    assert not [row for row in rows if row.get("status") != "missing"]
    drawn(name, table(name, []))


@pytest.mark.parametrize("name", MODULES)
def test_smoke_is_stamped(name):
    figure, _ = drawn(name, table(name, RUNS, COLUMNS, scale="smoke"))
    assert any(text.get_text() == "SMOKE:\nmeans nothing" for text in figure.axes[0].texts)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_drawn_twice_the_bytes_are_equal(tmp_path, name):
    collected = table(name, RUNS, COLUMNS, scale="smoke")
    (tmp_path / "table.json").write_text(json.dumps(collected))
    first, second = (render(name, tmp_path / "table.json", tmp_path / folder) for folder in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first[3].read_text().splitlines()[0] == ",".join(MODULES[name].COLUMNS)
