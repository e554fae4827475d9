"""Write docs/measures.md: every measure and place of rows, from their declarations."""

import sys
from pathlib import Path

from entropyreg.measures.catalogue import DECLARED, PLACES
from entropyreg.measuring.rows import Row

OUT = Path(__file__).resolve().parents[1] / "docs" / "measures.md"
INTRODUCTION = f"""# Measures

Written by `python tools/make_measures_docs.py`.

Every number that is measured of a run is a row of `results/<scale>/runs/<run>/measures.csv`:
`{", ".join(Row._fields)}`. What the run is (task, model, regularizer, data,
hashes) is in `run.json` beside it, points of the penultimate layer are in `projection.json`. Translation and images
have the same rows; several seeds in one file or in several mean the same.

`entropyreg records --rows --out measures.parquet` writes all rows of a scale with what their runs are; then
`pandas.read_parquet("measures.parquet").query("measure == 'ece' and at == ''")` has the ECE of every model as it is.
`low` and `high` are a 95 % interval over what was measured on, and empty fields numbers that do not exist, such as the
accuracy of a bin without examples.
"""


def content() -> str:
    """The page as text."""
    lines = [
        INTRODUCTION,
        "## Measures of a row",
        "",
        "| measure | meaning | unit | better | source |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| `{one.name}` | {one.meaning} | {one.unit} | {one.better} | {one.source} |" for one in DECLARED]
    lines += ["", "## Places", "", "`at` is empty for the model as it is. Else it has these keys, joined by `;`:", ""]
    lines += ["| key | meaning |", "|---|---|", *(f"| `{key}` | {meaning} |" for key, meaning in PLACES.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    OUT.write_text(content(), encoding="utf-8")
    sys.stdout.write(f"{OUT}\n")
