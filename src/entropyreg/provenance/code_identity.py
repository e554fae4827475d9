"""Answers "which code made this?": a digest, by meaning, of the modules that a stage's outcome depends on.

    digest(stage, declared) = sha256 over the names and meanings of closure(function of the stage in `cli.stages`)

The closure follows every import of the package, at the top of a module or inside a function, from the imports of the
stage's own function on. The meaning of a Python module is its syntax tree without docstrings, comments, positions and
formatting; that of C++ and CUDA its text without comments and blanks; that of other files their bytes. Three small
tables hold what imports cannot tell: modules loaded by a computed name (`DYNAMIC`), files a module reads (`FILES`), and
alternatives that a job which declares another one does not run (`ONLY_FOR`; a missing entry makes a digest follow too
much, never too little). Modules of `PLUMBING` affect no number.

It imports the standard library alone, since Snakemake calls it at every start. Digests are cached by file content.
"""

import argparse
import ast
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError, blaming
from entropyreg.io.files import read_json, write_atomically
from entropyreg.io.meaning import meaning_of_python, without_comments
from entropyreg.regularizers.registry import LOOK

PLANNED_IN = "ENTROPYREG_PLANNED_IN"  # environment variable with the tree whose Snakefile planned a job
PACKAGE = Path(__file__).parents[1]
NAME = PACKAGE.name
EQUAL = Path(__file__).with_name("equal_digests.json")  # written by tools/prove_equal_bits.py
VERSION = 2  # version of the cache: change it with `meaning_of_python` or `imports_of`

PLUMBING = {  # module: why no number of a stage depends on it
    "io.errors": "words of messages",
    "cli.blame": "words of messages",
    "io.files": "writes and reads whole files, whose content others decide",
    "io.run_folder": "locks, leftovers, and which checkpoints may be resumed",
    "io.trained_weights": "compares sums, and refuses",
    "io.predicted_files": "the same",
    "io.schemas": "refuses what it does not know; what it lets through is in the settings",
    "images.settings": "refuses wrong settings",
    "images.provenance": "times and versions",
    "provenance.versions": "times and versions",
    "comparing.claims.digest": "names the declaration that a record was measured under",
    "images.engines": "devices; its mathematics is torch's",
    "measures.catalogue": "names, meanings and units; refuses a measure that is not declared",
    "provenance.code_identity": "this module",
    "provenance.run_folders": "where a record lies, whose content others decide",
}


def shown_in(declared: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The regularizers that a job declares: that of its run, or those of a table's cells."""
    return [
        declared.get("regularizer") or {},
        *declared.get("cells", ()),
        *(declared.get("text") or {}).get("cells", ()),
    ]


SHOWING = ("render", "report")  # stages whose output shows how a regularizer is written and drawn


def kind_of(declared: Mapping[str, Any], key: str) -> Any:
    part = declared.get(key)
    return part.get("kind") if isinstance(part, Mapping) else None


def regularizer_in(declared: Mapping[str, Any]) -> str | None:
    """The generator of text, or the kind of images; None where a job declares no regularizer."""
    regularizer = declared.get("regularizer") or (declared.get("training") or {}).get("regularizer") or {}
    return regularizer.get("generator", regularizer.get("kind"))


ONLY_FOR: dict[str, Callable[[Mapping[str, Any]], bool]] = {  # module: whether a job that declares this runs it
    "regularizers.euclidean": lambda declared: regularizer_in(declared) == "euclidean",
    "regularizers.plugins": lambda declared: any(one.get("plugin") for one in shown_in(declared)),
    **{
        f"regularizers.members.{path.stem}": lambda declared, kind=path.stem: regularizer_in(declared) in (kind, None)
        for path in (PACKAGE / "regularizers" / "members").glob("[!_]*.py")
        if path.stem != "skew_jensen"  # its named points appear in every table and figure
    },
    "rendering.figures": lambda declared: "_figure_" in declared.get("artefact", ""),
    "rendering.tables": lambda declared: "_table_" in declared.get("artefact", ""),
    **{
        f"images.models.{module}": lambda declared, kind=kind: kind_of(declared, "model") in (kind, None)
        for module, kind in (
            ("mlp", "mlp"),
            ("alexnet", "alexnet"),
            ("resnet", "resnet"),
            ("inception", "inception_v4"),
        )
    },
    **{
        f"data.{kind}": lambda declared, kind=kind: kind_of(declared, "source") in (kind, None)
        for kind in ("embedded", "multi30k", "iwslt14", "wmt14", "mttt", "cnn_dailymail")
    },
    "data.local": lambda declared: kind_of(declared, "source") in ("parallel", None),
    "measures.rouge": lambda declared: declared.get("metric", "rouge") == "rouge",
    "measures.bleu": lambda declared: declared.get("metric", "bleu") == "bleu",
    "images.data.sources": lambda declared: (
        declared["stage"] == "prepare-images"
    ),  # the other stages read what it prepared
    **dict.fromkeys(
        ("measuring.temperature_measures", "measuring.projection_measures"),
        lambda declared: bool(declared.get("temperatures", True)),
    ),
    **dict.fromkeys(
        ("comparing.temperature_curves", "comparing.temperature_scaling"),
        lambda declared: declared["stage"] != "collect" or bool(declared.get("curves", True)),
    ),
}
BY_NAME = {"render": "artefact", "extract-pretrained": "pretrained"}  # stages that depend on a name, not on settings
DYNAMIC: dict[str, tuple[str, ...]] = {  # module: modules that it loads by a name it computes; {name} as declared
    "regularizers.registry": ("regularizers.members.*",),
    "regularizers.declared": ("regularizers.{regularizer}",),
    "regularizers.kernels": ("regularizers.kernels.native", "regularizers.kernels.triton"),
    "rendering.tables": ("rendering.tables.{artefact}",),
    "rendering.figures": ("rendering.figures.{artefact}",),
    "rendering.report.page": ("rendering.tables.*",),
    "translation": ("translation.user_dir.entropyreg_fairseq", "translation.user_dir.entropyreg_fairseq.*"),
}
FILES: dict[str, tuple[str, ...]] = {  # module: files beside the package's modules that it reads
    "regularizers.kernels.native.build": (
        "regularizers/kernels/native/cpp/[!s]*",
    ),  # without statistics.hpp, which trains nothing
    "regularizers.statistics": ("regularizers/kernels/native/cpp/statistics.hpp",),
    "rendering.published": ("rendering/published/*.yaml",),
    "rendering.report.page": ("rendering/report/templates/*",),
}


def code_digest(stage: str, declared: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that change when code that decides the outcome of this job changes.

    Code that was shown to give the bits of earlier code has the digest of that (`equal_digests`), so recipes of
    checkpoints, origins, committed records and Snakemake all take both for one.

    stage: a command of `python -m entropyreg`.    declared: its settings, or its name (`BY_NAME`).
    """
    own = digest_of_closure(stage, declared)
    return equal_digests(EQUAL).get((stage, own), own)


def digest_of_closure(stage: str, declared: Mapping[str, Any]) -> str:
    """The digest of the code as it is, whatever gives the same bits."""
    digest, known_before = hashlib.sha256(), len(cached())
    for name, meaning in sorted(meanings(stage, declared).items()):
        digest.update(f"{name} {meaning}\n".encode())
    if len(cached()) > known_before:
        save(cached())
    return digest.hexdigest()[:16]


@cache
def equal_digests(path: Path) -> dict[tuple[str, str], str]:
    """{(stage, digest): the earliest digest of the same bits}, from a list of `stage`, `new`, `old` and `proof`.

    Raises `UserError` for a file that is damaged, says two things of one digest, or leads in a circle.
    """
    found: dict[tuple[str, str], str] = {}
    with blaming(path):
        for one in read_json(path):
            stage, new, old = one["stage"], one["new"], one["old"]
            if found.setdefault((stage, new), old) != old:
                raise UserError(f"{path} says of digest {new} of {stage} that it equals two others: keep one entry.")
    for stage, new in found:
        passed = [new]
        while (old := found.get((stage, passed[-1]))) is not None:
            if old in passed:
                raise UserError(f"{path} leads from digest {new} of {stage} back to itself: delete one entry.")
            passed.append(old)
        found[stage, new] = passed[-1]
    return found


def refuse_other_code(args: argparse.Namespace) -> None:
    """Raise `UserError` if the job was planned with other code than that which would run it here."""
    planned = getattr(args, "code", None)
    if planned is None:
        return
    found = code_digest(args.command, declared_by(args))
    if found != planned:
        raise UserError(
            f"the job was planned by the code in {os.environ.get(PLANNED_IN, 'another tree')} (digest {planned}), but "
            f"would run that in {PACKAGE.parents[1]} (digest {found}): install the first one into the environment that "
            "runs the job, or start Snakemake in the second one."
        )


def declared_by(args: argparse.Namespace) -> Mapping[str, Any]:
    """The declaration in a stage's command line: its settings, or the one name that it depends on."""
    name = BY_NAME.get(args.command)
    return {name: getattr(args, name)} if name else args.settings


def meanings(stage: str, declared: Mapping[str, Any]) -> dict[str, str]:
    """The parts of the digest: every module and file of a stage's closure with its own digest."""
    found = {}
    for module in closure(stage, declared):
        path = path_of(module)
        facts = facts_of(path)
        found[str(path.relative_to(PACKAGE))] = facts["meaning" if stage in SHOWING else "mathematics"]
        for pattern in FILES.get(module, ()):
            for file in sorted(PACKAGE.glob(pattern)):
                found[str(file.relative_to(PACKAGE))] = facts_of(file)["meaning"]
    return found


def closure(stage: str, declared: Mapping[str, Any]) -> set[str]:
    """Names of the modules, without the package's own, that the outcome of a job depends on."""
    declared = {**declared, "stage": stage}
    waiting, seen = list(imports_of_stage(stage)), set()
    while waiting:
        name = waiting.pop()
        if name in seen or name in PLUMBING or not ONLY_FOR.get(name, lambda _: True)(declared):
            continue
        seen.add(name)
        waiting += facts_of(path_of(name))["imports"]
        waiting += dynamic_imports(name, declared)
    return seen


def dynamic_imports(module: str, declared: Mapping[str, Any]) -> Iterator[str]:
    for pattern in DYNAMIC.get(module, ()):
        name = pattern.format(artefact=declared.get("artefact", ""), regularizer=regularizer_in(declared))
        if name.endswith(".*"):
            yield from (f"{name[:-1]}{path.stem}" for path in folder_of(name[:-2]).glob("[!_]*.py"))
        elif path_of(name).exists():
            yield name


def folder_of(module: str) -> Path:
    return PACKAGE.joinpath(*module.split("."))


def path_of(module: str) -> Path:
    folder = folder_of(module)
    file = folder.with_name(f"{folder.name}.py")
    return file if file.is_file() or not folder.is_dir() else folder / "__init__.py"


@cache
def imports_of_stage(stage: str) -> tuple[str, ...]:
    """The imports of the stage's function in `cli.stages`; a `KeyError` for a stage that has none."""
    wanted = stage.replace("-", "_")
    tree = ast.parse((PACKAGE / "cli" / "stages.py").read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    return tuple(imported(functions[wanted], "cli.stages"))


@cache
def facts_of(path: Path) -> dict[str, Any]:
    """`meaning` and, of Python, `imports` of a file, from the cache if its content is known there."""
    content = path.read_bytes()
    key = hashlib.sha256(f"{VERSION} {path.relative_to(PACKAGE)} {MAPS}\n".encode() + content).hexdigest()
    known = cached()
    if key not in known:
        known[key] = new_facts(path, content)
    return known[key]


def new_facts(path: Path, content: bytes) -> dict[str, Any]:
    if path.suffix == ".py":
        tree = ast.parse(content)
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        meaning, mathematics = meaning_of_python(tree), meaning_of_python(tree, LOOK if b"Kind(" in content else ())
        return {"meaning": meaning, "mathematics": mathematics, "imports": sorted(set(imported(tree, module)))}
    if path.suffix in (".cpp", ".hpp", ".cu", ".cuh", ".h"):
        content = without_comments(content.decode("utf-8")).encode()
    return {"meaning": (digest := hashlib.sha256(content).hexdigest()), "mathematics": digest, "imports": []}


def imported(tree: ast.AST, module: str) -> Iterator[str]:
    """Modules of the package that a tree imports anywhere; of a package, those that define the names taken from it."""
    packages = {}  # name in the tree: package that it stands for
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                if one.name.startswith(f"{NAME}."):
                    yield one.name.removeprefix(f"{NAME}.")
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            source = node.module.removeprefix(NAME).removeprefix(".") if in_package(node.module) else None
            if source is None:
                continue
            for one in node.names:
                target = defining(source, one.name)
                if target and path_of(target).name == "__init__.py" and target != source:
                    packages[one.asname or one.name] = target
                elif target:
                    yield target
    for node in ast.walk(tree):
        used = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in packages
        if used and (target := defining(packages[node.value.id], node.attr)):
            yield target


def in_package(name: str) -> bool:
    return name == NAME or name.startswith(f"{NAME}.")


def defining(source: str, name: str) -> str | None:
    """The module that `from source import name` runs: a module of that name, the lazy export's, or `source`."""
    inner = f"{source}.{name}".strip(".")
    if path_of(inner).is_file():
        return inner
    if not source:
        return None  # the package's own __init__: its version
    if name in (lazy := lazy_exports(source)):
        return f"{source}.{lazy[name]}"
    return None if name.startswith("__") else source


@cache
def lazy_exports(package: str) -> dict[str, str]:
    """The map `_MODULE_OF` of a package whose names are loaded on first use."""
    path = path_of(package)
    if path.name != "__init__.py":
        return {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "_MODULE_OF":
            return ast.literal_eval(node.value)
    return {}


MODULES = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))
MAPS = hashlib.sha256(json.dumps([MODULES, lazy_exports("regularizers")], sort_keys=True).encode()).hexdigest()[:8]
"""Where a name is defined depends on these beside the importing module's own content, so they are part of its key."""


def cache_path() -> Path:
    folder = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(folder) / NAME / "code.json"


@cache
def cached() -> dict[str, Any]:
    try:
        known = json.loads(cache_path().read_bytes())
    except (OSError, ValueError, RuntimeError):
        return {}
    return known if isinstance(known, dict) else {}


def save(known: Mapping[str, Any]) -> None:
    """Write the cache if the folder is writable; only speed depends on it."""
    with suppress(OSError, RuntimeError):
        write_atomically(cache_path(), json.dumps(known))
