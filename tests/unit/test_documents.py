"""Documents that a tool writes are up to date."""

import importlib.util
import json
import re

import pytest

from entropyreg.io.errors import UserError

NAMED = re.compile(r"#.*\bdeviations?: ([a-z0-9_]+(?:, [a-z0-9_]+)*)")


def tool(root, name):
    specification = importlib.util.spec_from_file_location(name, root / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_reference_of_the_configuration_is_current(root):
    module = tool(root, "make_config_docs")
    written = (root / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert written == module.content(), "run: python tools/make_config_docs.py"
    for key in ("`decoding.beam_test`", "`image_models.<name>.optimiser.lr`", "`skew`"):
        assert f"| {key} |" in written


def test_the_page_of_verdicts_is_that_of_the_committed_ledger(root):
    written = (root / "docs" / "verdicts.md").read_text(encoding="utf-8")
    assert written == tool(root, "make_verdict_table").content(), "run: python tools/make_verdict_table.py"
    ledger = json.loads((root / "results/reference/demo/ledger.json").read_text(encoding="utf-8"))
    for claim in ledger["claims"]:
        assert f"| {claim['id']} | {claim['statement']} | {claim['verdict'].replace('_', ' ')} |" in written
    told = {name.replace("_", " "): count for name, count in ledger["counts"].items() if count}
    assert all(f"{count} {name}" in written for name, count in told.items()), told


@pytest.fixture(scope="module")
def deviations(root):
    return tool(root, "make_deviations")


def named_in(path):
    """The ids of deviations that the comments of a file name."""
    return {name for names in NAMED.findall(path.read_text(encoding="utf-8")) for name in names.split(", ")}


def test_the_page_of_deviations_is_current_and_complete(root, deviations):
    written = (root / "docs" / "deviations.md").read_text(encoding="utf-8")
    assert written == deviations.content(), "run: python tools/make_deviations.py"
    assert all(written.count(f"<br>`{name}` |") == 1 for name in deviations.deviations())


def test_comments_and_the_table_of_deviations_name_each_other(deviations):
    entries = deviations.deviations()
    files = [path for folder in deviations.FOLDERS for path in sorted(folder.glob("*.yaml"))]
    files.remove(deviations.DECLARED)
    named = {path.name: named_in(path) for path in files}
    assert set().union(*named.values()) <= set(entries)
    for name, entry in entries.items():
        for file in entry["where"].keys() - {"code", "claims.yaml"}:  # its comments are no place for them
            assert name in named[file], f"no comment of {file} says 'deviation: {name}'"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"where": {"paper.yaml": ["decoding.beams"]}}, "paper.yaml has no 'beams' there"),
        ({"where": {"paper_a.yaml": ["blocks[paper_tabel].seeds"]}}, "has no 'paper_tabel' there"),
        ({"where": {"papers.yaml": ["decoding"]}}, "names 'papers.yaml'; allowed: a file of workflow/config"),
        ({"where": {"code": ["entropyreg.measures.entropy.nothing"]}}, "nothing, which does not exist"),
        ({"where": {"base.yaml": ["calibration"]}, "ours": "{0}"}, "cannot stand in a sentence"),
        ({"ours": "{1}"}, r"ours of x has \{1\}; `where` has 1 places"),
    ],
)
def test_a_deviation_that_leads_nowhere_is_refused(deviations, change, message):
    entry = {"ours": "{0}", "where": {"base.yaml": ["decoding.max_length_factor"]}}
    assert deviations.ours("x", entry) == "1.2"
    with pytest.raises(UserError, match=message):
        deviations.ours("x", entry | change)


def test_the_page_of_measures_is_current(root):
    module = tool(root, "make_measures_docs")
    written = (root / "docs" / "measures.md").read_text(encoding="utf-8")
    assert written == module.content(), "run: python tools/make_measures_docs.py"
