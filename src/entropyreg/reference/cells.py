"""Which runs a cell of a table needs: 'a_table_translation/ger/demo_de_en', or '.../demo_de_en:transformer'.

The row and the task are those of the table's csv; a model after a colon leaves out the row's other models.
"""

from collections.abc import Mapping
from typing import Any

from entropyreg.io.errors import UserError


def runs_of_cell(collected: Mapping[str, Any], row: str, column: str) -> list[str]:
    """Ids of the runs behind one cell of a collected table; raises `UserError` for a cell that it has not."""
    task, colon, model = column.partition(":")
    cells = {(one["row"], one["column"]): None for one in collected["rows"]}
    if not cells:
        raise UserError(f"{collected['artefact']} has no cell that is run: its numbers are transcribed.")
    if (row, task) not in cells:
        allowed = ", ".join(f"{known_row}/{known_task}" for known_row, known_task in cells)
        raise UserError(f"{collected['artefact']} has no cell '{row}/{column}'; allowed: {allowed}.")
    members = [one for one in collected["rows"] if (one["row"], one["column"]) == (row, task) and one["run"]]
    models = list(dict.fromkeys(one.get("model") for one in members))
    if colon and model not in models:
        allowed = ", ".join(f"{task}:{known}" for known in models) or "none, no run of this scale fills it"
        raise UserError(f"{collected['artefact']} has no cell '{row}/{column}'; allowed: {allowed}.")
    found = list(dict.fromkeys(one["run"] for one in members if not colon or one.get("model") == model))
    if not found:
        raise UserError(f"{collected['artefact']}, cell '{row}/{column}': no run of this scale fills it.")
    return found
