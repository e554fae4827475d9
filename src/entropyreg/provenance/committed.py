"""Finds committed records that stand in for runs: those that would be made again today from the same data.

Beside a committed record lies `origins.json`, the origins of the jobs that made it; those of no run (prepared data,
proposals) are in the file of that name at the top of the reference. A job is current if

- its declaration, and the digest of the code that it needs, are those of today;
- files that no job makes are those of today: of the checkout, in `data_dir`, or as `data/sources.yaml` has their sums;
- each of its other inputs has the sum that a current job recorded of it, or that the prepared data have that are here.

A record is current if the job that measured it is. So a chain counts as a whole: a student whose teacher would come out
otherwise is stale, as is the winner of a search with such a trial. Nothing of Snakemake's memory is needed, and weights
and predictions, which are not committed, are never read.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

from entropyreg.io.errors import MALFORMED, UserError
from entropyreg.io.files import one_line, sha256_of
from entropyreg.io.run_folder import changed_keys, shortened
from entropyreg.provenance.origins import CHECKOUT, OF_DATA, OF_THE_CHECKOUT, THERE, Origin, is_made
from entropyreg.provenance.run_folders import ABOUT

FILE = "origins.json"
Planned = Callable[[str, Mapping[str, str]], tuple[Mapping[str, Any], str]]
SumOf = Callable[[str], str | None]


class Today(NamedTuple):
    """The jobs and data of today, with which committed records are compared.

    planned: declaration and code digest of a job; raises `LookupError` or `TypeError` for a job that is not planned.
    data: the sum of folder/file of a data set, None if it is not known.
    prepared: the sum of a file of prepared data, by its name under the results, that the code of today has made; None
    if there is none.
    """

    planned: Planned
    data: SumOf
    prepared: SumOf


NOTHING = Today(*[lambda *_: None] * 3)  # for reading what is recorded, where nothing is compared


class Jobs:
    """Jobs that made records, and why a run's record is stale."""

    def __init__(self, origins: Iterable[Origin], today: Today) -> None:
        self.today, origins = today, list(origins)
        self.made_by = {name: origin for origin in origins for name in origin.outputs}

    def of_run(self, run: str) -> Origin | None:
        """The job that measured a run."""
        return self.made_by.get(f"runs/{run}/{ABOUT}")

    def stale(self, run: str) -> str | None:
        """The reason why a run's record is stale; None if it is current."""
        return self.reason(f"runs/{run}/{ABOUT}")

    def reason(self, output: str) -> str | None:
        """The reason why an output, or any that it was made from, would come out otherwise today."""
        return self.reasons.get(output, f"nothing tells what made {output}")

    @cached_property
    def in_order(self) -> list[Origin]:
        """All jobs, each after those that made its inputs; raises `UserError` where there is no such order."""
        jobs = {id(origin): origin for origin in self.made_by.values()}
        makers = {
            key: [id(self.made_by[name]) for name in one.inputs if name in self.made_by] for key, one in jobs.items()
        }
        try:
            return [jobs[key] for key in TopologicalSorter(makers).static_order()]
        except CycleError as error:
            first = min(jobs[error.args[1][0]].outputs)
            raise UserError(f"by its {FILE}, {first} was made from itself: {restore(first)}.") from None

    @cached_property
    def reasons(self) -> dict[str, str | None]:
        """The reason of every output."""
        found: dict[str, str | None] = {}
        for origin in self.in_order:
            reason = self.find_reason(origin, found)
            found |= {name: reason for name in origin.outputs if self.made_by[name] is origin}
        return found

    def find_reason(self, origin: Origin, known: Mapping[str, str | None]) -> str | None:
        try:
            declared, code = self.today.planned(origin.stage, origin.of)
        except (LookupError, TypeError):
            return f"it needs {min(origin.outputs)}, which is not declared now"
        before = filter(None, (self.reason_of_input(name, sum, known) for name, sum in origin.inputs.items()))
        if (reason := next(before, None)) is not None:
            return reason  # the earliest one says what has to be done again
        if changed := changed_keys(origin.declared, json.loads(json.dumps(declared))):
            return f"other settings of {origin.stage} ({shortened(changed, 3)})"
        return f"other code of {origin.stage}" if code != origin.code else None

    def reason_of_input(self, name: str, wanted: str, known: Mapping[str, str | None]) -> str | None:
        if not is_made(name):
            found = in_checkout(name) if name.startswith(THERE) else self.today.data(name.removeprefix(OF_DATA))
            return None if found in (wanted, None) else f"other data ({name.partition(':')[2]})"
        if (here := self.today.prepared(name)) is not None:
            return None if here == wanted else f"other data ({name})"
        maker = self.made_by.get(name)
        if maker is not None and maker.outputs[name] != wanted:
            return f"it was made from another {name} than is recorded"
        return known.get(name, f"nothing tells what made {name}")

    def closure(self, output: str) -> list[Origin]:
        """The jobs that an output was made by, in order."""
        waiting, needed = [output], set()
        while waiting:
            origin = self.made_by.get(waiting.pop())
            if origin is not None and id(origin) not in needed:
                needed.add(id(origin))
                waiting += origin.inputs
        return [one for one in self.in_order if id(one) in needed]

    def own(self, run: str) -> list[Origin]:
        """The jobs of a run itself that its record was made by."""
        return [one for one in self.closure(f"runs/{run}/{ABOUT}") if run in one.of.values()]


@cache
def in_checkout(name: str) -> str:
    path = CHECKOUT / name.removeprefix(THERE)
    return sha256_of(path) if path.is_file() else "absent"


def portable(origin: Origin, results: Path, root: Path) -> Origin:
    """The origin with names that hold in any checkout: `checkout:workflow/...`, `data:folder/file`."""

    def name_of(name: str) -> str:
        if is_made(name) or name.startswith(THERE):
            return name
        path = (results / name).resolve() if name.startswith("../") else Path(name)
        if any(path.is_relative_to(root.resolve() / part) for part in OF_THE_CHECKOUT):
            return THERE + path.relative_to(root.resolve()).as_posix()
        return OF_DATA + "/".join(path.parts[-2:])

    return origin._replace(inputs={name_of(name): sum for name, sum in origin.inputs.items()})


def read_origins(path: Path) -> list[Origin]:
    """The origins in a committed file; raises `UserError` for a damaged one."""
    try:
        return [Origin.of_content(one) for one in json.loads(path.read_bytes())]
    except (OSError, RecursionError, *MALFORMED) as error:
        raise UserError(f"{path} is damaged ({one_line(error)}): {restore(path)}.") from None


def restore(path: Path | str) -> str:
    return f"restore it (git checkout -- {path}), or start without adopt=true"


def committed_origins(reference: Path) -> list[Origin]:
    """All origins of a reference."""
    return [one for path in sorted(reference.glob(f"**/{FILE}")) for one in read_origins(path)]


def check_files(reference: Path, origin: Origin) -> None:
    """Raise `UserError` unless the committed files are those that a job of a run wrote."""
    for name, wanted in origin.outputs.items():
        path = reference / name
        if not path.is_file() or sha256_of(path) != wanted:
            said = "is not what was measured" if path.is_file() else "is missing"
            raise UserError(f"{path} {said}: {restore(path)}.")
