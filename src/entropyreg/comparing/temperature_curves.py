"""Computes curves over the softmax temperature with simultaneous bands, and their differences to other rows and T = 1.

    estimate(T) -+ q sd(T),  q: quantile over replicates of the largest standardised deviation over the grid (max-t)

The replicates draw seeds and sentences (`measures.significance`). A band holds the whole curve at once, so what is said
of every temperature ("the hard model has the better NLL at every T", "T = 1 is best") can be read off it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.comparing.comparisons import finished
from entropyreg.comparing.contrasts import N_REPLICATES, contrast
from entropyreg.comparing.scores import curve as curve_of
from entropyreg.comparing.temperature_scaling import intervals, own_output, scaling
from entropyreg.comparing.temperature_statistics import QUANTITIES, SPLIT, Sweep, load_sweep
from entropyreg.measures.significance import Resampled, simultaneous_band

REFERENCES = ("smoothed", "hard")  # rows that the others are compared with; of these two, hard with smoothed


def curves_of_rows(rows: Sequence[Mapping[str, Any]], runs_dir: Path) -> dict[str, list[dict[str, Any]]]:
    """`curves`, `curve_differences`, `scaling`, `own_output` and `intervals` of the finished rows of a table."""
    found: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("curves", "curve_differences", "scaling", "own_output", "intervals")
    }
    for column in dict.fromkeys(row["column"] for row in rows):
        sweeps = sweeps_of(rows, column, runs_dir)
        for name, sweep in sweeps.items():
            found["curves"] += [curve(sweep, column, name, quantity) for quantity in QUANTITIES]
            found["curve_differences"] += [to_one(sweep, column, name, quantity) for quantity in QUANTITIES]
            found["own_output"].append(own_output(sweep, column, name))
            found["intervals"] += intervals(sweep, column, name)
        for name, other in pairs(list(sweeps)):
            found["curve_differences"] += to_row(sweeps, column, name, other)
        found["scaling"] += scaling(rows, sweeps, column)
    return found


def sweeps_of(rows: Sequence[Mapping[str, Any]], column: str, runs_dir: Path) -> dict[str, Sweep]:
    """The sweep of each row of the column that has finished runs with temperatures."""
    done = [row for row in rows if row["status"] == "done" and row["measures"][SPLIT].get("temperatures")]
    names = dict.fromkeys(row["row"] for row in done if row["column"] == column)
    return {name: load_sweep(dict(sorted(finished(done, name, column, SPLIT).items())), runs_dir) for name in names}


def pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Each row with the rows that it is compared with."""
    return [
        (name, other)
        for other in REFERENCES
        for name in names
        if other in names and name != other and (name, other) != ("smoothed", "hard")
    ]


def curve(sweep: Sweep, column: str, row: str, quantity: str) -> dict[str, Any]:
    """One quantity of one row at every temperature."""
    scored, entry = curve_of(sweep.arrays, quantity), {"column": column, "row": row, "quantity": quantity}
    found = contrast([(1.0, scored)], "curve", *entry.values())
    return entry | band(found.resampled, sweep, scored.n_items)


def to_one(sweep: Sweep, column: str, row: str, quantity: str) -> dict[str, Any]:
    """One quantity of one row at every temperature, less the same at T = 1."""
    scored, one = curve_of(sweep.arrays, quantity), sweep.one

    def gain(sums: np.ndarray) -> np.ndarray:
        values = scored.score(sums)
        return values - values[..., one : one + 1]

    entry = {"column": column, "row": row, "to": None, "quantity": quantity, "kind": "to_one"}
    found = contrast([(1.0, scored._replace(score=gain))], "to_one", column, row, quantity)
    return entry | band(found.resampled, sweep, scored.n_items)


def to_row(sweeps: Mapping[str, Sweep], column: str, row: str, other: str) -> list[dict[str, Any]]:
    """Each quantity of one row less the other's at the same temperature, on the seeds that both have."""
    seeds = sorted(set(sweeps[row].seeds) & set(sweeps[other].seeds))
    found = []
    for quantity in QUANTITIES if seeds else ():
        own, others = (curve_of(sweeps[one].of(seeds).arrays, quantity) for one in (row, other))
        result = contrast([(1.0, own), (-1.0, others)], "to_row", column, row, other, quantity)
        entry = {"column": column, "row": row, "to": other, "quantity": quantity, "kind": "to_row"}
        found.append(entry | band(result.resampled, sweeps[row].of(seeds), own.n_items))
    return found


def band(found: Resampled, sweep: Sweep, n_sentences: int) -> dict[str, Any]:
    """Estimate and simultaneous 95 % bounds at each temperature, and what they are of."""
    low, high = simultaneous_band(found)
    return {
        "temperatures": sweep.arrays["temperatures"].tolist(),
        "estimate": found.estimate.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "n_seeds": len(sweep.seeds),
        "n_sentences": n_sentences,
        "n_replicates": N_REPLICATES,
    }
