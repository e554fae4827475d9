"""Write docs/deviations.md: where this replication differs from the papers, from workflow/config/deviations.yaml."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.io.schemas import read_yaml, validate

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "deviations.md"
WORKFLOW = ROOT / "workflow"
DECLARED = WORKFLOW / "config" / "deviations.yaml"
FOLDERS = (WORKFLOW / "config", WORKFLOW / "experiments")
PARTS = {
    "data": "Data",
    "training": "Training",
    "decoding": "Decoding",
    "measures": "Measures",
    "smaller_scales": "Smaller scales",
}
HEAD = """# Deviations from the papers

Every choice of this replication that differs from a paper, or that the papers do not state. "Paper A" is Meister,
Salesky and Cotterell 2020, of which the slides and the authors' code were read; "paper B" is Müller, Kornblith and
Hinton 2019, "the replication" that of Wagner et al. (ReScience). What is expected of a choice is an expectation, not a
measurement, unless a table is named.

Written by `python tools/make_deviations.py` from `workflow/config/deviations.yaml`; the values under "here" are read
from the configuration. Comments in the configuration and in the experiments name the same ids (`deviation: ...`).

| choice | in the paper | here, and why | expected effect | where to change it |
|---|---|---|---|---|
"""


def deviations() -> dict[str, dict[str, Any]]:
    """Every entry by id, with its part; raises UserError for a file that the schema refuses or an id that is twice."""
    declared = read_yaml(DECLARED)
    validate(declared, WORKFLOW / "schemas" / "deviations.schema.yaml", DECLARED.name)
    entries = [(name, {**entry, "part": part}) for part in PARTS for name, entry in declared[part].items()]
    if len(found := dict(entries)) != len(entries):
        raise UserError(f"{DECLARED.name} has an id in two parts; allowed: ids of their own.")
    return found


@cache
def file_of(name: str) -> Path:
    """The file of that name in workflow/config or workflow/experiments."""
    found = [folder / name for folder in FOLDERS if (folder / name).is_file()]
    if len(found) != 1:
        raise UserError(f"{DECLARED.name} names '{name}'; allowed: a file of workflow/config or workflow/experiments.")
    return found[0]


@cache
def content_of(name: str) -> Any:
    return read_yaml(file_of(name))


def value_at(file: str, key: str) -> Any:
    """The value of `a.b[name].c` in a file; `[name]` is the entry of a list with that name. UserError if absent."""
    value = content_of(file)
    for part, entry in re.findall(r"([^.\[\]]+)|\[([^\]]+)\]", key):
        if entry:
            value = {one["name"]: one for one in value} if isinstance(value, list) else None
        if not isinstance(value, Mapping) or (part or entry) not in value:
            raise UserError(f"{DECLARED.name} names {key}, but {file} has no '{part or entry}' there.")
        value = value[part or entry]
    return value


def code_at(name: str) -> Any:
    """The constant of a dotted name, or None for a class or function; UserError if there is no such name.

    Read from the source: importing what is named would load torch and fairseq.
    """
    module, _, attribute = name.rpartition(".")
    path = (ROOT / "src").joinpath(*module.split(".")).with_suffix(".py")
    if path.is_file():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == attribute:
                return None
            if isinstance(node, ast.Assign) and [ast.unparse(one) for one in node.targets] == [attribute]:
                return ast.literal_eval(node.value)
    raise UserError(f"{DECLARED.name} names the code {name}, which does not exist.")


def places(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(file or 'code', key or name, value) of everything under `where`, in its order."""
    for file, names in entry["where"].items():
        for name in names:
            yield file, name, code_at(name) if file == "code" else value_at(file, name)


def written(value: Any) -> str:
    """A value in a sentence: 1.2; 50,000; 1 to 5; 'der, die, das; nicht, wurde, Jahr'."""
    if isinstance(value, str | bool):
        return str(value)
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    if isinstance(value, Sequence):
        if any(isinstance(one, Sequence) and not isinstance(one, str) for one in value):
            return "; ".join(map(written, value))
        if len(value) > 2 and isinstance(value[0], int) and list(value) == [value[0] + n for n in range(len(value))]:
            return f"{value[0]} to {value[-1]}"
        return ", ".join(map(written, value))
    raise UserError(f"{value!r} cannot stand in a sentence of {DECLARED.name}; allowed: numbers, words and lists.")


def ours(name: str, entry: Mapping[str, Any]) -> str:
    """What is said of our choice, with the values that the files have."""
    values = [value for _, _, value in places(entry)]
    for one in re.findall(r"\{(.*?)\}", entry["ours"]):
        if not one.isdigit() or int(one) >= len(values):
            raise UserError(f"{DECLARED.name}: ours of {name} has {{{one}}}; `where` has {len(values)} places.")
    return re.sub(r"\{(\d+)\}", lambda found: written(values[int(found[1])]), entry["ours"])


def where(entry: Mapping[str, Any]) -> str:
    """The files with their keys, and names of code, for the last column."""
    lines = []
    for file, names in entry["where"].items():
        listed = ", ".join(f"`{name}`" for name in names)
        lines.append(listed if file == "code" else f"{file_of(file).relative_to(ROOT)}: {listed}")
    return "; ".join(lines)


def line(name: str, entry: Mapping[str, Any]) -> str:
    """The row of an entry."""
    choice = f"**{entry['choice']}** (paper {entry['paper'].replace(', ', ' and ')})<br>`{name}`"
    cells = (choice, entry["paper_says"], f"{ours(name, entry)} {entry['why']}", entry["effect"], where(entry))
    return "| " + " | ".join(re.sub(r"\s+", " ", cell).replace("|", "\\|") for cell in cells) + " |\n"


def content() -> str:
    """The whole page."""
    entries = deviations()
    lines = []
    for part, title in PARTS.items():
        lines.append(f"| **{title}** | | | | |\n")
        lines += [line(name, entry) for name, entry in entries.items() if entry["part"] == part]
    return HEAD + "".join(lines)


if __name__ == "__main__":
    OUT.write_text(content(), encoding="utf-8")
