"""Makes (body, one-line summary) pairs from the docstrings of libraries, without importing them.

The summary is a docstring's first paragraph; the body is what follows, up to the first section on parameters and the
like (the text of `Notes` and `Explanation` is kept).
"""

import ast
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from embedded_builder.pairs import count_tokens

_TITLES = (
    "Parameters|Other Parameters|Arguments|Args|Attributes|Methods|Returns|Yields|Raises|Warnings?"
    "|See Also|Examples?|Notes?|Explanation|References"
)
_SECTION = re.compile(rf"\s*({_TITLES})\s*\n\s*[-=~]+")
_PROSE_SECTION = re.compile(r"\s*(Explanation|Notes?)\s*\n")
_END_MARKS = (">>>", "..", ":param", "Parameters", "Returns")
_ROLE = re.compile(r":[a-z:]+:`~?([^`]*)`")
SUMMARY_LENGTHS = range(4, 26)
BODY_LENGTHS = range(25, 151)


class Documented(NamedTuple):
    """One docstring, taken apart."""

    body: str
    summary: str
    package: str
    place: str  # path in the wheel:name of the function or class


def plain_text(text: str) -> str:
    """Without the marks of reStructuredText roles and literals, with single spaces."""
    return re.sub(r"\s+", " ", _ROLE.sub(r"\1", text).replace("`", "")).strip()


def body_and_summary(docstring: str) -> tuple[str, str] | None:
    """The two texts of a docstring whose lengths suit summarisation, else None."""
    first, *paragraphs = re.split(r"\n\s*\n", docstring)
    kept = []
    for paragraph in paragraphs:
        if _SECTION.match(paragraph) or paragraph.lstrip().startswith(_END_MARKS):
            if not _PROSE_SECTION.match(paragraph):
                break
            paragraph = paragraph.split("\n", 2)[-1]  # without title and underline
        kept.append(paragraph)
    summary, body = plain_text(first), plain_text(" ".join(kept))
    n_summary, n_body = count_tokens(summary), count_tokens(body)
    is_suitable = n_summary in SUMMARY_LENGTHS and n_body in BODY_LENGTHS and n_body > 2 * n_summary
    return (body, summary) if is_suitable else None


def docstrings_of(source: str) -> Iterator[tuple[str, str]]:
    """(name, docstring) of every function and class of a module, breadth first; nothing where it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield node.name, docstring


def documented_of_wheel(wheel: Path) -> Iterator[Documented]:
    """All suitable docstrings of a wheel, without those of its tests."""
    package = wheel.name.partition("-")[0]
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith(".py") or "/tests/" in name or "/test_" in name:
                continue
            try:
                source = archive.read(name).decode("utf-8")
            except UnicodeDecodeError:
                continue
            for object_name, docstring in docstrings_of(source):
                if texts := body_and_summary(docstring):
                    yield Documented(*texts, package, f"{name}:{object_name}")


def choose_documented(candidates: Iterable[Documented]) -> list[Documented]:
    """Every summary once (the first one wins), sorted by summary."""
    by_summary: dict[str, Documented] = {}
    for documented in candidates:
        by_summary.setdefault(documented.summary, documented)
    return [by_summary[summary] for summary in sorted(by_summary)]
