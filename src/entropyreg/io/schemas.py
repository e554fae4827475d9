"""Validation against the JSON schemas of `workflow/schemas`, with errors that name the key and what is allowed."""

import math
import re
from collections.abc import Mapping
from copy import deepcopy
from difflib import get_close_matches
from functools import cache, reduce
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from referencing import Registry, Resource

from entropyreg.io.errors import UserError
from entropyreg.io.files import one_line

SHARED = {  # schemas that other schemas refer to by name
    "image_settings.schema.yaml": Path(__file__).parents[1] / "images" / "settings.schema.yaml",
}


class StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML without Python's objects, in which a key that is given twice is an error (YAML takes the last one).

    As in YAML 1.2 and JSON `1e-3` is a number, and `no`, the code of Norwegian, is text.
    """

    def get_single_node(self) -> yaml.Node:
        node = super().get_single_node()
        check_keys(node, set())
        return node


REPLACED = {  # type: how it is written, and the characters that it begins with
    "tag:yaml.org,2002:bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "tag:yaml.org,2002:float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
}
StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag not in REPLACED]
    for first, known in StrictLoader.yaml_implicit_resolvers.items()
}
for tag, (pattern, first) in REPLACED.items():
    StrictLoader.add_implicit_resolver(tag, re.compile(f"^(?:{pattern})$"), list(first))


def check_keys(node: yaml.Node | None, seen: set[int]) -> None:
    """Raise `YAMLError` for a key that a map below `node` has twice; `seen` are nodes that aliases name again."""
    if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
        return
    seen.add(id(node))
    lines: dict[str, int] = {}
    for part in node.value:
        key, below = part if isinstance(node, yaml.MappingNode) else (None, part)
        if isinstance(key, yaml.ScalarNode):
            line, first = key.start_mark.line + 1, lines.get(key.value)
            if first is not None:
                raise yaml.YAMLError(f"the key '{key.value}' is given twice, in line {first} and line {line}")
            lines[key.value] = line
        check_keys(below, seen)


def read_yaml(path: str | Path) -> Any:
    """Read a YAML file; a missing or malformed one is a `UserError` that names the file and the place."""
    return parse_yaml(content_of_yaml(path), str(path))


def content_of_yaml(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; allowed: a YAML file.") from None


def parse_yaml(text: str | bytes, place: str) -> Any:
    """Parse a text; raises a `UserError` that begins with `place`."""
    try:
        text = text.decode("utf-8") if isinstance(text, bytes) else text
        return yaml.load(text, Loader=StrictLoader)  # noqa: S506, as it is a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: not UTF-8, or a date of month 13
        raise UserError(f"{place} is not valid YAML: {one_line(error)}.") from None


def read_keys(path: str | Path) -> dict[str, Any]:
    """Read a YAML file of keys at its top level."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path} holds {type(content).__name__}; allowed: keys and their values.")
    return content


def check_finite(value: Any, place: str) -> None:
    """Raise `UserError` for a NaN or an infinity anywhere in `value`: schemas let them through every bound."""
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{place} is {value}; allowed: finite numbers.")
    if isinstance(value, Mapping):
        for key, part in value.items():
            check_finite(part, f"{place}.{key}")
    if isinstance(value, list):
        for part in value:
            check_finite(part, place)


@cache
def registry() -> Registry:
    """The shared schemas, put in at once: to retrieve one later, jsonschema crawls all others at every reference."""
    return Registry().with_resources((name, Resource.from_contents(read_yaml(path))) for name, path in SHARED.items())


def validator_of(schema_path: str | Path) -> jsonschema.Draft202012Validator:
    return validator_from(content_of_yaml(schema_path), str(schema_path))


@cache
def validator_from(content: bytes, place: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(parse_yaml(content, place), registry=registry())


def validate(value: Any, schema_path: str | Path, name: str) -> None:
    """Raise `UserError` for the most specific violation of the schema; `name` tells where `value` came from."""
    check_finite(value, name)
    errors = list(validator_of(schema_path).iter_errors(value))
    if errors:
        raise UserError(f"{name}: {describe(jsonschema.exceptions.best_match(errors))}")


def describe(error: jsonschema.ValidationError) -> str:
    """One sentence for one schema violation: the key, the value, what is allowed."""
    place = ".".join(str(part) for part in error.absolute_path) or "the top level"
    if error.validator == "additionalProperties":
        allowed = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(allowed))[0]
        return f"unknown key '{unknown}' in {place}{suggestion(unknown, allowed)}; allowed: {', '.join(allowed)}."
    if error.validator in ("enum", "const"):
        allowed = error.validator_value if error.validator == "enum" else [error.validator_value]
        shown = ", ".join("null" if one is None else str(one) for one in allowed)
        return f"{place} is {error.instance!r}{suggestion(str(error.instance), map(str, allowed))}; allowed: {shown}."
    if error.validator == "required":
        missing = sorted(set(error.validator_value) - set(error.instance))[0]
        return f"{place} lacks the key '{missing}'."
    bounds = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
    if error.validator in bounds:
        return f"{place} is {error.instance!r}; allowed: {bounds[error.validator]} {error.validator_value}."
    return f"{place} is {error.instance!r}: {error.message}."


def suggestion(word: str, allowed: Any) -> str:
    """' (did you mean ...?)' when an allowed word is close, else ''."""
    close = get_close_matches(word, list(allowed), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def merged(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `override` laid over it; maps are merged key by key, anything else is replaced.

    A map of another `kind` has other keys, so it replaces the one below it, too.
    """
    result = dict(base)
    for key, value in override.items():
        below = result.get(key)
        both_maps = isinstance(value, Mapping) and isinstance(below, Mapping)
        replaces = not both_maps or value.get("kind", below.get("kind")) != below.get("kind")
        result[key] = value if replaces else merged(below, value)
    return result


def without_nulls(value: Mapping[str, Any], schema_path: str | Path) -> dict[str, Any]:
    """`value` without the keys that are null where the schema allows no null, so that an override can remove a key."""
    result = deepcopy(dict(value))
    for error in validator_of(schema_path).iter_errors(value):
        if error.instance is None and error.absolute_path:
            *place, key = error.absolute_path
            parent = reduce(lambda part, name: part[name], place, result)
            if isinstance(parent, dict):
                parent.pop(key, None)
    return result
