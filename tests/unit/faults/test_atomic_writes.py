"""Every file of ours that matters is written under a temporary name, synced and renamed: read from the sources."""

import ast
from pathlib import Path

import numpy as np
import pytest

from entropyreg.io.files import atomic_path, write_npz

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "src" / "entropyreg"
SOURCES = sorted(PACKAGE.rglob("*.py"))
WRITES = {  # names of functions and methods that put bytes into a file
    *("write_text", "write_bytes", "save", "savez", "savez_compressed", "savefig", "tofile", "savetxt", "memmap"),
    *("to_csv", "to_parquet", "to_json", "write_table", "dump", "copy", "copyfile", "copy2", "copytree", "move"),
    *("rename", "replace", "symlink_to", "touch", "unpack_archive", "extractall", "copyfileobj", "mkstemp"),
}
ALLOWED = {  # (module, call): why it needs no temporary name of atomic_path's
    **{("io/files.py", name): "atomic_path itself" for name in ("mkstemp", "open", "replace")},
    ("io/files.py", "savez_compressed"): "into memory",
    ("io/columns.py", "memmap"): "a file without a name, in a temporary folder",
    (
        "regularizers/kernels/native/build.py",
        "mkstemp",
    ): "a compiled kernel: a cache, renamed into place, built anew where damaged",
    ("regularizers/kernels/native/build.py", "replace"): "the same",
    ("io/run_folder.py", "rename"): "a folder of whole checkpoints, which gets another name",
    ("io/run_folder.py", "open"): "the name of a process, in a file that it holds locked",
    ("provenance/adoption.py", "replace"): "a whole file, which gets another name",
    (
        "translation/binarization.py",
        "replace",
    ): "fairseq's files; binary.json with their sha256 comes last, and is checked",
    ("translation/ctranslate.py", "save"): "into a temporary folder that is deleted",
    ("data/download.py", "symlink_to"): "a link under a temporary name, renamed into place",
    ("data/download.py", "replace"): "the same",
    ("data/receiver.py", "open"): "NAME.part, which grows and is checked by sha256 before it gets its name",
    ("data/receiver.py", "replace"): "the same",
}


def is_write(call):
    """The name by which a call writes, None for others. `replace` with one argument is a path's, with two a text's."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
    if name == "open":
        modes = [*call.args[: 2 if isinstance(call.func, ast.Name) else 1], *(one.value for one in call.keywords)]
        texts = [one.value for one in modes if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        return name if any(set(text) & set("wax+") and set(text) <= set("rwaxbt+") for text in texts) else None
    if name in ("copy", "dump", "move"):  # of shutil, json, pickle, yaml: not of sets and tensors
        owner = getattr(getattr(call.func, "value", None), "id", None)
        return name if owner in ("shutil", "json", "pickle", "yaml") else None
    if name in ("replace", "rename") and (len(call.args) != 1 or call.keywords):
        return None
    if name in ("save", "to_csv") and isinstance(call.func, ast.Name):  # functions of ours
        return None
    return name if name in WRITES else None


def names_in(node):
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def writes_of(tree):
    """(call, name) of every write that is not to a name that an enclosing `with atomic_path(...) as NAME` bound."""

    def visit(node, bound):
        if isinstance(node, ast.With):
            for item in node.items:
                if item.optional_vars is not None and (
                    "atomic_path" in names_in(item.context_expr) or names_in(item.context_expr) & bound
                ):
                    bound = bound | names_in(item.optional_vars)
                yield from visit(item.context_expr, bound)
            for part in node.body:
                yield from visit(part, bound)
            return
        if isinstance(node, ast.FunctionDef):  # an ExitStack holds several temporaries
            for one in ast.walk(node):
                if isinstance(one, ast.Assign) and names_in(one.value) & ({"atomic_path"} | bound):
                    bound = bound | {name for target in one.targets for name in names_in(target)}
        if isinstance(node, ast.comprehension) and names_in(node.iter) & bound:
            bound = bound | names_in(node.target)
        if isinstance(node, ast.ListComp):
            for one in node.generators:
                if names_in(one.iter) & bound:
                    bound = bound | names_in(one.target)
        if isinstance(node, ast.Call) and (name := is_write(node)) and not names_in(node) & bound:
            yield node, name
        for child in ast.iter_child_nodes(node):
            yield from visit(child, bound)

    return list(visit(tree, frozenset()))


def found_in(path):
    return [(call.lineno, name) for call, name in writes_of(ast.parse(path.read_text(encoding="utf-8")))]


def test_files_are_written_by_entropyreg_files_alone_and_every_exception_exists():
    found = {(str(path.relative_to(PACKAGE)), name): line for path in SOURCES for line, name in found_in(path)}
    unknown = {place: line for place, line in found.items() if place not in ALLOWED}
    assert not unknown, f"use entropyreg.io.files, or say why not: {unknown}"
    assert found.keys() == ALLOWED.keys()


@pytest.mark.parametrize(
    "line",
    [
        *("open(path, 'w')", "path.open('ab')", "path.open(mode='x')", "path.write_text('')", "np.save(path, x)"),
        *("torch.save(x, path)", "figure.savefig(path)", "shutil.copy(a, path)", "json.dump(x, file)"),
        *("path.replace(other)", "os.rename(path)", "table.to_csv(path)", "with path.open('w') as f: pass"),
        "with atomic_path(path) as other:\n  path.write_text('')",
    ],
)
def test_a_direct_write_is_found(line):
    assert len(writes_of(ast.parse(line))) == 1


@pytest.mark.parametrize(
    "line",
    [
        *("open(path)", "path.open('rb')", "text.replace('a', 'b')", "values.copy()", "open(path, encoding='utf-8')"),
        "with atomic_path(path) as temporary:\n  temporary.write_text('')",
        "with atomic_path(path) as temporary, temporary.open('w') as file:\n  file.write('')",
    ],
)
def test_reads_and_atomic_writes_are_not_reported(line):
    assert writes_of(ast.parse(line)) == []


@pytest.mark.parametrize("name", ["record.json", "valid.images.npz", "last.pt", "table.md"])
def test_leftovers_of_a_killed_writer_do_not_look_like_outputs(tmp_path, name):
    with atomic_path(tmp_path / name) as temporary:
        assert temporary.parent == tmp_path and temporary.name.startswith(".")
        assert not list(tmp_path.glob(f"*{Path(name).suffix}"))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_folder_is_synced_after_the_rename(tmp_path, monkeypatch):
    from entropyreg.io import files

    synced = []
    monkeypatch.setattr(files, "sync_folder", lambda folder: synced.append((folder, (tmp_path / "x.npz").exists())))
    write_npz(tmp_path / "x.npz", {"x": np.arange(3)})
    assert synced == [(tmp_path, True)]
