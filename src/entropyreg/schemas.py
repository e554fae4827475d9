"""Validation against the JSON schemas of `workflow/schemas`, with errors that name the key and what is allowed."""

import math
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from referencing import Registry, Resource

from entropyreg.errors import UserError
from entropyreg.files import one_line

SHARED = {  # schemas that others refer to by name
    "image_settings.schema.yaml": Path(__file__).parent / "images" / "settings.schema.yaml",
}


class UniqueKeyLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML without Python's objects, in which a key that is given twice is an error: YAML takes the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key '{key.value}' is twice", key.start_mark)
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: str | Path) -> Any:
    """Read a YAML file; a missing or malformed one is a `UserError` that names the file and the place."""
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=UniqueKeyLoader)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; allowed: a YAML file.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: no UTF-8, a date of month 13
        raise UserError(f"{path} is not valid YAML: {one_line(error)}.") from None


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


@cache  # the registry asks at every reference
def shared_schema(name: str) -> Resource:
    return Resource.from_contents(read_yaml(SHARED[name]))


def validate(value: Any, schema_path: str | Path, name: str) -> None:
    """Raise `UserError` for the most specific violation of the schema; `name` tells where `value` came from."""
    check_finite(value, name)
    registry = Registry(retrieve=shared_schema)
    validator = jsonschema.Draft202012Validator(read_yaml(schema_path), registry=registry)
    errors = list(validator.iter_errors(value))
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
    """`base` with `override` laid over it; maps are merged key by key, anything else is replaced."""
    result = dict(base)
    for key, value in override.items():
        both_maps = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both_maps else value
    return result
