"""Reads the strings of Visual Studio Code from the npm packages of monaco-vscode-api (`npm pack`, unopened `.tgz`).

The program calls `localize(NUMBER, "English text")`; a language pack is one array of translations, indexed by NUMBER,
and a mapping from English to translation for every extension.
"""

import ast
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

_LOCALIZE = re.compile(r"""localize2?\((\d+), *("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""")
_MAIN = "package/translations/main.i18n.json.js"
_EXTENSIONS = "package/translations/extensions/"


def localized_texts(script: str) -> Iterator[tuple[int, str]]:
    """(number, English text) of every call of `localize` or `localize2` in a script."""
    for number, quoted in _LOCALIZE.findall(script):
        try:
            yield int(number), ast.literal_eval(quoted)
        except (SyntaxError, ValueError):
            continue  # an escape of JavaScript that Python lacks


def main_translations(script: str) -> list[str | None]:
    """The array of a language pack's main script; `undefined` becomes None."""
    array = script[script.index("[") : script.rindex("]") + 1]
    return json.loads(re.sub(r"^\tundefined", "\tnull", array, flags=re.MULTILINE))


def vscode_pairs(api: Path, language_pack: Path) -> Iterator[tuple[str, str]]:
    """(translation, English text) of the program by number, then of its extensions; menu-key marks (&&) are removed."""
    english = {number: text for _, script in _texts(api, ".js") for number, text in localized_texts(script)}
    pack = dict(_texts(language_pack, ".js")) | dict(_texts(language_pack, ".json"))
    translations = main_translations(pack[_MAIN])
    for number, text in sorted(english.items()):
        translation = translations[number] if number < len(translations) else None
        if isinstance(translation, str):
            yield translation.replace("&&", ""), text.replace("&&", "")
    for name in sorted(name for name in pack if name.startswith(_EXTENSIONS)):
        bundle = json.loads(pack[name]).get("contents", {}).get("bundle", {})
        yield from ((translation, text) for text, translation in bundle.items() if isinstance(translation, str))


def _texts(archive: Path, suffix: str) -> Iterator[tuple[str, str]]:
    """(name, text) of the files of a `.tgz` with a suffix, in the archive's order (seeking in it would be slow)."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(suffix):
                yield member.name, tar.extractfile(member).read().decode("utf-8", errors="ignore")
