"""references.bib: unique keys, whole entries, and every author-year citation of captions and docstrings is in it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CITATION = re.compile(r"([A-ZÀ-ž][\w'\u2019-]+)(?: et al\.,?)? (?:(?:ACL|NeurIPS) )?\(?((?:19|20)\d\d)\b(?!-)")
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
NOT_NAMES = {*MONTHS, "In", "Since", "Copyright", "ACL", "NeurIPS"}
ACCENTS = {r"{\"u}": "ü", r"{\"a}": "ä", r"{\L}": "Ł", r"{\l}": "ł", r"{\'e}": "é", r"{\'y}": "ý", r"{\'a}": "á"}
REQUIRED = {"author", "title", "year"}
VENUE = {"inproceedings": "booktitle", "article": "journal", "techreport": "institution", "book": "publisher"}


def entries():
    """(key, kind, fields) of every entry."""
    text = (ROOT / "references.bib").read_text(encoding="utf-8")
    for kind, key, body in re.findall(r"^@(\w+)\{([^,\n]+),\n(.*?)^\}", text, re.MULTILINE | re.DOTALL):
        fields = re.findall(r"^  (\w+) *= \{(.*?)\},$", body, re.MULTILINE | re.DOTALL)
        yield key, kind, {name: re.sub(r"\s+", " ", value) for name, value in fields}


def plain(text):
    for code, letter in ACCENTS.items():
        text = text.replace(code, letter)
    return re.sub(r"\{\\v\{(\w)\}\}", r"\1", text)


def family_names(fields):
    return [name.split(",")[0] for name in plain(fields["author"]).split(" and ")]


def citations():
    """(place, name, year) in captions and in the docstrings of modules."""
    for path in sorted((ROOT / "workflow" / "report").glob("*.rst")):
        yield from found_in(path.name, path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "src" / "entropyreg").rglob("*.py")):
        yield from found_in(path.name, ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")


def found_in(place, text):
    for name, year in CITATION.findall(" ".join(text.split())):
        if name not in NOT_NAMES:
            yield place, name.replace("Mueller", "Müller"), year


def test_every_entry_is_read():
    text = (ROOT / "references.bib").read_text(encoding="utf-8")
    assert len(list(entries())) == len(re.findall(r"^@", text, re.MULTILINE)) >= 40


def test_keys_are_unique_and_say_author_and_year():
    keys = [key for key, _, _ in entries()]
    assert len(keys) == len(set(keys))
    for key, _, fields in entries():
        first = family_names(fields)[0].split()[-1].lower().translate(str.maketrans("üłä", "ula"))
        assert re.fullmatch(rf"{first}{fields['year']}[a-z0-9]+", key), key


def test_every_entry_says_who_what_when_and_where():
    for key, kind, fields in entries():
        assert set(fields) >= REQUIRED, key
        assert VENUE.get(kind, "url") in fields or (kind == "misc" and "eprint" in fields), key
        assert all(value.strip() and value.count("{") == value.count("}") for value in fields.values()), key


def test_a_pair_of_braces_in_a_title_does_not_end_the_entry():
    titles = {key: fields["title"] for key, _, fields in entries()}
    assert titles["post2018call"] == "A Call for Clarity in Reporting {BLEU} Scores"


def test_every_citation_has_an_entry():
    known = {(name.split()[-1], fields["year"]) for _, _, fields in entries() for name in family_names(fields)}
    found = list(citations())
    assert len(found) > 30
    lacking = sorted({f"{place}: {name} {year}" for place, name, year in found if (name, year) not in known})
    assert not lacking, f"add to references.bib: {lacking}"


@pytest.mark.parametrize(
    ("text", "name", "year"),
    [
        ("(Meister et al., ACL 2020)", "Meister", "2020"),
        ("Kumar, Liang & Ma 2019", "Ma", "2019"),
        ("(Mueller et al. 2019)", "Müller", "2019"),
        ("Papyan, Han\n& Donoho 2020", "Donoho", "2020"),
    ],
)
def test_citations_are_recognised(text, name, year):
    assert ("x", name, year) in list(found_in("x", text))


def test_dates_are_no_citations():
    assert not list(found_in("x", "snapshot of May 2020, ILSVRC2012, 2020-05-01"))
