"""Binds the outputs of every job of the workflow to the code, the settings and the inputs that made them.

Beside its outputs, in `.origin/`, a job leaves one small file: its stage, what it declared, the digest of its code, and
the sums of its inputs and outputs. A stage compares before it reads (`verify`), so a file that was exchanged, edited or
cut, or that other code or other inputs made, is refused in one sentence that names what to delete. Where Snakemake has
no record of a job, the Snakefile compares instead (`adoption`).

Names in the file are relative to the folder of the scale's results, so that it is the same wherever the tree lies;
declarations and embedded data are `checkout:workflow/...`.
"""

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from entropyreg.io.errors import UserError, blaming
from entropyreg.io.files import read_json, sha256_of, sum_of, write_json
from entropyreg.io.processors import used_processors
from entropyreg.provenance.code_identity import code_digest, declared_by

FOLDER = ".origin"
CHECKOUT, OF_THE_CHECKOUT, THERE = Path(__file__).resolve().parents[3], ("src", "workflow"), "checkout:"
OF_DATA = "data:"  # in committed origins, before folder/file of a data set, wherever it lies


def origin_path(first: str) -> str:
    """Path of the origin of the job whose first output is `first`; both may hold Snakemake's wildcards."""
    return str(Path(first).parent / FOLDER / f"{Path(first).name}.json")


class Origin(NamedTuple):
    """The job that made some outputs. `of` are the wildcards of the job, `declared` what its code digest follows,
    `processor` the type that it ran on, and that of the GPU.
    """

    stage: str
    of: Mapping[str, str]
    declared: Mapping[str, Any]
    code: str
    inputs: Mapping[str, str]  # name: sha256
    outputs: Mapping[str, str]
    processor: str | None = None  # not known of a job that ran before this was noted

    @classmethod
    def read(cls, path: Path) -> "Origin":
        """Read an origin; raises `UserError` for a file that is missing or damaged."""
        content = read_json(path)
        with blaming(path):
            return cls.of_content(content)

    @classmethod
    def of_content(cls, content: Mapping[str, Any]) -> "Origin":
        """An origin of the content of its file; one of the errors `MALFORMED` where that is none."""
        origin = cls(*(content[key] for key in cls._fields[:-1]), content.get("processor"))
        if not all(isinstance(part, Mapping) for part in (origin.of, origin.inputs, origin.outputs, origin.declared)):
            raise TypeError("of, inputs, outputs and declared must be maps")
        return origin


def name_of(path: str | Path, root: str | Path) -> str:
    """A file's name in an origin: relative to `root`, or to this checkout for what belongs to it."""
    name = Path(os.path.relpath(path, root)).as_posix()
    if name.startswith("../"):
        for part in OF_THE_CHECKOUT:
            if (absolute := Path(path).resolve()).is_relative_to(CHECKOUT / part):
                return THERE + absolute.relative_to(CHECKOUT).as_posix()
    return name


def is_made(name: str) -> bool:
    """Whether a file of this name is an output of a job; links to downloads are not compared."""
    return not name.startswith(("../", THERE, OF_DATA, "sources/"))


def located(name: str, root: str | Path) -> Path:
    if name.startswith(THERE):
        return CHECKOUT / name.removeprefix(THERE)
    return Path(os.path.normpath(Path(root, name)))


def begin(args: argparse.Namespace) -> Callable[[], None]:
    """Compare the inputs of a job of the workflow; returns a function that writes its origin when the job is done.

    A stage started by hand names no outputs, so nothing is compared.
    """
    paths = [Path(path) for path in getattr(args, "outputs", None) or ()]
    origins = [path for path in paths if path.parent.name == FOLDER]
    if not origins:
        return lambda: None
    declared, root = declared_by(args), args.root
    origins_in.cache_clear()
    verify(args.inputs, root)
    code = code_digest(args.command, declared)
    inputs = {name_of(path, root): sum_of(path) for path in args.inputs}

    def write() -> None:
        outputs = {name_of(path, root): sha256_of(path) for path in paths if path not in origins}
        origin = Origin(args.command, args.of, declared, code, inputs, outputs, used_processors())
        write_json(origins[0], origin._asdict())
        forget_older(origins[0], outputs)

    return write


def forget_older(newest: Path, outputs: Mapping[str, str]) -> None:
    """Delete the other origins that list any of `outputs`: older code gave its first output, and so its origin, another
    name.
    """
    for path in newest.parent.glob("*.json"):
        with suppress(UserError):
            if path != newest and outputs.keys() & Origin.read(path).outputs.keys():
                path.unlink(missing_ok=True)


def verify(paths: Iterable[str | Path], root: str | Path) -> None:
    """Raise `UserError` unless each job's output among `paths` is what the present code makes of the present inputs."""
    for path in map(Path, paths):
        name = name_of(path, root)
        if not is_made(name) and not (path.parent / FOLDER).is_dir():
            continue  # data and declarations, which were made by no job
        origin = origin_of(path, name)
        remedy = f"delete {path} and run again"
        found = code_digest(origin.stage, origin.declared)
        if found != origin.code:
            raise UserError(
                f"{path} was made by other code than is here (stage {origin.stage}, digest {origin.code}; here "
                f"{found}): {remedy}."
            )
        for own, wanted in origin.outputs.items():
            if not (found_at := located(own, root)).is_file():
                raise UserError(f"{found_at}, made together with {path}, is missing: {remedy}.")
            if sum_of(found_at) != wanted:
                raise UserError(f"{found_at} is not what stage {origin.stage} wrote: delete it and run again.")
        for other, wanted in origin.inputs.items():
            read = located(other, root)
            if is_made(other) and read.is_file() and sum_of(read) != wanted:
                raise UserError(f"{path} was made from another {read} than is there now: {remedy}.")


def origin_of(path: Path, name: str) -> Origin:
    """The origin that lists `path`, whose name under the root is `name`."""
    if not path.is_file():
        raise UserError(f"{path} is missing: run again, which makes it if it is an output of the workflow.")
    beside = origins_in(path.parent)
    for origin in beside:
        if name in origin.outputs:
            return origin
    others = [own for origin in beside for own in origin.outputs if Path(own).name == path.name]
    said = f"is {others[0]}, of another job" if others else f"has no whole origin in {path.parent / FOLDER}"
    raise UserError(f"{path} {said}: delete it and run again.")


@cache
def origins_in(folder: Path) -> list[Origin]:
    """The origins in a folder; a damaged one counts as absent, and is written again with its outputs."""
    found = []
    for path in sorted((folder / FOLDER).glob("*.json")):
        with suppress(UserError):
            found.append(Origin.read(path))
    return found
