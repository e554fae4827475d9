"""Writes docs/configuration.md: every key of the configuration and of the experiments, from their schemas."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from entropyreg.regularizers.registry import AMOUNTS, BASELINES, UNIGRAM_TEMPERATURE, built_in

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "configuration.md"
OTHER_FILES = {"image_settings.schema.yaml": ROOT / "src" / "entropyreg" / "images" / "settings.schema.yaml"}
PARTS = {
    "config": (
        "Configuration of a scale",
        "`workflow/config/base.yaml`, then `workflow/config/<scale>.yaml`, then the files of `--configfile`, then "
        "`--config key=value` of the command line, merged in this order: maps key by key, but one of another `kind` "
        "replaces the one below it, and `null` takes an optional key away. In `--config`, nested keys are JSON: "
        """`--config 'decoding={"beam_test": 3}' 'models={"transformer": {"lr": 1e-3}}'`. `<name>` stands for a """
        "name of yours.",
    ),
    "experiments": (
        "Experiments",
        "`workflow/experiments/paper_a.yaml` and `paper_b.yaml`: artefacts, and the blocks of runs that serve them.",
    ),
}
BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


class Node:
    """A part of a schema, with the file that its references are relative to."""

    def __init__(self, part: Any, root: Mapping[str, Any]) -> None:
        self.part, self.root = part if isinstance(part, Mapping) else {}, root
        while "$ref" in self.part:
            file, _, path = self.part["$ref"].partition("#/")
            own = {key: value for key, value in self.part.items() if key != "$ref"}
            self.root = read(OTHER_FILES[file]) if file else self.root
            target: Any = self.root
            for key in path.split("/"):
                target = target[key]
            self.part = {**target, **own}

    def child(self, part: Any) -> "Node":
        return Node(part, self.root)


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def keys(node: Node, path: str = "", required: bool = True) -> Iterator[tuple[str, str, str]]:
    """(key, allowed values, meaning) of every key under a node, in the schema's order."""
    part = node.part
    if path:
        meaning = part.get("description", "")
        yield path, allowed(node), " ".join(filter(None, [meaning, "" if required else "*optional*"]))
    for name, below in part.get("properties", {}).items():
        yield from keys(node.child(below), f"{path}.{name}" if path else name, name in part.get("required", ()))
    if isinstance(part.get("additionalProperties"), Mapping):
        yield from keys(node.child(part["additionalProperties"]), f"{path}.<name>")
    items = node.child(part.get("items"))
    if items.part.get("properties"):
        without = {key: value for key, value in items.part.items() if key != "description"}
        yield from keys(items.child(without), f"{path}[]")
    for option in (*part.get("oneOf", ()), *part.get("anyOf", ())):
        found = node.child(option).part
        for name, below in found.get("properties", {}).items():
            if name not in part.get("properties", {}):
                yield from keys(node.child(option).child(below), f"{path}.{name}", name in found.get("required", ()))


def allowed(node: Node) -> str:
    """'one of cpu, cuda'; 'integer, at least 1'; 'list of numbers'."""
    part = node.part
    if "enum" in part:
        return "one of " + ", ".join(f"`{written(value)}`" for value in part["enum"])
    if "const" in part:
        return f"`{written(part['const'])}`"
    kinds = part.get("type", "")
    text = " or ".join(kinds) if isinstance(kinds, list) else kinds
    if text == "array":
        inner = allowed(node.child(part["items"])) if "items" in part else ""
        least = f" of at least {part['minItems']}" if part.get("minItems", 0) > 1 else ""
        text = f"list{least}: {inner}" if inner else f"list{least}"
    bounds = [f"{words} {part[key]:g}" for key, words in BOUNDS.items() if isinstance(part.get(key), int | float)]
    return ", ".join(filter(None, [text, *bounds]))


def written(value: Any) -> str:
    return {None: "null", True: "true", False: "false"}.get(value, str(value)) if not isinstance(value, str) else value


def table(name: str) -> list[str]:
    """The section of one schema."""
    title, text = PARTS[name]
    schema = read(ROOT / "workflow" / "schemas" / f"{name}.schema.yaml")
    seen: dict[str, tuple[str, str]] = {}
    for key, values, meaning in keys(Node(schema, schema)):
        seen.setdefault(key, (values, meaning))
    rows = [f"| `{key}` | {values} | {escaped(meaning)} |" for key, (values, meaning) in seen.items()]
    return [f"## {title}", "", text, "", "| key | allowed | meaning |", "|---|---|---|", *rows, ""]


def regularizers() -> list[str]:
    """The section of the registry: every kind with its keys."""
    rows = [
        f"| `{kind.name}` | {', '.join(f'`{key}`' for key in kind.keys) or 'none'} | {escaped(kind.meaning)} |"
        for kind in built_in().values()
    ]
    numbers = {one.name: one for kind in built_in().values() for one in kind.parameters} | AMOUNTS
    numbers |= {UNIGRAM_TEMPERATURE.name: UNIGRAM_TEMPERATURE}
    keys_of = [f"| `{name}` | {one.allowed} | {escaped(one.meaning)} |" for name, one in numbers.items()]
    baselines = " or ".join(f"`{one}`" for one in BASELINES)
    return [
        "## Regularizers",
        "",
        "The kinds that an arm may name (`src/entropyreg/regularizers/registry.py`). An arm gives one",
        "of `smoothing`, `strength` and `entropy`. [A file of yours](own_regularizer.md) adds a kind.",
        "",
        *("| regularizer | keys | divergence |", "|---|---|---|", *rows, ""),
        *("| key | allowed | meaning |", "|---|---|---|", *keys_of),
        f"| `baseline` | {baselines} | Distribution u that the model is drawn to. |",
        "",
    ]


def escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def content() -> str:
    """The whole page."""
    head = [
        "# Reference of the configuration",
        "",
        "Written by `python tools/make_config_docs.py` from the schemas. An unknown key, a value that is not allowed",
        "or a key that lacks is refused before anything runs, by a sentence that names it.",
        "",
    ]
    return "\n".join([*head, *(line for name in PARTS for line in table(name)), *regularizers()])


if __name__ == "__main__":
    OUT.write_text(content(), encoding="utf-8")
    sys.exit(0)
