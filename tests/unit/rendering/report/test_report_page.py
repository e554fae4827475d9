"""The report: complete in one file, its links and ids in order, its numbers those of the records."""

import base64
import csv
import io
import json
import re
import shutil
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from small_scale import ARTEFACTS, RUN, write_scale

from entropyreg.io.errors import UserError
from entropyreg.io.files import sha256_of, write_json
from entropyreg.measuring.record_files import FILES, POINTS
from entropyreg.rendering.report.inline_svg import inline_svg
from entropyreg.rendering.report.ledger_lines import amount_text, claim_line, ledger_lines, probability
from entropyreg.rendering.report.page import page, write_report


class Page(HTMLParser):
    """Ids, links and what a page would fetch."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.fetched, self.downloads, self.scripts = [], [], [], {}, 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        if tag == "a":
            self.links.append(attrs["href"])
            if "download" in attrs:
                self.downloads[attrs["download"]] = attrs["href"]
        self.scripts += tag == "script"
        names = ("src", "srcset", "data", "action", "poster") + (() if tag == "a" else ("href", "xlink:href"))
        self.fetched += [attrs[name] for name in names if name in attrs]


@pytest.fixture(scope="module")
def scale(tmp_path_factory):
    return write_scale(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def text(scale):
    return page(*scale)


def test_nothing_is_loaded_from_elsewhere(text):
    fetched = [one for one in Page(text).fetched if not one.startswith(("#", "data:"))]
    assert not fetched
    assert not re.findall(r"url\((?!#)[^)]*\)|@import", text)


def test_ids_are_unique_and_every_link_arrives(text):
    found = Page(text)
    assert [name for name, count in Counter(found.ids).items() if count > 1] == []
    inside = {link[1:] for link in found.links if link.startswith("#")}
    assert inside and inside <= set(found.ids)
    assert all(link.startswith(("#", "data:")) for link in found.links)
    referred = set(re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', text))
    assert referred and referred <= set(found.ids)


def test_the_csv_of_an_artefact_is_the_file_itself(text, scale):
    links = Page(text).downloads
    for name in ARTEFACTS:
        content = base64.b64decode(links[f"{name}.csv"].partition("base64,")[2])
        assert content == (scale[2] / f"{name}.csv").read_bytes()


def test_an_artefact_says_what_made_it_and_how_its_runs_are_configured(text):
    translation, accuracy = (text.split(f'<article id="{name}"')[1].split("</article>")[0] for name in ARTEFACTS[::2])
    assert "Made with: training.torch 2.13.0 (1 of them); training.seconds, summed 90 (1 of them)." in translation
    assert "subwords: 1500" in translation and "layers: 2" in translation
    assert not {"subwords: 7", "layers: 9", "units: 128"} & set(map(str.strip, translation.splitlines()))
    assert "units: 128" in accuracy and "Made with" not in accuracy  # none of its runs left a provenance here


def test_all_records_are_in_the_table_and_in_its_csv(text):
    content = base64.b64decode(Page(text).downloads["records.csv"].partition("base64,")[2]).decode()
    lines = list(csv.DictReader(io.StringIO(content)))
    assert [(line["run"], line["split"], line["bleu"]) for line in lines] == [
        (RUN, "valid", "12.3456"),
        (RUN, "test", "11.0"),
    ]
    assert "<td>12.35</td>" in text and "1 of 2 runs have a record" in text


def test_text_from_files_is_escaped(text):
    assert "demo scale: &lt;small&gt; &amp; quick" in text and "<small> & quick" not in text


def test_every_claim_has_its_line_and_the_proof_is_supported(text):
    ids = re.findall(r'<tr id="claim-([A-Z]\d+)">', text)
    assert len(ids) == len(set(ids)) == 43
    assert re.search(r'id="claim-A9">.*?class="verdict supported"', text, re.DOTALL)


def test_without_a_ledger_the_page_says_how_to_get_one(scale, tmp_path):
    settings, results, drawn, captions = scale
    copy = tmp_path / "results"
    shutil.copytree(results, copy)
    (copy / "ledger.json").unlink()
    assert "The claims were not judged yet" in page(settings, copy, drawn, captions)


def test_the_same_files_give_the_same_bytes(scale, tmp_path):
    for name in ("one", "two"):
        write_report(*scale, tmp_path / f"{name}.html")
    assert sha256_of(tmp_path / "one.html") == sha256_of(tmp_path / "two.html")


def test_ids_of_two_figures_do_not_meet():
    svg = '<?xml?><svg width="1pt" viewBox="0 0 200 100"><g id="a"/><use xlink:href="#a" clip-path="url(#a)"/></svg>'
    found = inline_svg(svg, "fig", 'A "title"')
    assert '<g id="fig-a"/><use xlink:href="#fig-a" clip-path="url(#fig-a)"/>' in found
    assert "&quot;title&quot;" in found and "max-width:340px" in found
    with pytest.raises(ValueError, match="the SVG of 'fig' has no <svg> element"):
        inline_svg("<p>none</p>", "fig", "")


def test_numbers_of_the_ledger_are_written_for_people():
    assert [probability(value) for value in (None, 0.0001, 0.04321, 1.0)] == [None, "< .001", ".043", "1.000"]
    assert amount_text({"mnist": 0.1, "cifar10": 0.5}) == "mnist 0.1 / cifar10 0.5"
    assert amount_text([0.69, 0.9]) == "0.69 to 0.9"
    claim = dict.fromkeys(("statement", "quantity", "reason", "note", "unit", "margin", "threshold", "family"))
    claim |= {"id": "A1", "paper": "A", "verdict": "inconclusive", "direction": "not_worse", "runs": ["r"]}
    claim |= {"tests": [], "unfilled_roles": [], "detectable_effect": 0.512, "detectable_unit": "BLEU"}
    line = claim_line(claim | {"margin": 0.5, "unit": "bleu_points", "seeds_to_decide": 40})
    assert line["rule"] == "not worse, margin 0.5 bleu points"
    assert line["decide"] == "detectable effect 0.512 BLEU; 40 seeds would decide it"


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("2026-11-23T00:10:00+00:00", "declared on an earlier day"),
        ("2026-11-22T23:50:00+00:00", "declared on the same day, which came first is in the history: git log"),
        ("2026-11-21T12:00:00+00:00", "declared AFTER it"),
    ],
)
@pytest.mark.parametrize("key", [{}, {"declared_first": True}])  # ledgers of before said no more than this
def test_the_page_says_whether_a_claim_was_declared_on_an_earlier_day(scale, tmp_path, made, told, key):
    settings, results, drawn, captions = scale
    copy = tmp_path / "results"
    shutil.copytree(results, copy)
    ledger = json.loads((copy / "ledger.json").read_text(encoding="utf-8")) | {"declared": "2026-11-22"}
    first = {"run": RUN, "made": made, "source": "provenance"}
    ledger["claims"][0] |= {"first_record": first, "runs": [RUN]} | key
    write_json(copy / "ledger.json", ledger)
    found = page(settings, copy, drawn, captions)
    assert f"First record {made}; {told}" in found
    assert f"by the day of their first one:\n1 {told}" in found


@pytest.mark.parametrize("name", ["demo", "workstation"])
def test_the_committed_ledgers_are_still_read(name):
    path = Path(__file__).parents[4] / "results" / "reference" / name / "ledger.json"
    ledger = json.loads(path.read_text(encoding="utf-8"))
    lines = ledger_lines(ledger)
    with_records = sum(claim["first_record"] is not None for claim in ledger["claims"])
    assert sum(one["count"] for one in lines["days"]) == with_records
    assert len(lines["claims"]) == 43


@pytest.mark.parametrize(
    "name",
    [
        "ledger.json",
        "tables/a_table_translation.json",
        f"runs/{RUN}/provenance.json",
        *(f"runs/{RUN}/{name}" for name in FILES if name != POINTS),
    ],
)
@pytest.mark.parametrize("content", ["[3]", '{"training": 3, "rows": 3}', "x"])
def test_a_damaged_file_is_named_and_not_the_folder_of_all_results(scale, tmp_path, name, content):
    settings, results, drawn, captions = scale
    path = shutil.copytree(results, tmp_path / "results") / name
    path.write_text(content)
    with pytest.raises(UserError, match=r"(delete it|delete the file) and run again") as caught:
        write_report(settings, tmp_path / "results", drawn, captions, tmp_path / "report.html")
    assert str(caught.value).startswith(str(path)) and not (tmp_path / "report.html").exists()
