"""Which runs a cell of a table needs: 'a_table_translation/ger/demo_de_en'."""

from collections.abc import Mapping
from typing import Any

from entropyreg.errors import UserError


def runs_of_cell(collected: Mapping[str, Any], row: str, column: str) -> list[str]:
    """Ids of the runs behind one cell of a collected table; raises `UserError` for a cell that it has not."""
    cells = [(one["row"], one["column"]) for one in collected["rows"]]
    if (row, column) not in cells:
        allowed = ", ".join(dict.fromkeys(f"{known_row}/{known_column}" for known_row, known_column in cells))
        raise UserError(f"{collected['artefact']} has no cell '{row}/{column}'; allowed: {allowed}.")
    runs = [one["run"] for one in collected["rows"] if (one["row"], one["column"]) == (row, column)]
    found = list(dict.fromkeys(run for run in runs if run))
    if not found:
        raise UserError(f"{collected['artefact']}, cell '{row}/{column}': no run of this scale fills it.")
    return found
