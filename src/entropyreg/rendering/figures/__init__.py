"""Figures of the papers, one module each: a pure function from a collected table to plotted rows, and one that draws.

No module here loads torch. Importing this package loads no matplotlib; `render` does.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

from entropyreg.io.errors import UserError

ARTEFACTS = sorted(path.stem for path in Path(__file__).parent.glob("[ab]_figure_*.py"))


def render(artefact: str, collected_path: str | Path, out_dir: str | Path) -> list[Path]:
    """Write `<out_dir>/<artefact>.pdf`, `.svg`, `.png` and the plotted rows as `.csv`; return their paths."""
    if artefact not in ARTEFACTS:
        raise UserError(f"there is no figure '{artefact}'; allowed: {', '.join(ARTEFACTS)}.")
    from entropyreg.rendering.tables.collected import read_collected

    collected = read_collected(collected_path, artefact)
    if "matplotlib" not in sys.modules:
        os.environ["MPLBACKEND"] = "agg"  # a backend named in the user's environment may not exist here
    from entropyreg.rendering.figures.saving import save
    from entropyreg.rendering.figures.style import style

    module = import_module(f"entropyreg.rendering.figures.{artefact}")
    for name in ("COLUMNS", "plotted_rows", "draw"):
        if not hasattr(module, name):
            raise UserError(f"{module.__file__} has no {name}, which every figure has.")
    rows = module.plotted_rows(collected)
    with style(artefact):
        return save(module.draw(collected, rows), module.COLUMNS, rows, Path(out_dir) / artefact)
