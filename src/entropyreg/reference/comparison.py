"""Hold retrained records against the reference: bit for bit on one type of processor, within a tolerance on another."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from entropyreg.errors import UserError
from entropyreg.files import read_json
from entropyreg.forecast.machine import this_machine
from entropyreg.results.tidy_records import DECLARED, lines_of
from entropyreg.schemas import read_yaml

TOLERANCES = Path(__file__).with_name("tolerances.yaml")


class Compared(NamedTuple):
    """Outcome 'OK', 'within tolerance' or 'FAIL', the number of measures compared, and the worst differences."""

    outcome: str
    n_measures: int
    remarks: list[str]


def compare_run(run: str, reference: Path, found: Path) -> Compared:
    """Compare one run's record; both folders are those of a scale. Raises `UserError` where one is missing."""
    lines = []
    for folder in (reference, found):
        path = folder / "runs" / run / "record.json"
        if not path.is_file():
            raise UserError(f"{path} is missing: nothing to compare.")
        lines.append({(line["seed"], line["split"]): line for line in lines_of(path)})
    same_type = read_json(reference / "machine.json")["processor"] == this_machine()["processor"]
    return compare_lines(*lines, read_yaml(TOLERANCES), same_type)


def compare_lines(
    reference: Mapping[tuple, Mapping[str, Any]],
    found: Mapping[tuple, Mapping[str, Any]],
    tolerances: Mapping[str, Any],
    same_type: bool,
) -> Compared:
    """Compare the tidy lines of one record. On a processor of the same type whatever differs is a failure."""
    if set(reference) != set(found):
        return Compared("FAIL", 0, [f"seeds and splits are {sorted(found)}, not {sorted(reference)}"])
    outcome, remarks, compared = "OK", [], 0
    for key, expected in reference.items():
        for name, difference, allowed in differences(expected, found[key], tolerances):
            compared += 1
            if difference == 0:
                continue
            within = not same_type and difference <= allowed
            outcome = "FAIL" if not within else outcome if outcome == "FAIL" else "within tolerance"
            bound = "0 on this type of processor" if same_type else f"{allowed:g}"
            remarks.append(f"seed {key[0]}, {key[1]}, {name}: differs by {difference:.3g} (allowed: {bound})")
    return Compared(outcome, compared, remarks)


def differences(
    expected: Mapping[str, Any], found: Mapping[str, Any], tolerances: Mapping[str, Any]
) -> Iterable[tuple[str, float, float]]:
    """(measure, absolute difference, tolerance) of every number; a measure that only one has differs infinitely."""
    for name in dict.fromkeys([*expected, *found]):
        short = name.rpartition(".")[2]
        values = expected.get(name), found.get(name)
        known = short in tolerances["seeds"] or short in tolerances["exact"]
        if name in DECLARED or short in tolerances["ignored"] or not known or values == (None, None):
            continue
        difference = float("inf") if None in values else abs(values[0] - values[1])
        yield name, difference, tolerances["seeds"].get(short, 0.0)
