"""Reads translation catalogues out of wheels: gettext `.po` files and the JSON layouts of three projects.

Every reader yields (foreign text, English text), in the order of the archive.
"""

import ast
import json
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

Pairs = Iterator[tuple[str, str]]
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_KOLIBRI_LOCALES = {"de": "de", "fr": "fr_FR"}


def po_pairs(text: str) -> Pairs:
    """Translated entries of a `.po` file; fuzzy, obsolete and plural ones are left out."""
    for entry in re.split(r"\n\s*\n", text):
        is_fuzzy = "#, " in entry and "fuzzy" in entry.split("msgid")[0]
        is_obsolete = re.search(r"^#~", entry, re.MULTILINE)
        if is_fuzzy or is_obsolete or "msgid_plural" in entry:
            continue
        english, foreign = _po_string(entry, "msgid"), _po_string(entry, "msgstr")
        if english and foreign:
            yield foreign, english


def _po_string(entry: str, keyword: str) -> str:
    """The string after a keyword, put together from its quoted lines; '' where there is none or it is malformed."""
    match = re.search(rf'^{keyword} ((?:".*"\n?)+)', entry, re.MULTILINE)
    if not match:
        return ""
    try:
        return "".join(ast.literal_eval(quoted) for quoted in _QUOTED.findall(match.group(1)))
    except (SyntaxError, ValueError):
        return ""


def po_pairs_of_wheel(wheel: Path, locale: str) -> Pairs:
    """All `.po` files of a wheel that lie under a folder named like the locale ('de', 'fr', 'fr_FR')."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".po") and f"/{locale}/" in name:
                yield from po_pairs(archive.read(name).decode("utf-8"))


def flatten(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Leaves of nested mappings with their paths: {'a': {'b': 1}} -> (('a', 'b'), 1)."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flatten(value, (*path, key))
        else:
            yield (*path, key), value


def matched_texts(foreign: Mapping[Any, Any], english: Mapping[Any, Any]) -> Pairs:
    """Texts that stand under one key in both mappings."""
    for key, text in foreign.items():
        if isinstance(text, str) and isinstance(english.get(key), str):
            yield text, english[key]


def home_assistant_pairs(wheel: Path, language: str) -> Pairs:
    """`.../translations/de.json` beside `.../translations/en.json`, one folder an integration."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for name in sorted(name for name in names if name.endswith(f"/translations/{language}.json")):
            english_name = f"{name.rpartition('/')[0]}/en.json"
            if english_name in names:
                foreign, english = (dict(flatten(json.loads(archive.read(file)))) for file in (name, english_name))
                yield from matched_texts(foreign, english)


def home_assistant_frontend_pairs(wheel: Path, language: str) -> Pairs:
    """`.../translations/[section/]de-<hash>.json`, flat; a text is known by section and key."""
    with zipfile.ZipFile(wheel) as archive:
        foreign, english = (_frontend_texts(archive, code) for code in (language, "en"))
        yield from matched_texts(foreign, english)


def _frontend_texts(archive: zipfile.ZipFile, language: str) -> dict[tuple[str, str], str]:
    pattern = re.compile(rf"/translations/(?:([\w-]+)/)?{language}-[0-9a-f]+\.json$")
    texts = {}
    for name in archive.namelist():
        if match := pattern.search(name):
            section = match.group(1) or ""
            for key, text in json.loads(archive.read(name)).items():
                if isinstance(text, str):
                    texts[section, key] = text
    return texts


def kolibri_pairs(wheel: Path, language: str) -> Pairs:
    """`.../locale/<locale>/....json` beside `.../locale/en/....json`, flat."""
    folder = f"/locale/{_KOLIBRI_LOCALES[language]}/"
    with zipfile.ZipFile(wheel) as archive:
        names: Collection[str] = archive.namelist()
        known = set(names)
        for name in names:
            english_name = name.replace(folder, "/locale/en/")
            if folder in name and name.endswith(".json") and english_name in known:
                yield from matched_texts(json.loads(archive.read(name)), json.loads(archive.read(english_name)))
