"""Compares outputs with what would be made now where Snakemake cannot: it has no record of them, or dates mislead it.

Snakemake remembers in `.snakemake/metadata` what a job was made from; a copied, adopted or cleaned tree has no such
memory, and then a changed parameter plans nothing, while a newer date of a file plans everything. Origins decide these
cases:

- outputs that Snakemake does not remember and that do not fit (other settings, code, inputs or sums), and all made
  from them, are set aside under another name, so that they are made anew and nothing is lost;
- outputs that fit but are older than their inputs get a new date.
"""

import json
import os
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.io.files import Sums
from entropyreg.provenance.origins import FOLDER, Origin, located, origin_path
from entropyreg.provenance.run_folders import ADOPTED

METADATA, LOCKS = Path(".snakemake", "metadata"), Path(".snakemake", "locks")
SUMS = METADATA.with_name("entropyreg_sums.json")  # kept beside Snakemake's memory
LONGEST = 254  # characters of a part of a record's name
ASIDE = ".aside"  # after the name of a file that does not fit
SKIPPED = ("checkpoints", "logs", "benchmarks")  # folders without outputs
Planned = Callable[[str, Mapping[str, str]], tuple[Mapping[str, Any], str]]


def adopt(roots: tuple[str, str], planned: Planned, outputs: Callable[[str], bool]) -> list[str]:
    """Set aside outputs that do not fit, give new dates to those that do; returns the names of those set aside.

    Nothing is touched while another Snakemake works in these folders: what has no origin is what its jobs are writing.

    roots: the scale's folders of results and of figures.    planned: declaration and code digest of a stage and its
    wildcards, as of now; KeyError for a job that is not declared.    outputs: whether a path is an output of a rule.
    """
    origins = dict(sorted(found_origins(roots)))
    made_by = {str(located(name, roots[0])): path for path, origin in origins.items() for name in origin.outputs}
    without = [
        file
        for file in files_in(roots)
        if file not in made_by and f"/{FOLDER}/" not in file and not file.endswith(ASIDE)
        if not remembered(file) and outputs(file)
    ]
    if is_worked_in(roots):
        return []
    aside, current, redate, sums = [set_aside(Path(file)) for file in without], [], False, Sums(SUMS)
    for path in in_order(origins, made_by, roots[0]):
        inputs = [located(name, roots[0]) for name in origins[path].inputs]
        outputs_of_job = [located(name, roots[0]) for name in origins[path].outputs] + [path]
        gone = any(str(input) in aside for input in inputs)
        known = all(remembered(str(output)) for output in outputs_of_job)
        late = is_older(outputs_of_job, inputs)
        if not gone and ((known and not late) or fits(origins[path], roots[0], planned, sums)):
            current += outputs_of_job
            redate = redate or late
        elif gone or not known:
            aside += [set_aside(output) for output in outputs_of_job if output.exists()]
    if redate:
        now = time.time_ns()  # for all: across an absent output, Snakemake compares its inputs with what follows
        for path in [
            *current,
            *Path(roots[0], "benchmarks").rglob("*.tsv"),
        ]:  # the file whose date counts as the output's
            os.utime(path, ns=(now, now))
    sums.keep()
    return aside


def forget_adopted(results: str) -> None:
    """Delete the list of adopted runs, with its origin, unless a Snakemake works in the folder."""
    listed = Path(results, ADOPTED)
    if listed.exists() and not is_worked_in((results, results)):
        for path in (listed, Path(origin_path(str(listed)))):
            path.unlink(missing_ok=True)


def is_worked_in(roots: tuple[str, str]) -> bool:
    """Whether a Snakemake that runs, or was killed, locked outputs in the folders."""
    starts = tuple(f"{root}/" for root in roots)
    for path in LOCKS.glob("*.output.lock"):
        with suppress(FileNotFoundError):  # that process has ended
            if any(name.startswith(starts) for name in path.read_text().splitlines()):
                return True
    return False


def fits(origin: Origin, root: str, planned: Planned, sums: Sums) -> bool:
    """Whether the outputs are those of this job, made from what is here now."""
    try:
        declared, code = planned(origin.stage, origin.of)
    except (LookupError, TypeError):  # no job of this scale: Snakemake does not ask for it
        return True
    if (json.loads(json.dumps(declared)), code) != (origin.declared, origin.code):
        return False
    present = {name: wanted for name, wanted in origin.inputs.items() if located(name, root).is_file()}
    try:
        return all(sums.of(located(name, root)) == wanted for name, wanted in (present | origin.outputs).items())
    except OSError:
        return False


def is_older(outputs: list[Path], inputs: list[Path]) -> bool:
    """Whether an input is newer than the oldest output, as Snakemake compares."""
    dates = [path.lstat().st_mtime_ns for path in outputs if path.exists()]
    newest = [max(path.stat().st_mtime_ns, path.lstat().st_mtime_ns) for path in inputs if path.exists()]
    return bool(dates and newest) and max(newest) > min(dates)


def set_aside(path: Path) -> str:
    path.replace(path.with_name(path.name + ASIDE))
    return str(path)


def files_in(roots: tuple[str, str]) -> Iterator[str]:
    for root in roots:
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if name not in SKIPPED)
            yield from (str(Path(folder, name)) for name in sorted(names))


def found_origins(roots: tuple[str, str]) -> Iterator[tuple[Path, Origin]]:
    for file in map(Path, files_in(roots)):
        if file.parent.name == FOLDER and file.suffix == ".json":
            with suppress(UserError):
                yield file, Origin.read(file)


def in_order(origins: Mapping[Path, Origin], made_by: Mapping[str, Path], root: str) -> list[Path]:
    """Sort jobs so that each comes after those that made its inputs."""
    graph = {
        path: {made_by[input] for name in origin.inputs if (input := str(located(name, root))) in made_by} - {path}
        for path, origin in origins.items()
    }
    return list(TopologicalSorter(graph).static_order())


def remembered(path: str) -> bool:
    """Whether Snakemake has a record of how an output was made: the record's name is the path in base 64."""
    name = urlsafe_b64encode(path.encode()).decode()
    parts = [name[start : start + LONGEST] for start in range(0, len(name), LONGEST)]
    return METADATA.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1]).is_file()


def tell(aside: list[str], most: int = 5) -> None:
    """Print on stderr which files were set aside."""
    if aside:
        names = ", ".join(aside[:most]) + (f" and {len(aside) - most} more" if len(aside) > most else "")
        print(
            f"entropyreg: other code, settings or inputs made {names}: kept with the suffix {ASIDE}, and made anew.",
            file=sys.stderr,
        )
