"""Runs as lines of a table: one a run, with its seeds; a measure of it is the mean over the finished seeds.

A collected table has one entry a seed of a run. A row that several runs fill (models, amounts of smoothing) has one
line for each of them; a row that no run fills has one line that says why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.rendering.tables.aggregate import NOT_COLLECTED, Run, Value, setting, summary
from entropyreg.rendering.tables.cells import Beside, Entry, Quantity
from entropyreg.rendering.tables.legend import NOT_MEASURED

NOT_CHOSEN = "not chosen: another amount was chosen on validation, no test measure of this one is shown"
NO_PAIR = "no pair: no finished run of the same seed to take the difference to"
SPLITS = ("valid", "test")
Collected = Mapping[str, Any]
Column = Mapping[str, Any]
Path = Sequence[str]


@dataclass(frozen=True)
class Arm:
    """The seeds of one run in one row of one task."""

    task: str
    row: str
    runs: Sequence[Run] = ()

    def declared(self, key: str) -> Any:
        """What is the same for every seed; None where no run fills the row."""
        return self.runs[0].get(key) if self.runs else None

    @property
    def done(self) -> list[Run]:
        return [run for run in self.runs if run["status"] == "done"]

    @property
    def chosen(self) -> bool:
        """Whether it was chosen on validation, or no choice was to be made."""
        return self.declared("selected") is not False

    @property
    def missing(self) -> str:
        """Why no run of it is finished; '' if one is."""
        return "" if self.done else "; ".join(dict.fromkeys(run["reason"] for run in self.runs)) or NOT_COLLECTED

    @property
    def named(self) -> dict[str, Any]:
        """What a csv line says of it."""
        selected = self.declared("selected")
        names = {"row": self.row, "model": self.declared("model"), "run": self.declared("run")}
        return names | {"selected": None if selected is None else str(selected).lower()}

    def teaching(self, key: str) -> Any:
        """What is declared of a student's teacher."""
        teacher = self.declared("teacher")
        return teacher.get(key) if teacher else None

    def setting(self, key: str) -> Value:
        """A declared number, known before training, so also where the run is missing."""
        values = [run[key] for run in self.done or self.runs if run[key] is not None]
        return setting(values[0], len(self.done)) if values else Value(reason=self.missing)

    def value(self, path: Path) -> Value:
        """Mean over seeds of the measure at `path`: ('scores', 'test', 'accuracy')."""
        return self.over_seeds(lambda run: at(run["measures"], path), path)

    def value_of_teacher(self, key: str) -> Value:
        """Mean over seeds of what each student's own teacher showed it."""
        return self.over_seeds(lambda run: (run["teacher"] or {}).get(key))

    def minus(self, other: "Arm", path: Path) -> Value:
        """Mean over seeds of a measure minus that of `other` at the same seed."""
        without = {run["seed"]: at(run["measures"], path) for run in other.done}

        def gap(run: Run) -> float | None:
            pair = at(run["measures"], path), without.get(run["seed"])
            return None if None in pair else pair[0] - pair[1]

        return self.over_seeds(gap, absent=NO_PAIR)

    def over_seeds(self, find: Callable[[Run], float | None], path: Path = (), absent: str = NOT_MEASURED) -> Value:
        """Mean over seeds of what `find` gives for a finished run; where that is None, `absent` says why."""
        values, reasons, interval = {}, [], None
        for run in self.runs:
            value = find(run) if run["status"] == "done" else None
            if value is not None:
                values[run["seed"]] = float(value)
                interval = at(run.get("intervals"), path) if path else None
            elif run["status"] != "done":
                reasons.append(run["reason"])
            else:
                reasons.append(self.absence(run, path) or absent)
        return summary(values, reasons, len(self.runs)).of_one_seed(interval)

    def absence(self, run: Run, path: Path) -> str:
        """Why a finished run has nothing at `path`, where that is known."""
        if "test" in path and not self.chosen:
            return NOT_CHOSEN
        if path and path[0] in SPLITS and not run["measures"].get(path[0]):
            return f"not decoded: the {path[0]} set of this run was not decoded"
        return ""

    def entry(self, quantity: Quantity, *beside: Beside, interval: tuple[float, float] | None = None) -> Entry:
        """The cell of a quantity; `interval` is a collected one."""
        return Entry(quantity, self.value(quantity.path).between(interval).scaled(quantity.factor), beside)


def at(measures: Mapping[str, Any] | None, path: Path) -> Any:
    """The value at `path`, or None where any part of it is absent."""
    found: Any = measures
    for name in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def arms(collected: Collected, task: str, rows: Sequence[str]) -> list[Arm]:
    """The lines of one task: by model in order of appearance, then by row, then by amount of smoothing.

    Rows that are not in `rows` follow those that are. Raises `UserError` for two entries of one seed of a run.
    """
    found: dict[tuple[str, str | None], list[Run]] = {}
    for run in collected["rows"]:
        if run["column"] == task:
            found.setdefault((run["row"], run["run"]), []).append(run)
    rows = list(dict.fromkeys([*rows, *(row for row, _ in found)]))
    lines = [Arm(task, row, tuple(runs)) for (row, _), runs in found.items()]
    for arm in lines:
        seeds = [run["seed"] for run in arm.runs]
        if len(seeds) > len(set(seeds)):
            raise UserError(f"row '{arm.row}', run '{arm.declared('run')}' lists seeds {seeds}; allowed: each once.")
    lines += [Arm(task, row) for row in rows if row not in {arm.row for arm in lines}]
    models = list(dict.fromkeys(arm.declared("model") for arm in lines if arm.declared("model")))
    order = {model: position for position, model in enumerate(models)}
    return sorted(
        lines,
        key=lambda arm: (
            order.get(arm.declared("model"), len(order)),
            rows.index(arm.row),
            arm.declared("smoothing") or 0.0,
        ),
    )


def cells_of_rows(runs: Sequence[Run]) -> dict[tuple[str, str], Arm]:
    """The arm of each (row, task), where one run fills a row; its finished seeds must differ in nothing else.

    Raises `UserError` for two runs of one seed, and for runs of several models or regularizers.
    """
    cells: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        cells.setdefault((run["row"], run["column"]), []).append(run)
    for (row, column), members in cells.items():
        done = [run for run in members if run["status"] == "done"]
        seeds = [run["seed"] for run in done]
        if len(seeds) > len(set(seeds)):
            raise UserError(f"row '{row}', column '{column}' has two runs of one seed ({seeds}); allowed: one a seed.")
        for key in ("model", "skew", "strength", "baseline", "generator"):
            values = sorted({str(run.get(key)) for run in done})
            if len(values) > 1:
                raise UserError(f"row '{row}', column '{column}' mixes {key} {' and '.join(values)}; allowed: one.")
    return {(row, column): Arm(column, row, tuple(members)) for (row, column), members in cells.items()}
