"""Every table of paper A from a tiny checked-in collected table: its exact text, and rendering without any run."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from entropyreg import tables
from entropyreg.tables import a_table_sparsity, a_table_summarization, a_table_translation, a_table_variants
from entropyreg.tables.formats import to_csv, to_latex, to_markdown

DATA = Path(__file__).parents[2] / "data"
REPORT = Path(__file__).parents[3] / "workflow" / "report"
MODULES = [a_table_sparsity, a_table_summarization, a_table_translation, a_table_variants]
NAMES = [module.__name__.rpartition(".")[2] for module in MODULES]


def collected_of(name):
    return json.loads((DATA / f"collected_{name}.json").read_text(encoding="utf-8"))


def reasons_in(text):
    return {row["reason"] for row in csv.DictReader(io.StringIO(text)) if row["status"] == "missing"}


@pytest.mark.parametrize("name", NAMES)
def test_text_is_exactly_the_expected_one(tmp_path, name):
    written = tables.render(name, DATA / f"collected_{name}.json", tmp_path)
    assert [path.name for path in written] == [f"{name}.{suffix}" for suffix in ("csv", "md", "tex")]
    for path in written:
        assert path.read_bytes() == (DATA / f"expected_{path.name}").read_bytes(), path.name


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_without_a_finished_run_every_table_renders_with_reasons(module):
    collected = collected_of(module.__name__.rpartition(".")[2])
    for run in collected["rows"]:
        run.update(status="missing", reason="no record yet", measures=None)
    collected["comparisons"] = []
    table = module.build(collected)
    assert "no finished run" in table.banner
    assert "no record yet" in to_markdown(table) and "no record yet" in to_latex(table)
    assert all("no record yet" in reason for reason in reasons_in(to_csv(table)))
    values = [row for row in csv.DictReader(io.StringIO(to_csv(table))) if row.get("mean") or row.get("value")]
    assert {row["quantity"] for row in values} <= {"skew", "strength"}  # known before any run


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_with_no_run_declared_every_table_renders(module):
    collected = collected_of(module.__name__.rpartition(".")[2]) | {"rows": [], "comparisons": []}
    table = module.build(collected)
    assert len(table.sections) >= len(collected["columns"])
    assert reasons_in(to_csv(table)) == {"not collected"}
    assert "not collected" in to_markdown(table)


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_latex_rows_have_the_cells_of_their_headers(module):
    table = module.build(collected_of(module.__name__.rpartition(".")[2]))
    for section in table.sections:
        assert {len(row) for row in section.rows} == {len(section.headers)}
        assert sum(span for _, span in section.groups) == len(section.headers)


@pytest.mark.parametrize("name", NAMES)
def test_every_table_has_a_caption(name):
    assert (REPORT / f"{name}.rst").read_text(encoding="utf-8").startswith("Paper A (Meister et al., ACL 2020)")


def test_rendering_loads_no_heavy_library(tmp_path):
    heavy = {"torch", "fairseq", "pandas", "seaborn", "matplotlib", "numpy", "scipy"}
    calls = "; ".join(f"render({n!r}, {str(DATA / f'collected_{n}.json')!r}, {str(tmp_path)!r})" for n in NAMES)
    code = f"import sys; from entropyreg.tables import render; {calls}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not heavy & set(loaded)
