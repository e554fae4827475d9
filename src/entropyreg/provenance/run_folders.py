"""Tells the stages and the commands for people where the record of each run lies: in the results, or where it is
committed.

`adopted.json` in the scale's results lists the adopted runs. Such a run has no folder of its own there, or one that
holds only what later runs need of it (weights).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.io.files import read_json

ADOPTED = "adopted.json"
ABOUT = "run.json"  # of a run that was measured


class RunFolders:
    """The folders of a scale's runs: `folders / run` is the run's own one, or that of its committed record."""

    def __init__(self, own: Path, adopted: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.own, self.adopted = own, adopted or {}

    @classmethod
    def of(cls, own: Path, listed: Path | None) -> "RunFolders":
        """`own` holds the folders of runs, `listed` is an `adopted.json`, or None where nothing is adopted."""
        return cls(own, None if listed is None else read_json(listed)["runs"])

    @classmethod
    def in_results(cls, results: Path) -> "RunFolders":
        """The folders of a scale's results, as the last start left them."""
        path = results / ADOPTED
        return cls.of(results / "runs", path if path.is_file() else None)

    def __truediv__(self, run: str | Path) -> Path:
        about = self.adopted.get(str(run))
        return self.own / run if about is None else Path(os.path.normpath(self.own.parent / about["folder"]))

    def __str__(self) -> str:
        return str(self.own)

    def recorded(self) -> dict[str, Path]:
        """{run: the folder of its record} of all runs that have one, in the order of their names."""
        own = [path.parent.relative_to(self.own).as_posix() for path in self.own.glob(f"**/{ABOUT}")]
        return {run: self / run for run in sorted({*own, *self.adopted})}

    def source(self, run: str) -> str | None:
        """'results/reference/demo, commit 123456789abc': where an adopted run's record is from; None for other runs."""
        about = self.adopted.get(run)
        if about is None:
            return None
        folder = (self / run).as_posix().removesuffix(f"/runs/{run}")
        return f"{folder}, commit {about['commit'][:12]}" if about["commit"] else folder
