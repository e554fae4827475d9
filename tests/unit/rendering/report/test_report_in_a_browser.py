"""The report as a browser shows it: no complaint, nothing fetched, tables that sort and filter, narrow and dark."""

import csv
import io
import warnings

import pytest
from browser import CHROMIUM, visit
from made_records import save_record
from small_scale import ARTEFACTS, RECORD, RUN, write_scale

from entropyreg.rendering.report.page import write_report

WIDTHS = (390, 1200)  # a phone, a screen
BLEU = {RUN: ("12.35", "11"), "de/a": ("9.5", "100"), "de/b": ("0.25", "8")}  # valid, test: numbers, not texts
SCRIPT = """async (win, doc) => {
  const table = doc.getElementById("records-table"), input = doc.getElementById("records-filter");
  const heads = [...table.tHead.rows[0].cells], column = heads.findIndex((one) => one.textContent === "bleu");
  const values = () => [...table.tBodies[0].rows].filter((row) => row.getClientRects().length)
    .map((row) => row.cells[column].textContent);
  const found = {title: doc.title, before: values()};
  found.resources = win.performance.getEntriesByType("resource").map((one) => one.name);
  found.claims = doc.querySelectorAll("#ledger-table thead button").length;
  found.sortable = heads.every((head) => head.querySelector("button"));
  heads[column].querySelector("button").click();
  found.rising = [heads[column].getAttribute("aria-sort"), ...values()];
  heads[column].querySelector("button").click();
  found.falling = [heads[column].getAttribute("aria-sort"), ...values()];
  const type = (text) => { input.value = text; input.dispatchEvent(new win.Event("input", {bubbles: true})); };
  type("DE/A  test");
  found.filtered = [doc.querySelector("output[for=records-filter]").textContent, ...values()];
  type("nothing has this");
  found.none = values();
  type("");
  found.all = values().length;
  found.downloads = {};
  for (const link of doc.querySelectorAll("a[download]"))
    found.downloads[link.download] = await (await win.fetch(link.href)).text();
  found.width = [doc.documentElement.scrollWidth, win.innerWidth];
  found.dark = win.matchMedia("(prefers-color-scheme: dark)").matches;
  const light = (colour) => colour.match(/\\d+/g).slice(0, 3).reduce((sum, one) => sum + Number(one), 0) / 765;
  const style = win.getComputedStyle(doc.body);
  found.lightness = {paper: light(style.backgroundColor), ink: light(style.color)};
  return found;
}"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """The page of a small scale with seven lines of records, one without BLEU, and a function that opens it."""
    if not CHROMIUM:
        told = "no Chromium here: the report was not opened in a browser"
        warnings.warn(told, stacklevel=1)  # seen at the end of the tests; a skip alone is a letter
        pytest.skip(told)
    root = tmp_path_factory.mktemp("browser")
    settings, results, figures, captions = write_scale(root)
    for run, (valid, test) in BLEU.items():
        measures = {"valid": {"bleu": float(valid), "nll": 2.5}, "test": {"bleu": float(test)}}
        save_record(results / "runs" / run, RECORD | {"run": run, "measures": measures})
    save_record(results / "runs" / "de/c", RECORD | {"run": "de/c", "measures": {"valid": {"nll": 2.5}}})
    settings["runs"] = [*BLEU, "de/c"]
    write_report(settings, results, figures, captions, root / "site" / "report.html")
    return root / "site" / "report.html", figures


@pytest.fixture(scope="module")
def light(opened):
    return visit(opened[0], SCRIPT, WIDTHS)


def test_nothing_is_said_on_the_console_and_nothing_else_is_fetched(light):
    assert light.console == []
    assert light.fetched == ["/frames.html", *["/report.html"] * len(WIDTHS)]
    assert [(one["title"], one["resources"]) for one in light.found] == [("entropyreg: demo scale", [])] * len(WIDTHS)


def test_a_click_on_a_header_sorts_by_number_and_a_second_one_turns_it_round(light):
    values = sorted(sum(BLEU.values(), ()), key=float)
    for found in light.found:
        assert found["sortable"] and found["claims"] == 6
        assert found["before"] == [value for own in BLEU.values() for value in own] + [""]
        assert found["rising"] == ["ascending", *values, ""]
        assert found["falling"] == ["descending", *reversed(values), ""]  # no value is last either way


def test_only_rows_with_all_words_stay_visible(light):
    for found in light.found:
        assert found["filtered"] == ["1 of 7", "100"]
        assert found["none"] == [] and found["all"] == 7


def test_the_downloads_hold_the_plotted_rows_and_the_records(light, opened):
    for found in light.found:
        assert set(found["downloads"]) == {*(f"{name}.csv" for name in ARTEFACTS), "records.csv"}
        for name in ARTEFACTS:
            assert found["downloads"][f"{name}.csv"] == (opened[1] / f"{name}.csv").read_bytes().decode()
        records = list(csv.DictReader(io.StringIO(found["downloads"]["records.csv"])))
        written = [str(float(value)) for own in BLEU.values() for value in own]
        assert [one["bleu"] for one in records] == [*written, ""]


def test_the_page_is_no_wider_than_a_phone(light):
    for found, width in zip(light.found, WIDTHS, strict=True):
        inside, window = found["width"]
        assert window == width and inside <= window


def test_a_dark_scheme_has_light_ink_on_dark_paper_and_no_complaint(light, opened):
    dark = visit(opened[0], SCRIPT, WIDTHS[:1], "--blink-settings=preferredColorScheme=0")
    assert dark.console == []
    for found, expected in ((light.found[0], False), (dark.found[0], True)):
        assert found["dark"] is expected
        paper, ink = found["lightness"]["paper"], found["lightness"]["ink"]
        assert abs(paper - ink) > 0.5 and (ink > paper) is expected


def test_the_checks_find_planted_faults(opened, tmp_path):
    path, text = tmp_path / "report.html", opened[0].read_text(encoding="utf-8")
    planted = '<script>throw new Error("planted")</script><img src="missing.png"><img src="http://127.0.0.1:1/far.png">'
    path.write_text(text.replace("<main", f'{planted}<p style="width: 2000px">wide</p><main', 1), encoding="utf-8")
    seen = visit(path, SCRIPT, WIDTHS[:1])
    (found,) = seen.found
    assert ["Uncaught Error: planted" in line for line in seen.console] == [True]
    assert "/missing.png" in seen.fetched
    assert sorted(one.rpartition("/")[2] for one in found["resources"]) == ["far.png", "missing.png"]
    assert found["width"][0] > found["width"][1] == WIDTHS[0]
