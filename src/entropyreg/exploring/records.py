"""`entropyreg records`: shows the records of a scale as one tidy table, filtered, on a terminal, as csv or as parquet.

Ten columns are shown in every format, and where runs are adopted from where; `--columns` takes other names, or `all`.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.io.files import atomic_path, write_atomically
from entropyreg.io.schemas import suggestion
from entropyreg.io.text_table import aligned
from entropyreg.measuring.tidy_records import columns_of, lines_of, rows_with_run, short_number
from entropyreg.provenance.run_folders import RunFolders
from entropyreg.rendering.tables.formats import csv_text, plain

SHOWN = ("run", "kind", "skew", "strength", "seed", "split", "bleu", "accuracy", "nll", "entropy_normalized")
FILTER = re.compile(r"([^=\[]+(?:\[[^\]]*\])?)=(.*)", re.DOTALL)  # a column may hold '=' in brackets: bleu[beam=5]
TRUTH = {"true": True, "false": False}


def export_records(
    results: Path, filters: Mapping[str, str], out: Path | None, columns: str | None = None, rows: bool = False
) -> None:
    """Write the table to `out` (.csv or .parquet), or to standard output: aligned on a terminal, else as csv.

    results: the scale's folder.    columns: names separated by commas, 'all', or None for those of `SHOWN`.
    rows: a line a measured number, with all columns, in place of a line a run, seed and split. Raises
    `UserError` for a column or a value that no record has, no record at all, or a file name of another ending.
    """
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise UserError(f"--out is '{out}'; allowed: a name that ends in .csv or .parquet.")
    of_run, folders = rows_with_run if rows else lines_of, RunFolders.in_results(results)
    lines = [line for run, own in folders.recorded().items() for line in of_run(own, folders.source(run))]
    if not lines:
        raise UserError(f"{results}/runs has no record: run Snakemake first.")
    known = columns_of(lines)
    columns = "all" if rows and columns is None else columns
    shown = [*SHOWN, *(["adopted"] if "adopted" in known else [])] if columns is None else columns.split(",")
    shown = known if columns == "all" else shown
    check_columns([*filters, *(shown if columns else ())], known)
    conditions = {key: condition(key, text, [line.get(key) for line in lines]) for key, text in filters.items()}
    wanted = [line for line in lines if all(holds(line.get(key)) for key, holds in conditions.items())]
    rows = [[line.get(name) for name in shown] for line in wanted]
    if out is not None and out.suffix == ".parquet":
        write_parquet(rows, shown, out)
    elif out is not None:
        write_atomically(out, csv_text(shown, rows))
    elif sys.stdout.isatty():
        sys.stdout.write("\n".join(aligned([shown, *([short_number(value) for value in row] for row in rows)])) + "\n")
    else:
        sys.stdout.write(csv_text(shown, rows))


def check_columns(names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise UserError(f"there is no column '{name}'{suggestion(name, known)}; allowed: {', '.join(known)}.")


def condition(key: str, text: str, values: Sequence[Any]) -> Callable[[Any], bool]:
    """A test for the wanted value: numbers are compared as numbers, an empty text asks for lines without a value.

    A number also equals its rounded form as shown. Raises `UserError` for a text that no value of the column can equal.
    """
    known = {value for value in values if value is not None}
    if text == "":
        return lambda value: value is None
    if known and all(isinstance(value, bool) for value in known):
        if text.lower() not in TRUTH:
            raise UserError(f"{key} is '{text}'; allowed: true, false, or nothing for lines without it.")
        return lambda value: value is TRUTH[text.lower()]
    if known and not any(isinstance(value, str) for value in known):
        try:
            number = float(text)
        except ValueError:
            raise UserError(f"{key} is '{text}'; allowed: a number, or nothing for lines without it.") from None
        return lambda value: value is not None and number in (value, float(plain(value)), float(short_number(value)))
    if text not in known:
        raise UserError(f"no record has {key} '{text}'{suggestion(text, known)}; allowed: {', '.join(sorted(known))}.")
    return lambda value: value == text


def write_parquet(rows: Sequence[Sequence[Any]], columns: Sequence[str], out: Path) -> None:
    """A column a measure, null where a run has none."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({name: [row[place] for row in rows] for place, name in enumerate(columns)})
    with atomic_path(out) as temporary:
        pyarrow.parquet.write_table(table, temporary)


def filters_of(texts: Sequence[str]) -> dict[str, str]:
    """['task=demo_de_en', 'skew=0.5'] as a mapping; raises `UserError` for a text without '='."""
    found = {}
    for text in texts:
        parts = FILTER.fullmatch(text)
        if not parts:
            raise UserError(f"a filter is '{text}'; allowed: COLUMN=VALUE, for example task=demo_de_en.")
        key, value = parts.groups()
        if key in found:
            raise UserError(f"the column '{key}' is filtered twice, by '{found[key]}' and '{value}': give one value.")
        found[key] = value
    return found
