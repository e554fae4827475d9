"""Tables of the papers, one module each: pure functions from a collected table to cells, and one writer for all.

No module here loads torch, pandas or matplotlib.
"""

from importlib import import_module
from pathlib import Path

from entropyreg.io.errors import UserError

ARTEFACTS = sorted(path.stem for path in Path(__file__).parent.glob("[ab]_table_*.py"))


def render(artefact: str, collected_path: str | Path, out_dir: str | Path) -> list[Path]:
    """Write `<out_dir>/<artefact>.csv`, `.md` and `.tex` from the collected table; return their paths."""
    if artefact not in ARTEFACTS:
        raise UserError(f"there is no table '{artefact}'; allowed: {', '.join(ARTEFACTS)}.")
    from entropyreg.rendering.tables.collected import read_collected
    from entropyreg.rendering.tables.formats import write

    collected = read_collected(collected_path, artefact)
    module = import_module(f"entropyreg.rendering.tables.{artefact}")
    if not hasattr(module, "build"):
        raise UserError(f"{module.__file__} has no build, which every table has.")
    return write(module.build(collected), out_dir)
