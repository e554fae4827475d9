"""Arguments of make and variables of scripts reach a shell as values: never split, never run."""

import re
import shutil
import subprocess

import pytest

HOSTILE = [
    *("x; touch hit", "$(touch hit)", "`touch hit`", "$(shell touch hit)", "$$(touch hit)", '"; touch hit; "'),
    *("'; touch hit; '", "a b", "*", "x\ttouch hit", "\\", "#x"),
]
BEFORE_A_VALUE = {"local", "export", "if", "then", "else", "elif", "do", "while", "!", "{"}  # an assignment may follow
NUMBERS = "?#$!"  # $? $# $$ $!
OF_MAKE = {"$(AUDIT)", "$(MAKEFILE_LIST)"}  # the Makefile's own texts, of several words


@pytest.fixture
def checkout(tmp_path, root):
    """A folder with the Makefile, and a Python that prints its arguments in place of doing anything."""
    shutil.copy(root / "Makefile", tmp_path)
    for name, text in (("tools/make_venv.sh", "exit 0"), ("venv/bin/python", "printf '<%s>\\n' \"$@\"")):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return tmp_path


def make(folder, *arguments, **environment):
    command = ["make", "--no-print-directory", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"} | environment
    )
    assert not (folder / "hit").exists(), arguments
    return done


@pytest.mark.parametrize("value", HOSTILE)
def test_arguments_of_make_are_only_values(checkout, value):
    (checkout / "paper_figures" / value).mkdir(parents=True)
    done = make(checkout, "demo", "VENV=venv", f"SCALE={value}")
    assert f"<--config>\n<scale={value}>\n" in done.stdout and f"/results/{value}/ (records" in done.stdout
    assert done.returncode == 0, done.stderr
    done = make(checkout, "verify-cell", f"ROW={value}", SCALE=value, VENV="venv")
    assert done.stdout.endswith(f"<cell>\n<--scale>\n<{value}>\n<--cell>\n<{value}>\n")
    for target in ("forecast", "figures", "verify", "compare-reference", "reference", "export"):
        assert make(checkout, target, "VENV=venv", f"SCALE={value}").stdout.endswith(f"<--scale>\n<{value}>\n")
    refused = make(checkout, "clean", f"SCALE={value}")
    assert refused.returncode != 0 and f"SCALE is '{value}'; allowed: smoke, demo" in refused.stderr
    assert make(checkout, "venv", f"VENV={value}").returncode == 0


def test_make_without_a_value_takes_the_demo_and_cleans_what_is_named(checkout):
    assert make(checkout, "verify", "VENV=venv").stdout.endswith("<--scale>\n<demo>\n")
    for scale in ("smoke", "demo"):
        (checkout / "results" / scale).mkdir(parents=True)
    assert make(checkout, "clean", "SCALE=smoke").returncode == 0
    assert [path.name for path in (checkout / "results").iterdir()] == ["demo"]


def unquoted(text):
    """(line, value) of each `$x` and `$(...)` that a shell would split into words, which it does not in assignments."""
    found = []

    def value(i, is_safe):
        """Past the expansion at i."""
        end = re.compile(r"\$(\w+|[@*?#$!-])?").match(text, i).end()
        if text[i + 1] in "({":
            end = code(i + 2, ")") if text[i + 1] == "(" else text.index("}", i) + 1
        if not is_safe and end > i + 1 and text[i + 1] not in NUMBERS:
            found.append((text.count("\n", 0, i) + 1, text[i:end]))
        return end

    def in_quotes(i):
        """Past the closing double quote."""
        while text[i] != '"':
            i = value(i, True) if text[i] == "$" else i + 1 + (text[i] == "\\")
        return i + 1

    def code(i, closing):
        """Past the closing bracket, or the end of the text."""
        words, word, depth = [], "", 0
        while i < len(text):
            one, begun = text[i], i
            if one == closing and depth == 0:
                return i + 1
            depth += (one == "(") - (one == ")" and depth > 0)
            if one == "#" and not word:
                i = text.find("\n", i) if "\n" in text[i:] else len(text)
                continue
            if one in " \t\n;|&()":
                words = [] if one not in " \t" else words + [word] * bool(word)
                word, i = "", i + 1
                continue
            if one == "'":
                i = text.index("'", i + 1) + 1
            elif one == '"':
                i = in_quotes(i + 1)
            elif one == "$":
                assigns = [re.match(r"[A-Za-z_]\w*=", part) for part in (*words, word) if part not in BEFORE_A_VALUE]
                i = value(i, all(assigns) and bool(assigns) and bool(word))
            else:
                i += 1 + (one == "\\")
            word += text[begun:i]
        assert closing is None, f"no {closing}"
        return i

    code(0, None)
    return found


@pytest.mark.parametrize(
    "text, values",
    [
        ('x=$y; z=$(f "$x")-$y local=$1 f "$z"', []),
        ("local a=$1 b=$2; if have=$(f); then x=$1; fi", []),
        ("f --config scale=$x", ["$x"]),
        ('f $x "$y" ${z} "${z}"', ["$x", "${z}"]),
        ('f "$(g $x "$y")" $(g "$x")', ["$x", '$(g "$x")']),
        ("f '$x' \\$x # $x\nf $x", ["$x"]),
        ('case "$x" in a) f $y ;; *) f "$z" ;; esac', ["$y"]),
        ('[ $# = 0 ] || exit $?; f x$@ "a$(g "b c" | h)d"', ["$@"]),
        ("f <(g $x) | h", ["$x"]),
    ],
)
def test_the_reader_of_scripts_finds_what_is_unquoted(text, values):
    assert [value for _, value in unquoted(text)] == values


def recipes(root):
    """(first line, shell text) of the Makefile's recipes, as bash is given them."""
    lines = (root / "Makefile").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if line.startswith("\t") or (lines[number - 2].endswith("\\") and number > 1):
            yield number, line.removeprefix("\t").removeprefix("@")


def test_every_value_in_the_makefile_is_quoted(root):
    """A `$(NAME)` is pasted into the command before the shell sees it, and no quotes help then."""
    text = "\n".join(line for _, line in recipes(root))
    text = re.sub(r"\$\(foreach name,[a-z -]+,--requirement requirements/\$\(name\)\.lock\)", "", text)
    pasted = re.findall(r"(?<!\$)\$[({][^)}]*[)}]", text)
    assert set(pasted) == OF_MAKE
    for name in OF_MAKE:
        text = text.replace(name, "")
    assert len(re.findall(r"\$\$\w", text)) > 30
    assert unquoted(text.replace("$$", "$")) == []


@pytest.mark.parametrize("name", ["tools/*.sh", "envs/*.sh", ".ci/run"])
def test_every_value_in_a_script_is_quoted(root, name):
    texts = {path.name: path.read_text(encoding="utf-8") for path in root.glob(name)}
    assert any(unquoted(re.sub(r'"(\$\w+)"', r"\1", text)) for text in texts.values())  # there is something to look at
    for path, text in texts.items():
        assert "<<" not in text and not re.search(r"\beval\b", text), path
        assert unquoted(text) == [], path
