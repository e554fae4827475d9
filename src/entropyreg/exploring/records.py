"""`entropyreg records`: every record of a scale as one tidy table, filtered, as csv or parquet."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from entropyreg.errors import UserError
from entropyreg.files import atomic_path, write_atomically
from entropyreg.results.tidy_records import columns_of, kept, lines_of, record_paths
from entropyreg.tables.formats import csv_text


def export_records(results: Path, filters: Mapping[str, str], out: Path | None) -> None:
    """Write the table to `out` (.csv or .parquet), or as csv to standard output.

    `results` is the scale's folder. Raises `UserError` for a filter on an unknown column, no record at all, or a file
    name of another ending.
    """
    lines = [line for path in record_paths(results / "runs") for line in lines_of(path)]
    if not lines:
        raise UserError(f"{results}/runs has no record.json: run Snakemake first.")
    columns = columns_of(lines)
    for key in filters:
        if key not in columns:
            raise UserError(f"there is no column '{key}'; allowed: {', '.join(columns)}.")
    wanted = [line for line in lines if kept(line, filters)]
    if out is None:
        sys.stdout.write(csv_text(columns, [[line.get(name) for name in columns] for line in wanted]))
    elif out.suffix == ".csv":
        write_atomically(out, csv_text(columns, [[line.get(name) for name in columns] for line in wanted]))
    elif out.suffix == ".parquet":
        write_parquet(wanted, columns, out)
    else:
        raise UserError(f"--out is '{out}'; allowed: a name that ends in .csv or .parquet.")


def write_parquet(lines: Sequence[Mapping[str, object]], columns: Sequence[str], out: Path) -> None:
    """A column a measure, null where a run has none."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({name: [line.get(name) for line in lines] for name in columns})
    with atomic_path(out) as temporary:
        pyarrow.parquet.write_table(table, temporary)


def filters_of(texts: Sequence[str]) -> dict[str, str]:
    """['task=demo_de_en', 'skew=0.5'] as a mapping; raises `UserError` for a text without '='."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserError(f"a filter is '{text}'; allowed: COLUMN=VALUE, for example task=demo_de_en.")
        found[key] = value
    return found
