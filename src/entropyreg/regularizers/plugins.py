"""Reads a user's file that declares a kind of regularizer.

The file is run once, when the configuration is read, and again where the kind is trained with, which checks that it
means what it meant: the digest of its syntax tree, without docstrings, comments and how it is written and drawn, is
part of the run's settings.
"""

import ast
import inspect
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.io.meaning import meaning_of_python
from entropyreg.regularizers.registry import LOOK, Kind, declarations


def load(path: str) -> Kind:
    """The kind that a file declares; a `UserError` names the file, the line and what is wrong."""
    place = f"plugins: {path}"
    try:
        content = Path(path).read_bytes()
        tree = ast.parse(content, path)
    except OSError as error:
        raise UserError(f"{place} cannot be read ({error.strerror}); allowed: a file of Python.") from None
    except (SyntaxError, ValueError) as error:
        where = f", line {error.lineno}" if getattr(error, "lineno", None) else ""
        raise UserError(f"{place}{where}: {getattr(error, 'msg', error)}.") from None
    check_imports(tree, path, place)
    module = ModuleType(Path(path).stem)
    module.__file__ = path
    try:
        exec(compile(content, path, "exec"), vars(module))  # noqa: S102, the user named the file to be run
    except UserError as error:
        raise UserError(f"{place}{line_of(error, path)}: {error}") from None
    except Exception as error:
        raise UserError(f"{place}{line_of(error, path)}: {type(error).__name__}: {error}.") from None
    found = declarations(module)
    if len(found) != 1:
        raise UserError(f"{place} declares {len(found) or 'no'} regularizers; allowed: one `Kind`.")
    (kind,) = found
    if not callable(kind.divergence):
        raise UserError(f"{place}: regularizer '{kind.name}' has no divergence, a function of log_p and u.")
    if kind.amounts != ("strength",) or kind.mathematics or kind.generator or kind.fixed or kind.stem:
        allowed = "none of amounts, mathematics, generator, fixed and stem, which are for the package's own"
        raise UserError(f"{place}: regularizer '{kind.name}' may have {allowed}.")
    names = [one.name for one in kind.parameters]
    try:
        inspect.signature(kind.divergence).bind(None, None, **dict.fromkeys(names))
    except TypeError as error:
        given = ", ".join(["log_p, u", *(f"{name}=..." for name in names)])
        raise UserError(f"{place}: its divergence is called with ({given}), but {error}.") from None
    shown = {key: getattr(kind, key) for key in ("name", *LOOK) if getattr(kind, key) is not None}
    return replace(kind, plugin={**shown, "file": str(path), "sha256": meaning_of_python(tree, LOOK)})


def check_imports(tree: ast.AST, path: str, place: str) -> None:
    """The digest is of one file: a module of the user's that it imports could change unnoticed, and is refused."""
    for node in ast.walk(tree):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        names += [f"{'.' * node.level}{node.module or ''}"] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            top = name.partition(".")[0]
            near = [folder / f"{top}{ending}" for folder in (Path(path).parent, Path()) for ending in (".py", "")]
            if not top or any(one.exists() for one in near):
                raise UserError(
                    f"{place}, line {node.lineno}: it imports '{name}', a file of yours whose changes would not be "
                    "noticed; allowed: installed packages, and all that is yours in this one file."
                )


def load_again(plugin: Mapping[str, Any]) -> Kind:
    """The kind of a run's settings, from the file that they name; refused if its meaning has changed since."""
    kind = load(plugin["file"])
    if kind.plugin["sha256"] != plugin["sha256"]:
        raise UserError(
            f"plugins: {plugin['file']} is another one than the run was planned with (digest "
            f"{kind.plugin['sha256'][:16]}, not {plugin['sha256'][:16]}): start Snakemake again."
        )
    return kind


def line_of(error: BaseException, path: str) -> str:
    """', line 7': the last line of the file at `path` that an error went through."""
    lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == path]
    return f", line {lines[-1]}" if lines else ""
