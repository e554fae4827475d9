"""Image runs as lines of a table: one a run, with its seeds; a measure of it is the mean over the finished seeds.

A collected image table has one entry a seed of a run. A row that several runs fill (models, amounts of smoothing) has
one line for each of them; a row that no run fills has one line that says why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from entropyreg.errors import UserError
from entropyreg.tables.aggregate import Run, Value, summary

NOT_CHOSEN = "another amount was chosen on validation; no test measure of this one is shown"
Collected = Mapping[str, Any]
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

    def teaching(self, key: str) -> Any:
        """What is declared of a student's teacher."""
        teacher = self.declared("teacher")
        return teacher.get(key) if teacher else None

    def value(self, path: Path) -> Value:
        """Mean over seeds of the measure at `path`: ('scores', 'test', 'accuracy')."""
        return self.over_seeds(lambda run: at(run["measures"], path), path)

    def value_of_teacher(self, key: str) -> Value:
        """Mean over seeds of what each student's own teacher showed it."""
        return self.over_seeds(lambda run: (run["teacher"] or {}).get(key))

    def over_seeds(self, find: Callable[[Run], float | None], path: Path = (), absent: str = "not measured") -> Value:
        """Mean over seeds of what `find` gives for a finished run; where that is None, `absent` says why."""
        values, reasons = {}, []
        for run in self.runs:
            value = find(run) if run["status"] == "done" else None
            if value is not None:
                values[run["seed"]] = float(value)
            elif run["status"] != "done":
                reasons.append(run["reason"])
            else:
                reasons.append(NOT_CHOSEN if "test" in path and not self.chosen else absent)
        return summary(values, reasons, len(self.runs))


def at(measures: Mapping[str, Any], path: Path) -> Any:
    """The value at `path`, or None where any part of it is absent."""
    found: Any = measures
    for name in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def arms(collected: Collected, task: str, rows: Sequence[str]) -> list[Arm]:
    """The lines of one task: by model in order of appearance, then by row, then by amount of smoothing.

    Raises `UserError` for two entries of one seed of a run, and for a row that is not in `rows`.
    """
    found: dict[tuple[str, str | None], list[Run]] = {}
    for run in collected["rows"]:
        if run["column"] == task:
            if run["row"] not in rows:
                raise UserError(f"task '{task}' has the row {run['row']!r}; allowed: {', '.join(rows)}.")
            found.setdefault((run["row"], run["run"]), []).append(run)
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
            list(rows).index(arm.row),
            arm.declared("smoothing") or 0.0,
        ),
    )


def scaled(value: Value, factor: float) -> Value:
    """The value in another unit: shares as percentages with factor 100."""
    numbers = {key: getattr(value, key) for key in ("mean", "deviation", "minimum", "maximum")}
    return replace(value, **{key: None if one is None else factor * one for key, one in numbers.items()})
