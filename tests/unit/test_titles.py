"""Titles name tables and figures by content; a text that numbers one says that it is paper B's.

The full text of paper A was not available, so its numbering is not known to us: "Table 2" would claim to know it.
"""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
NUMBERED = re.compile(r"\b(?:tab(?:le|\.)|fig(?:ure|\.))s?[ ~\u00a0]*\d", re.IGNORECASE)
PAPER_B = re.compile(r"Müller|[Pp]aper B\b|[Pp]aper's|\b[Tt]heir\b|\b[Ii]ts\b")
PAPER_A = re.compile(r"Meister|[Pp]aper A\b")
SOURCES = sorted(path for folder in ("src", "tools", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
DECLARATIONS = sorted(path for folder in ("src", "workflow") for path in (ROOT / folder).rglob("*.yaml"))
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("tests/data/expected_*")]
PAGES = sorted(path for path in [*PAGES, *ROOT.glob("paper_figures/reference/**/*")] if path.suffix in (".md", ".tex"))
CAPTIONS = sorted([*ROOT.glob("workflow/report/*.rst"), *ROOT.glob("src/**/*.j2")])


def read(path):
    return path.read_text(encoding="utf-8")


def strings(path):
    """Every string of a module that is no docstring: titles, labels, notes."""
    tree, docstrings = ast.parse(read(path)), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            docstrings.add(id(node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def titles(value):
    """The values of the keys `title` in a declaration."""
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key == "title" and isinstance(part, str):
            yield part
        yield from titles(part)


def headings(text):
    """Headings of Markdown and LaTeX."""
    return re.findall(r"^#+ .*$|\\caption\{.*$|\\textbf\{.*$", text, re.MULTILINE)


def not_of_paper_b(text):
    """Where a table or figure has a number and no word before it, after the last one of paper A, means paper B."""
    text = " ".join(text.replace("\n#", "\n").split())
    for found in NUMBERED.finditer(text):
        before = text[max(0, found.start() - 100) : found.start()]
        if not PAPER_B.search(PAPER_A.split(before)[-1]):
            yield text[max(0, found.start() - 100) : found.end() + 20]


def test_no_title_has_a_number():
    found = [one for path in SOURCES for one in strings(path)]
    found += [one for path in DECLARATIONS for one in titles(yaml.safe_load(read(path)))]
    found += [one for path in PAGES for one in headings(read(path))]
    assert len(found) > 5000
    assert not [one for one in found if NUMBERED.search(one)]


def test_a_numbered_table_or_figure_is_said_to_be_that_of_paper_b():
    found = {path: list(not_of_paper_b(read(path))) for path in [*SOURCES, *DECLARATIONS, *PAGES, *CAPTIONS]}
    assert not {str(path.relative_to(ROOT)): places for path, places in found.items() if places}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Paper A, Table 1: translation", True),
        ("(Meister et al. 2020, Table 3)", True),
        ("See Fig. 4 for this.", True),
        ("In figures 2 and 3", True),
        ("unlike paper B, paper A's Table 2 has", True),
        ("(Müller et al. 2019, section 4, the x axis of their Figure 5)", False),
        ("Paper B (Müller, Kornblith and Hinton, NeurIPS 2019), Figure 3: reliability", False),
        ("the paper's ECE (its Table 3)", False),
        ("one-column figures fill 3 pages; a table of 4 rows", False),
    ],
)
def test_references_to_paper_b_are_recognised(text, wrong):
    assert bool(list(not_of_paper_b(text))) == wrong
