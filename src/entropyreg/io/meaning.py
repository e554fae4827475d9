"""Digests source code by its meaning: docstrings, comments and formatting do not change the digest."""

import ast
import hashlib
import re
from collections.abc import Collection
from typing import Any


def meaning_of_python(tree: ast.AST, unseen: Collection[str] = ()) -> str:
    """sha256 of a syntax tree without docstrings and positions, the same for every release of Python.

    unseen: arguments of `Kind(...)` that are left out.
    """
    digest = hashlib.sha256()

    def write(value: Any) -> None:
        if isinstance(value, ast.AST):
            digest.update(f"({type(value).__name__}".encode())
            for name in value._fields:
                part = getattr(value, name, None)
                if part is None or part == [] or isinstance(part, ast.expr_context) or name in ("kind", "type_comment"):
                    continue
                if name == "keywords" and unseen and getattr(getattr(value, "func", None), "id", None) == "Kind":
                    part = [one for one in part if one.arg not in unseen]
                if name == "body" and has_docstring(value):
                    part = part[1:] or [ast.Pass()]
                digest.update(f" {name}=".encode())
                write(part)
            digest.update(b")")
        elif isinstance(value, list):
            for part in value:
                write(part)
            digest.update(b";")
        else:
            digest.update(f"{type(value).__name__} {value!r}".encode())

    write(tree)
    return digest.hexdigest()


def has_docstring(node: ast.AST) -> bool:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None


def without_comments(text: str) -> str:
    """C++ without comments and with single blanks; quoted text is left as it is."""
    kept = re.sub(
        r'("(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\')|//[^\n]*|/\*.*?\*/', lambda m: m.group(1) or " ", text, flags=re.S
    )
    return " ".join(kept.split())
