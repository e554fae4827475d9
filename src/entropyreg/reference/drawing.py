"""Draw every artefact of a folder of collected tables, in one process, and compare it with what is committed."""

import tempfile
from pathlib import Path

from entropyreg.io.errors import UserError
from entropyreg.reference.folders import Reference
from entropyreg.rendering import figures, tables


def draw_all(tables_dir: Path, out: Path) -> list[Path]:
    """Render every `<artefact>.json` into `out`; raises `UserError` where there is none."""
    collected = sorted(tables_dir.glob("*.json"))
    if not collected:
        raise UserError(f"{tables_dir} has no collected table.")
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for path in collected:
        render = figures.render if path.stem.split("_")[1] == "figure" else tables.render
        written += render(path.stem, path, out)
    return written


def verify(reference: Reference) -> tuple[int, list[str]]:
    """Redraw the reference; return the number of files that were compared and sentences on what differs."""
    told = reference.changed()
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw_all(reference.results / "tables", Path(folder))
        for path in drawn:
            committed = reference.figures / path.name
            if not committed.is_file():
                told.append(f"paper_figures/{path.name} is drawn, but not committed")
            elif committed.read_bytes() != path.read_bytes():
                told.append(f"paper_figures/{path.name} is drawn with other bytes")
    return len(drawn), told
