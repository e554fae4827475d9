"""A `tables.formats.Table` as HTML: headers with their scope, footnote marks as links to their notes."""

from collections.abc import Sequence
from html import escape

from entropyreg.rendering.tables.formats import Cell, Note, Section, Table


def to_html(table: Table) -> str:
    """Sections under headings of level 4, then the notes; ids start with the table's name."""
    sections = "".join(section_html(table.name, section) for section in table.sections)
    notes = "".join(f"<li>{note_html(table.name, note)}</li>" for note in table.notes)
    return f"{sections}<ul class=notes>{notes}</ul>" if notes else sections


def section_html(name: str, section: Section) -> str:
    """The rows of one data set in a box of its own that scrolls sideways."""
    text = f"<p>{escape(section.text)}</p>" if section.text else ""
    head = "".join(f"<tr>{line}</tr>" for line in (groups_html(section), headers_html(name, section)) if line)
    body = "".join(f"<tr>{row_html(name, row)}</tr>" for row in section.rows)
    title = escape(section.title)
    box = f'<div class=scroll tabindex=0 role=region aria-label="{escape(section.title, quote=True)}">'
    return f"<h4>{title}</h4>{text}{box}<table><thead>{head}</thead><tbody>{body}</tbody></table></div>"


def groups_html(section: Section) -> str:
    """The line over the headers; none where no group has a name."""
    if not any(name for name, _ in section.groups):
        return ""
    return "".join(f"<th colspan={span} scope=colgroup>{escape(name)}</th>" for name, span in section.groups)


def headers_html(name: str, section: Section) -> str:
    return "".join(f"<th scope=col>{cell_html(name, cell)}</th>" for cell in section.headers)


def row_html(name: str, row: Sequence[Cell]) -> str:
    first = f"<th scope=row>{cell_html(name, row[0])}</th>"
    return first + "".join(f"<td>{cell_html(name, cell)}</td>" for cell in row[1:])


def cell_html(name: str, cell: Cell) -> str:
    marks = "".join(f"<sup><a href=#{name}-{mark}>{mark}</a></sup>" for mark in cell.marks)
    text = "\N{EN DASH}" if cell.text == "-" else escape(cell.text)
    return text + marks


def note_html(name: str, note: Note) -> str:
    mark = f"<sup id={name}-{note.mark}>{note.mark}</sup> " if note.mark else ""
    return mark + escape(note.text) + (f" <code>{escape(note.code)}</code>" if note.code else "")
