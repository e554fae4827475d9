"""The keys that users give Snakemake, read by us as strictly as the project's own files.

Snakemake reads them first, in another way: of two equal keys the first is lost, files are merged whatever kind a map is
of, and numbers in a key of `--config` are text. What it made of them is left aside.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from entropyreg.config.loading import load_config
from entropyreg.io.errors import UserError
from entropyreg.io.schemas import parse_yaml, read_keys, read_yaml


def given_config(workflow_dir: Path, given: Any) -> dict[str, Any]:
    """The validated configuration; `given` is Snakemake's `workflow.config_settings`."""
    check_command_line(sys.argv[1:], workflow_dir.parent)
    files = [read_keys(path) for path in given.configfiles]
    schema = read_keys(workflow_dir / "schemas" / "config.schema.yaml")
    return load_config(workflow_dir, *files, read_arguments(given.config_args, schema["properties"]))


def read_arguments(entries: Sequence[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of `--config key=value ...`: text where the schema has text, else YAML, which JSON is part of."""
    found: dict[str, Any] = {}
    for entry in entries:
        key, _, text = entry.partition("=")
        if key in found:
            raise UserError(f"--config gives the key '{key}' twice, as {found[key]!r} and {text!r}: give it once.")
        types = schema.get(key, {}).get("type", ())
        if "string" in types:
            text = text[1:-1] if len(text) > 1 and text[0] == text[-1] in "'\"" else text  # as Snakemake quotes numbers
            found[key] = None if "null" in types and text in ("", "null") else text
        else:
            found[key] = parse_yaml(text, f"--config {key}")
    return found


def check_command_line(arguments: Sequence[str], root: Path) -> None:
    """Refuse what Snakemake drops without a word: all but the last `--config`, and repeated keys of a profile."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config", "-C", nargs="*", action="append", default=[])
    parser.add_argument("--configfile", "--configfiles", nargs="+", action="append", default=[])
    parser.add_argument("--profile", action="append")
    parser.add_argument("--workflow-profile", default="default")
    found, _ = parser.parse_known_args(arguments)
    for name in ("config", "configfile"):
        if len(getattr(found, name)) > 1:
            raise UserError(f"--{name} is given twice, of which Snakemake takes the last: give one, with all in it.")
    for path in profiles(found.profile or [os.environ.get("SNAKEMAKE_PROFILE", "none")], found.workflow_profile, root):
        read_yaml(path)


def profiles(general: Sequence[str], own: str, root: Path) -> Iterator[Path]:
    """The files of the profiles that Snakemake takes its options from, by its own search.

    Snakemake has entered `--directory` by now, so names are sought where the shell started it, too.
    """
    from snakemake.cli import get_profile_dir

    here = (Path.cwd(), Path(os.environ.get("PWD", ".")))
    places = [[*(folder / name for folder in here), Path(name)] for name in general]
    places.append([folder / inside / own for folder in here for inside in ("", "profiles")] + [root / "profiles" / own])
    for candidates in places:
        found = next((path for path in candidates if path.exists()), candidates[-1])
        if entry := get_profile_dir(str(found)):
            yield entry[1]
