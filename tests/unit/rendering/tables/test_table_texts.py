"""Every table from a tiny checked-in collected table: its exact text, and rendering without any run."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from entropyreg.rendering import tables
from entropyreg.rendering.tables.formats import to_csv, to_latex, to_markdown

DATA = Path(__file__).parents[3] / "data"
REPORT = Path(__file__).parents[4] / "workflow" / "report"
NAMES = sorted(path.stem.removeprefix("collected_") for path in DATA.glob("collected_?_table_*.json"))
OF_RUNS = [name for name in NAMES if name not in ("a_table_losses", "b_table_survey")]
OF_IMAGES = [name for name in OF_RUNS if name.startswith("b_")]
PAPERS = {"a": "(Meister et al., ACL 2020)", "b": "(Müller et al., NeurIPS 2019)"}


def collected_of(name):
    return json.loads((DATA / f"collected_{name}.json").read_text(encoding="utf-8"))


def build(name, collected):
    return import_module(f"entropyreg.rendering.tables.{name}").build(collected)


def own_lines(table):
    """The csv lines of cells, without published numbers that stand beside none."""
    return [row for row in csv.DictReader(io.StringIO(to_csv(table))) if row["task"]]


@pytest.mark.parametrize("name", NAMES)
def test_text_is_exactly_the_expected_one(tmp_path, name):
    """After a meant change: UPDATE_GOLDEN=1 pytest, then read the difference."""
    written = tables.render(name, DATA / f"collected_{name}.json", tmp_path)
    if os.environ.get("UPDATE_GOLDEN"):
        for path in written:
            shutil.copyfile(path, DATA / f"expected_{path.name}")
    assert [path.name for path in written] == [f"{name}.{suffix}" for suffix in ("csv", "md", "tex")]
    for path in written:
        assert path.read_bytes() == (DATA / f"expected_{path.name}").read_bytes(), path.name


@pytest.mark.parametrize("name", OF_RUNS)
def test_without_a_finished_run_every_cell_has_its_reason(name):
    collected = collected_of(name) | {"comparisons": []}
    for run in collected["rows"]:
        run.update(status="missing", reason="failed: out of memory", measures=None, selected=None)
        if run.get("teacher"):  # what is known of a teacher before a student's record is read
            keys = ("seed", "temperature", "accuracy", "equivalent_smoothing", "entropy_normalized")
            run["teacher"] = {key: value for key, value in run["teacher"].items() if key not in keys}
    table = build(name, collected)
    assert "no finished run" in table.banner
    for text in (to_markdown(table), to_latex(table)):
        assert "failed: " in text and "out of memory" in text
    settings = ("skew", "strength", "smoothing")  # known before any run
    reasons = [row["reason"] for row in own_lines(table) if row["column"] not in settings]
    begun = ("mean: failed: out of memory", "mean: does not apply", "mean: not run")
    assert reasons and all(reason.startswith(begun) for reason in reasons)
    assert sum(reason.startswith("mean: failed") for reason in reasons) > len(reasons) / 2
    assert not any(row["mean"] for row in own_lines(table) if row["column"] not in settings)


@pytest.mark.parametrize("name", OF_RUNS)
def test_with_no_run_declared_every_table_renders(name):
    collected = collected_of(name) | {"rows": [], "comparisons": []}
    table = build(name, collected)
    assert len(table.sections) >= len(collected["columns"])
    assert not any(row["mean"] for row in own_lines(table))
    assert {row["reason"].split(";")[0] for row in own_lines(table)} <= {
        *("mean: not run: no run is declared for it", "mean: does not apply"),
        "mean: not run: no network here has this amount of smoothing",
    }


@pytest.mark.parametrize("name", OF_IMAGES)
def test_with_no_run_declared_every_row_is_there(name):
    collected = collected_of(name) | {"rows": [], "comparisons": []}
    tasks = {column["task"] for column in collected["columns"]}
    rows = import_module(f"entropyreg.rendering.tables.{name}").LAYOUT.rows
    assert {(row["task"], row["row"]) for row in own_lines(build(name, collected))} == {
        (t, r) for t in tasks for r in rows
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_section_has_the_cells_of_its_headers(name):
    for section in build(name, collected_of(name)).sections:
        assert {len(row) for row in section.rows} == {len(section.headers)}
        assert sum(span for _, span in section.groups) == len(section.headers)


@pytest.mark.parametrize("name", NAMES)
def test_every_table_has_a_caption_that_names_the_paper(name):
    assert PAPERS[name[0]] in (REPORT / f"{name}.rst").read_text(encoding="utf-8")


def test_rendering_loads_no_heavy_library(tmp_path):
    heavy = {"torch", "fairseq", "pandas", "seaborn", "matplotlib"}
    calls = "; ".join(f"render({n!r}, {str(DATA / f'collected_{n}.json')!r}, {str(tmp_path)!r})" for n in NAMES)
    code = f"import sys; from entropyreg.rendering.tables import render; {calls}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not heavy & set(loaded)
