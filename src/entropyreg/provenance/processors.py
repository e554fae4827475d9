"""Tells on which type of processor the runs of a scale were trained, and which may be compared seed by seed.

Two trainings that differ only in the last bits of sums, as on two types, end as far apart as two seeds do. A difference
between runs of one seed is paired, so its runs must be of one type; a run whose type was not noted counts as of any.
"""

from collections.abc import Iterable
from pathlib import Path

from entropyreg.io.errors import UserError
from entropyreg.provenance.adopted import processor_of
from entropyreg.provenance.committed import FILE, read_origins
from entropyreg.provenance.origins import Origin, origin_path
from entropyreg.provenance.run_folders import RunFolders


def type_of_run(folder: Path) -> str | None:
    """The type that trained the run of a folder, own or committed; None where that was not noted."""
    trained = Path(origin_path(str(folder / "model.pt")))
    try:
        if trained.is_file():
            return Origin.read(trained).processor
        return processor_of(read_origins(folder / FILE)) if (folder / FILE).is_file() else None
    except UserError:  # another stage tells that it is damaged
        return None


def types_of(folders: Path | RunFolders, runs: Iterable[str]) -> list[str]:
    """The types that trained some runs, each once, sorted."""
    return sorted({found for run in runs if (found := type_of_run(folders / run)) is not None})
