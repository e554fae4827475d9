"""What holds for every table of every collected table at hand: nothing is lacking without a reason."""

import csv
import io
import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from entropyreg.reference.cells import runs_of_cell
from entropyreg.rendering.published import published_numbers
from entropyreg.rendering.tables import ARTEFACTS
from entropyreg.rendering.tables.formats import to_csv

ROOT = Path(__file__).parents[4]
PATHS = sorted(ROOT.glob("results/reference/*/tables/?_table_*.json"))
PATHS += sorted(ROOT.glob("tests/data/collected_?_table_*.json"))
IDS = [f"{path.parts[-3]}-{path.stem.removeprefix('collected_')}" for path in PATHS]
NUMBER = re.compile(r"[+-]?\d[\d.e+-]*$")
WITH_INTERVAL = re.compile(r"[+-]?[\d.]+ \[(needs seeds|[+-]?[\d.]+, [+-]?[\d.]+)\] \(\d+\)$")
COMPARED = re.compile(r"[+-]?[\d.]+ \[[+-]?[\d.]+, [+-]?[\d.]+\], p [<=] [\d.]+ \(n = \d+( and \d+)?\)$")
CORE = ["paper", "artefact", "task", "model", "row", "column", "published", "certainty", "mean", "low", "high"]
CORE += ["seeds", "difference", "unit", "reason"]


def built(path):
    collected = json.loads(path.read_text(encoding="utf-8"))
    return collected, import_module(f"entropyreg.rendering.tables.{collected['artefact']}").build(collected)


def lines_of(table):
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def test_every_table_of_the_demo_is_looked_at():
    assert {path.stem for path in PATHS if path.parts[-3] == "demo"} == set(ARTEFACTS)


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_every_csv_line_has_its_numbers_or_reasons(path):
    _, table = built(path)
    lines = lines_of(table)
    assert list(lines[0])[: len(CORE)] == CORE
    for line in lines:
        reasons = line["reason"]
        assert line["unit"] and line["column"] and line["row"]
        if not line["mean"]:
            assert "mean: " in reasons, line
        else:
            assert line["seeds"] and ((line["low"] and line["high"] and line["interval"]) or "interval: " in reasons), (
                line
            )
            assert not line["low"] or float(line["low"]) <= float(line["high"])
        assert bool(line["certainty"]) or not line["published"]
        if line["task"] and not line["published"]:
            assert "published: " in reasons, line
        if line["published"] and line["mean"] and not line["difference"]:
            assert "difference: " in reasons, line
        if line["difference"]:
            wanted = float(line["mean"]) - float(line["published"])
            assert float(line["difference"]) == pytest.approx(wanted, abs=2e-6)


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_no_cell_is_on_two_lines(path):
    _, table = built(path)
    names = ("paper", "task", "model", "run", "row", "column", "compared_with", "published_task")
    keys = [tuple(line[name] for name in names) for line in lines_of(table)]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_every_published_number_of_the_artefact_is_in_the_csv(path):
    collected, table = built(path)
    known = published_numbers()
    wanted = {
        (one.paper, known.data_sets[one.column], one.printed)
        for one in known.numbers.values()
        if one.artefact == collected["artefact"] and not one.metric.endswith(("_error", "_plus_minus"))
    }
    found = {(line["paper"], line["published_task"], line["published_printed"] or None) for line in lines_of(table)}
    assert wanted <= found


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_every_cell_is_a_number_with_interval_and_seeds_or_a_word_that_is_explained(path):
    _, table = built(path)
    notes = " ".join(note.text for note in table.notes)
    for section in table.sections:
        published = {
            place for place, one in enumerate(section.headers) if one.text in ("paper", "replication", "published")
        }
        reproduced = {place for place, one in enumerate(section.headers) if one.text == "reproduced"}
        named = section.groups[0][1]
        for row in section.rows:
            for place, cell in enumerate(row[named:], start=named):
                if (
                    place in published
                    or cell.text == "-"
                    or WITH_INTERVAL.match(cell.text)
                    or COMPARED.match(cell.text)
                ):
                    continue
                if not NUMBER.match(cell.text):
                    assert cell.text in ("higher", "lower") or f"{cell.text}: " in notes or cell.text == "not measured"
                    assert "n/a (" not in cell.text
                elif place in reproduced:
                    group = group_of(section, place)
                    assert group in ("skew", "strength", "T"), (section.title, group, cell.text)  # settings


def group_of(section, place):
    return [name for name, span in section.groups for _ in range(span)][place]


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_every_reproduced_cell_names_the_runs_that_make_it(path):
    collected, table = built(path)
    rows = {run["row"] for run in collected["rows"]}  # a trial that is in a pair may be in no row
    lines = [line for line in lines_of(table) if line["mean"] and line["run"] and line["row"] in rows]
    for line in lines:
        model = line["model"]
        runs = runs_of_cell(collected, line["row"], f"{line['task']}:{model}")
        assert any(line["run"] in (run, run.rpartition("/")[0]) for run in runs), line
        assert set(runs) <= set(runs_of_cell(collected, line["row"], line["task"]))
    assert lines or collected["artefact"] in ("a_table_losses", "b_table_survey")


def test_sections_stay_readable():
    widths = {path.stem: max(len(one.headers) for one in built(path)[1].sections) for path in PATHS}
    assert max(widths.values()) <= 15
