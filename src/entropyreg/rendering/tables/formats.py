"""Writing one table as csv, Markdown and LaTeX; the bytes depend on the table alone.

csv is tidy (one line a quantity, full precision); Markdown and LaTeX are the table as a person reads it.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entropyreg.io.files import write_atomically

ALPHA, GAMMA = "\u03b1", "\u03b3"  # written as escapes where they stand in texts: they look like Latin letters
MARKDOWN_SPECIAL = re.compile(r"([\\|*_<>`\[\]])")
LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "Ĥ": r"$\hat{H}$",
    ALPHA: r"$\alpha$",
    GAMMA: r"$\gamma$",
}


@dataclass(frozen=True)
class Cell:
    """Text of a cell with the marks of its footnotes; `latex` replaces the escaped text where mathematics is wanted."""

    text: str
    marks: tuple[str, ...] = ()
    latex: str | None = None


@dataclass(frozen=True)
class Section:
    """The rows of one data set. `groups` are (name, number of columns) over `headers`, the row label's column first."""

    title: str
    text: str
    groups: tuple[tuple[str, int], ...]
    headers: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Note:
    """A line under the table; `code` is shown verbatim after the text (a metric's signature)."""

    text: str
    code: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """A table: `banner` above it, sections, notes under it, and the tidy lines of its csv."""

    name: str
    title: str
    banner: str
    sections: tuple[Section, ...]
    notes: tuple[Note, ...]
    tidy_header: tuple[str, ...]
    tidy_rows: tuple[tuple[Any, ...], ...]


def write(table: Table, out_dir: str | Path) -> list[Path]:
    """Write `<out_dir>/<name>.csv`, `.md` and `.tex`; return their paths."""
    paths = []
    for suffix, content in (("csv", to_csv(table)), ("md", to_markdown(table)), ("tex", to_latex(table))):
        path = Path(out_dir) / f"{table.name}.{suffix}"
        write_atomically(path, content)
        paths.append(path)
    return paths


def to_csv(table: Table) -> str:
    """The tidy lines; None is empty, floats keep six decimals."""
    return csv_text(table.tidy_header, table.tidy_rows)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """csv with LF, whatever the platform and locale."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([plain(value) for value in row] for row in rows)
    return file.getvalue()


def plain(value: Any) -> Any:
    """A csv field: '' for None, floats with at most six decimals and no negative zero."""
    if isinstance(value, float):
        return repr(round(value, 6) + 0.0)
    return "" if value is None else value


def to_markdown(table: Table) -> str:
    """GitHub's Markdown with columns padded to equal width."""
    lines = [f"# {markdown(table.title)}", "", f"**{markdown(table.banner)}**", ""]
    for section in table.sections:
        text = [markdown(section.text), ""] if section.text else []
        lines += [f"## {markdown(section.title)}", "", *text, *markdown_rows(section), ""]
    lines += [f"- {markdown_note(note)}" for note in table.notes]
    return "\n".join(lines) + "\n"


def markdown_rows(section: Section) -> list[str]:
    """Group names are joined to the headers, because Markdown has one header line."""
    groups = [name for name, span in section.groups for _ in range(span)]
    header = [Cell(f"{group} {cell.text}".strip()) for group, cell in zip(groups, section.headers, strict=True)]
    texts = [[markdown_cell(cell) for cell in row] for row in (header, *section.rows)]
    widths = [max(3, *(len(row[column]) for row in texts)) for column in range(len(header))]
    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [texts[0], rule, *texts[1:]]
    for line in lines:
        line[:] = [line[0].ljust(widths[0]), *(t.rjust(w) for t, w in zip(line[1:], widths[1:], strict=True))]
    return [f"| {' | '.join(line)} |" for line in lines]


def markdown_cell(cell: Cell) -> str:
    marks = "".join(f" <sup>{mark}</sup>" for mark in cell.marks)
    return markdown(cell.text) + marks


def markdown_note(note: Note) -> str:
    mark = f"<sup>{note.mark}</sup> " if note.mark else ""
    return mark + markdown(note.text) + (f" `{note.code}`" if note.code else "")


def markdown(text: str) -> str:
    """Escape what Markdown would read as markup; line breaks become spaces."""
    return MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(text.split()))


def to_latex(table: Table) -> str:
    """A `table*` for two-column papers; needs the packages booktabs and graphicx."""
    width = max(len(section.headers) for section in table.sections)
    lines = [
        "% needs \\usepackage{booktabs,graphicx}",
        "\\begin{table*}",
        "\\centering\\small",
        f"\\caption{{{latex(table.title)}. \\textbf{{{latex(table.banner)}}}}}",
        f"\\label{{tab:{table.name}}}",
        "\\resizebox{\\textwidth}{!}{%",
        f"\\begin{{tabular}}{{l{'r' * (width - 1)}}}",
        "\\toprule",
    ]
    for position, section in enumerate(table.sections):
        lines += ["\\midrule"] * (position > 0) + latex_rows(section)
    lines += ["\\bottomrule", "\\end{tabular}}", "\\par\\smallskip\\raggedright\\footnotesize"]
    texts = [f"\\emph{{{latex(section.title)}:}} {latex(section.text)}" for section in table.sections if section.text]
    lines += [f"{text}\\par" for text in (*texts, *map(latex_note, table.notes))]
    return "\n".join([*lines, "\\end{table*}"]) + "\n"


def latex_rows(section: Section) -> list[str]:
    width = len(section.headers)
    groups = [
        f"\\multicolumn{{{span}}}{{c}}{{{latex(name)}}}" if name else " & " * (span - 1)
        for name, span in section.groups
    ]
    named = any(name for name, _ in section.groups)
    return [
        f"\\multicolumn{{{width}}}{{l}}{{\\textbf{{{latex(section.title)}}}}} \\\\",
        *([" & ".join(groups) + " \\\\", rules_under(section.groups)] if named else []),
        " & ".join(latex_cell(cell) for cell in section.headers) + " \\\\",
        "\\midrule",
        *(" & ".join(latex_cell(cell) for cell in row) + " \\\\" for row in section.rows),
    ]


def rules_under(groups: Sequence[tuple[str, int]]) -> str:
    """A rule under each named group."""
    rules, first = [], 1
    for name, span in groups:
        rules += [f"\\cmidrule(lr){{{first}-{first + span - 1}}}"] if name else []
        first += span
    return " ".join(rules)


def latex_cell(cell: Cell) -> str:
    text = latex(cell.text) if cell.latex is None else cell.latex
    if cell.text == "-":
        text = "--"
    elif cell.latex is None:
        text = re.sub(r"(?<![\w.}])-(?=\d)", "$-$", text)  # a minus sign, not the hyphen of '5e-3'
    return text + (f"\\textsuperscript{{{','.join(cell.marks)}}}" if cell.marks else "")


def latex_note(note: Note) -> str:
    mark = f"\\textsuperscript{{{note.mark}}} " if note.mark else ""
    return mark + latex(note.text) + (f" \\texttt{{{latex(note.code)}}}" if note.code else "")


def latex(text: str) -> str:
    """Escape LaTeX's special characters and the few non-ASCII ones that tables use; line breaks become spaces."""
    return "".join(LATEX_SPECIAL.get(character, character) for character in " ".join(text.split()))
