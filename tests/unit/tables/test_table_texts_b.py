"""Every table of paper B from a tiny checked-in collected table: its exact text, and rendering without any run."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from entropyreg import tables
from entropyreg.tables import (
    b_table_accuracy,
    b_table_calibration,
    b_table_distillation_mnist,
    b_table_survey,
    b_table_teachers,
)
from entropyreg.tables.formats import to_csv, to_latex, to_markdown

DATA = Path(__file__).parents[2] / "data"
REPORT = Path(__file__).parents[3] / "workflow" / "report"
OF_RUNS = [b_table_accuracy, b_table_calibration, b_table_distillation_mnist, b_table_teachers]
MODULES = [b_table_survey, *OF_RUNS]


def name_of(module):
    return module.__name__.rpartition(".")[2]


def collected_of(module):
    return json.loads((DATA / f"collected_{name_of(module)}.json").read_text(encoding="utf-8"))


def csv_of(table):
    return list(csv.DictReader(io.StringIO(to_csv(table))))


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_text_is_exactly_the_expected_one(tmp_path, module):
    name = name_of(module)
    written = tables.render(name, DATA / f"collected_{name}.json", tmp_path)
    assert [path.name for path in written] == [f"{name}.{suffix}" for suffix in ("csv", "md", "tex")]
    for path in written:
        assert path.read_bytes() == (DATA / f"expected_{path.name}").read_bytes(), path.name


@pytest.mark.parametrize("module", OF_RUNS, ids=name_of)
def test_without_a_finished_run_every_table_renders_with_reasons(module):
    collected = collected_of(module) | {"comparisons": []}
    for run in collected["rows"]:
        run.update(status="missing", reason="out of memory", measures=None, selected=None)
        if run["teacher"]:  # what is known of a teacher before a student's record is read
            keys = ("seed", "temperature", "accuracy", "equivalent_smoothing", "entropy_normalized")
            run["teacher"] = {key: value for key, value in run["teacher"].items() if key not in keys}
    table = module.build(collected)
    assert "no finished run" in table.banner
    assert "</sup> out of memory\n" in to_markdown(table) and "out of memory" in to_latex(table)
    own = [row for row in csv_of(table) if row["status"] != "published"]
    assert {(row["mean"], row["status"], row["reason"]) for row in own} == {("", "missing", "out of memory")}


@pytest.mark.parametrize("module", OF_RUNS, ids=name_of)
def test_with_no_run_declared_every_row_is_there(module):
    collected = collected_of(module) | {"rows": [], "comparisons": []}
    table = module.build(collected)
    own = [row for row in csv_of(table) if row["status"] != "published"]
    assert {row["reason"] for row in own} == {"not collected"}
    tasks = {column["task"] for column in collected["columns"]}
    assert {(row["column"], row["row"]) for row in own} == {(t, r) for t in tasks for r in module.LAYOUT.rows}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_every_line_of_a_section_has_the_cells_of_its_headers(module):
    table = module.build(collected_of(module))
    for section in table.sections:
        assert {len(row) for row in section.rows} == {len(section.headers)}
        assert sum(span for _, span in section.groups) == len(section.headers)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_every_published_number_is_a_line_of_the_csv(module):
    from entropyreg.results.published import published_numbers

    rows = [row for row in csv_of(module.build(collected_of(module))) if row["status"] == "published"]
    keys = {(row["published_by"], row["row"], row["column"], row["quantity"]) for row in rows}
    sources = {"B": "paper", "ReScience": "replication"}
    numbers = published_numbers().numbers
    assert keys == {(sources[key[0]], *key[2:]) for key in numbers if key[1] == name_of(module)}
    assert len(rows) == len(keys)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_every_table_has_a_caption_that_names_the_paper(module):
    assert "(Müller et al., NeurIPS 2019)" in (REPORT / f"{name_of(module)}.rst").read_text(encoding="utf-8")


def test_rendering_loads_no_heavy_library(tmp_path):
    heavy = {"torch", "fairseq", "pandas", "seaborn", "matplotlib", "numpy", "scipy"}
    names = [name_of(module) for module in MODULES]
    calls = "; ".join(f"render({n!r}, {str(DATA / f'collected_{n}.json')!r}, {str(tmp_path)!r})" for n in names)
    code = f"import sys; from entropyreg.tables import render; {calls}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not heavy & set(loaded)
