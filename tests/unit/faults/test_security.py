"""The sources load no pickle, evaluate no text, and pass no unquoted value to a shell."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted(path for part in ("src", "tools", "benchmarks") for path in (ROOT / part).rglob("*.py"))
RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
OWN_UNPICKLER = "src/entropyreg/images/data/cifar.py"  # builds arrays of bytes and nothing else (test_containers.py)
QUOTED_BY_FUNCTIONS = {  # options that a rule's function builds, each value by shlex.quote
    *(
        "params.job",
        "params.adopted",
        "params.further",
        "params.data_dir",
        "params.teacher",
        "resources.download_options",
    ),
}
# numbers, digests, and names that a constraint holds to [a-z0-9_.]
HARMLESS = {"threads", "wildcards.split", "wildcards.pretrained", "params.name", "params.code"}


def calls(path):
    """(dotted name, call) of every call in a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def keyword(call, name):
    return next((ast.unparse(one.value) for one in call.keywords if one.arg == name), None)


def test_files_of_torch_and_numpy_are_read_without_pickles():
    """ruff's rules S (pyproject.toml) refuse every other way of running what is read."""
    found = 0
    for path in SOURCES:
        for function, call in calls(path):
            place = f"{path.relative_to(ROOT)}, line {call.lineno}: {function}"
            if function == "torch.load":
                assert keyword(call, "weights_only") == "True", place
            if function in ("np.load", "numpy.load"):
                assert keyword(call, "allow_pickle") in (None, "False"), place  # numpy's default is False
            assert function != "torch.hub.load", place
            assert "Unpickler" not in function or str(path.relative_to(ROOT)) == OWN_UNPICKLER, place
            found += function in ("torch.load", "np.load")
    assert found > 5


def shell_commands(path):
    """(line, text) of every `shell:` of a file of rules."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if line.strip() == "shell:":
            indent = len(line) - len(line.lstrip())
            body = []
            for further in lines[number:]:
                if further.strip() and len(further) - len(further.lstrip()) <= indent:
                    break
                body.append(further)
            yield number, ast.literal_eval("(" + "\n".join(part.strip() for part in body) + "\n)")


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_every_value_in_a_shell_command_is_quoted(path):
    for number, command in shell_commands(path):
        for value in re.findall(r"(?<!\{)\{([^{}]+)\}", command):
            place = f"{path.name}, line {number}: {{{value}}}"
            assert value.endswith(":q") or value in HARMLESS | QUOTED_BY_FUNCTIONS, place


def test_there_are_shell_commands_to_look_at():
    assert sum(1 for path in RULES for _ in shell_commands(path)) >= 15


def test_the_functions_that_build_options_quote_every_value():
    """Each `{...}` inside of a text with '--option' in a rule's function is shlex.quote of something, or an option."""
    found = 0
    for path in RULES:
        for option, value in re.findall(r"(--[a-z-]+|\{option\}) \{([^{}]+(?:\{[^{}]*\}[^{}]*)*)\}", path.read_text()):
            if value.endswith(":q") or value in HARMLESS:
                continue
            assert value.startswith("shlex.quote("), f"{path.name}: {option} {{{value}}}"
            found += 1
    assert found >= 6


def test_harmless_values_are_held_to_plain_names():
    snakefile = (ROOT / "Snakefile").read_text(encoding="utf-8")
    constraints = dict(re.findall(r'^    (\w+)="([^"]+)",$', snakefile, re.MULTILINE))
    assert constraints["split"] == "valid|test"
    for name, pattern in constraints.items():
        for text in ("a b", "a;b", "$(touch x)", "`x`", "a'b", 'a"b', "ü", "a\nb", "", "{x}"):
            assert not re.fullmatch(pattern, text), (name, text)


LOCKS = ["pipeline", "test", "ctranslate", "triton", "conda-test"]


def test_every_lock_is_looked_at():
    assert {path.stem for path in (ROOT / "requirements").glob("*.lock")} == set(LOCKS)


@pytest.mark.parametrize("name", LOCKS)
def test_every_dependency_is_locked_by_hash(name):
    lock = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.strip())
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._\[\]-]+==\S+", entry) and "--hash=sha256:" in entry, entry[:80]
