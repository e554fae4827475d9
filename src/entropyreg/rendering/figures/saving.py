"""Saving a figure as pdf, svg and png with the rows that it shows as csv; the same rows give the same bytes.

Nothing that varies between two drawings enters the files: no date, no program's name, ids seeded by the figure's name.
The page is the figure's own size (a tight bounding box would depend on rounding).
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from entropyreg.io.files import atomic_path, write_atomically
from entropyreg.rendering.tables.formats import csv_text

METADATA = {
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    "svg": {"Creator": None, "Date": None, "Format": None, "Type": None},
    "png": {"Software": None},
}


def save(figure: Figure, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], stem: Path) -> list[Path]:
    """Write `<stem>.pdf`, `.svg`, `.png` and `.csv`; to be called within `style`. Returns the paths."""
    paths = []
    with fixed_date():
        for suffix, metadata in METADATA.items():
            path = stem.with_name(f"{stem.name}.{suffix}")
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=suffix, metadata=metadata)
            paths.append(path)
    path = stem.with_name(f"{stem.name}.csv")
    write_atomically(path, csv_text(columns, ([row[column] for column in columns] for row in rows)))
    return [*paths, path]


@contextmanager
def fixed_date() -> Iterator[None]:
    """`SOURCE_DATE_EPOCH=0` for the block: subsetted fonts carry a date too."""
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before
