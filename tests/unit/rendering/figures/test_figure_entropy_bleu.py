"""The figure of BLEU against entropy: what it plots, what it says, and that its bytes never vary."""

import csv
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from matplotlib.text import Text

from entropyreg.experiments.kinds import kind_of
from entropyreg.io.errors import UserError
from entropyreg.rendering import figures
from entropyreg.rendering.figures.a_figure_entropy_bleu import COLUMNS, draw, plotted_rows
from entropyreg.rendering.figures.labels import text_box
from entropyreg.rendering.figures.style import FAMILIES, SKEW_COLORS, color, style

NAME = "a_figure_entropy_bleu"
COLLECTED = Path(__file__).parents[3] / "data" / f"collected_{NAME}.json"
RENDER = "import sys; from entropyreg.rendering.figures import render; render(*sys.argv[1:4]); print(*sys.modules)"


@pytest.fixture
def collected():
    return json.loads(COLLECTED.read_text(encoding="utf-8"))


def drawn(collected):
    with style(NAME):
        return draw(collected, plotted_rows(collected))


def points_of(axes):
    groups = [group for group in axes.collections if group.get_gid() in FAMILIES]
    return sorted(tuple(point) for group in groups for point in group.get_offsets().tolist())


def words_of(figure):
    return " ".join(" ".join(text.get_text().split()) for text in figure.findobj(Text))


def digests(folder):
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def render_elsewhere(folder, **environment):
    """Draw in another process, with another working folder and environment."""
    keep = {key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ}
    folder.mkdir()
    command = [sys.executable, "-c", RENDER, NAME, str(COLLECTED), str(folder / "out")]
    result = subprocess.run(
        command, cwd=folder, env=keep | environment, check=True, capture_output=True, text=True, encoding="utf-8"
    )
    return result.stdout.split()


def test_files_written(tmp_path):
    written = figures.render(NAME, COLLECTED, tmp_path)
    assert [path.name for path in written] == [f"{NAME}.{suffix}" for suffix in ("pdf", "svg", "png", "csv")]
    assert sorted(tmp_path.iterdir()) == sorted(written)


def test_csv_holds_the_plotted_points(tmp_path, collected):
    figures.render(NAME, COLLECTED, tmp_path)
    with (tmp_path / f"{NAME}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    axes = drawn(collected).axes[0]
    assert sorted((float(row["entropy_normalized"]), float(row["bleu"])) for row in rows) == points_of(axes)
    done = {run["run"] for run in collected["rows"] if run["status"] == "done"}
    assert {row["run"] for row in rows} == done and len(rows) == len(done)


def test_twice_in_one_process_gives_the_same_bytes(tmp_path):
    figures.render(NAME, COLLECTED, tmp_path / "one")
    figures.render(NAME, COLLECTED, tmp_path / "two")
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_another_locale_zone_folder_and_matplotlibrc_give_the_same_bytes(tmp_path):
    figures.render(NAME, COLLECTED, tmp_path / "here")
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "matplotlibrc").write_text(
        "font.family: serif\nfont.size: 20\naxes.grid: False\nsavefig.dpi: 50\nsavefig.bbox: tight\n"
        "svg.hashsalt: other\npdf.fonttype: 3\nlines.markersize: 12\ntimezone: Asia/Tokyo\nbackend: svg\n"
    )
    loaded = render_elsewhere(
        tmp_path / "there",
        **{"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "TZ": "Asia/Tokyo", "HOME": str(tmp_path / "there")},
        **{"MPLCONFIGDIR": str(settings), "MPLBACKEND": "module://absent", "SOURCE_DATE_EPOCH": "1700000000"},
    )
    assert digests(tmp_path / "here") == digests(tmp_path / "there" / "out")
    assert not {"torch", "fairseq", "matplotlib.pyplot"} & set(loaded)
    render_elsewhere(tmp_path / "bare", LC_ALL="C", TZ="UTC-11", HOME=str(tmp_path / "bare"))
    assert digests(tmp_path / "here") == digests(tmp_path / "bare" / "out")


def test_no_date_and_no_program_in_the_files(tmp_path):
    for path in figures.render(NAME, COLLECTED, tmp_path):
        content = path.read_bytes()
        for trace in (b"CreationDate", b"Producer", b"Software", b"<dc:date>", b"matplotlib.org"):
            assert trace not in content, (path.name, trace)


def test_environment_and_settings_are_left_as_they_were(tmp_path, monkeypatch):
    import matplotlib

    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    before = dict(matplotlib.rcParams)
    figures.render(NAME, COLLECTED, tmp_path)
    assert "SOURCE_DATE_EPOCH" not in os.environ and dict(matplotlib.rcParams) == before


def test_missing_runs_and_scale_are_told_in_the_figure(collected):
    words = words_of(drawn(collected))
    assert "demo scale, 1 seed: small models" in words
    assert "One point a run (10). 1 of 11 runs missing (failed: 1)." in words
    assert "Ring: unigram baseline." in words
    assert "BLEU: nrefs:1|case:lc" in words
    assert "SMOKE" not in words


def test_a_bar_shows_how_long_the_interval_of_a_point_is(collected):
    assert "Bar at the right" not in words_of(drawn(collected))
    done = [run for run in collected["rows"] if run["status"] == "done"]
    for run, half in zip(done, (1.0, 7.0, *[3.0] * len(done)), strict=False):
        bleu = run["measures"]["valid"]["bleu"]
        run["intervals"] = {"valid": {"bleu": [bleu - half, bleu + half]}}
    axes = drawn(collected).axes[0]
    (bar,) = [segments for group in axes.collections if group.get_gid() is None for segments in group.get_segments()]
    (x, low), (_, high) = bar
    assert high - low == pytest.approx(6) and x > 0.9
    assert axes.get_ylim()[0] < low < high < axes.get_ylim()[1]
    assert "95 % interval of a point over sentences" in words_of(drawn(collected))
    assert all(row["bleu_low"] < row["bleu"] < row["bleu_high"] for row in plotted_rows(collected))


def test_smoke_says_that_it_means_nothing(collected):
    figure = drawn(collected | {"scale": "smoke", "scale_note": "SMOKE TEST"})
    assert any(text.get_text() == "SMOKE:\nmeans nothing" for text in figure.axes[0].texts)


def test_no_finished_run_still_draws(tmp_path, collected):
    for run in collected["rows"]:
        run.update(status="missing", reason="no record yet", measures=None)
    path = tmp_path / "collected.json"
    path.write_text(json.dumps(collected), encoding="utf-8")
    assert (figures.render(NAME, path, tmp_path)[3]).read_text() == ",".join(COLUMNS) + "\n"
    assert "no finished run" in words_of(drawn(collected))


def test_a_run_that_fills_two_cells_is_one_point(collected):
    collected["rows"].append(collected["rows"][0] | {"row": None})
    assert len(plotted_rows(collected)) == 10


@pytest.mark.parametrize("n", [2, 3, 4])
def test_one_panel_a_data_set(collected, n):
    first = collected["columns"][0]
    collected["columns"] = [first | {"task": f"task{i}", "title": f"Data {i}"} for i in range(n)]
    collected["rows"] = [
        run | {"column": f"task{i}", "run": f"{i}/{run['run']}"} for i in range(n) for run in collected["rows"]
    ]
    figure = drawn(collected)
    panels = figure.axes[:n]
    assert [axes.get_title(loc="left") for axes in panels] == [f"Data {i}" for i in range(n)]
    assert all(len(points_of(axes)) == 10 for axes in panels)
    assert figure.get_figwidth() == 6.75


def test_labels_cover_neither_points_nor_each_other_and_stay_inside(collected):
    axes = drawn(collected).axes[0]
    labels = [text for text in axes.texts if text.get_text() in ("no regularizer", "label smoothing .1")]
    assert len(labels) == 2
    boxes = [text_box(label) for label in labels]
    frame = axes.get_window_extent()
    assert not boxes[0].overlaps(boxes[1])
    for box in boxes:
        assert box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1
        for point in points_of(axes):
            assert not box.contains(*axes.transData.transform(point))


@pytest.mark.parametrize(("lowest", "highest"), [(None, None), (15.34, 16.74), (0.0, 0.004), (9.7, 41.2)])
def test_everything_stays_on_the_page(collected, lowest, highest):
    runs = [run for run in collected["rows"] if run["measures"]]
    for position, run in enumerate(runs if lowest is not None else []):  # tick labels of every width
        run["measures"]["valid"]["bleu"] = lowest + (highest - lowest) * position / (len(runs) - 1)
    figure = drawn(collected)
    figure.canvas.draw()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height


def test_each_family_keeps_its_marker_and_each_skew_its_colour():
    assert [kind_of(skew) for skew in (None, 0.0, 0.25, 1.0)] == list(FAMILIES)
    assert len({kind.marker for kind in FAMILIES.values()}) == len(FAMILIES)
    assert color(0.5) == SKEW_COLORS(0.5) and color(0) != color(1)
    lightness = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b, _ in (color(n / 20) for n in range(21))]
    assert lightness == sorted(lightness), "in grey, a higher skew is lighter"


def test_unknown_figure_is_refused_with_the_allowed_ones(tmp_path):
    with pytest.raises(UserError, match=f"allowed: .*{NAME}"):
        figures.render("figure_2", COLLECTED, tmp_path)
