"""Damage to valid files, drawn from a seed: bytes, lines, and values inside of JSON and YAML; and what must follow.

A damaged input either still is one (a digit became another) or ends in one sentence that names it: never in a
traceback.
"""

import copy
import io
import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from entropyreg.cli.main import main
from entropyreg.io.errors import UserError, sentence_of

LONG = int(os.environ.get("ENTROPYREG_FUZZ", "1"))  # so many times as many cases
STRANGE: tuple[Any, ...] = (
    *(None, True, -1, 0, 10**30, 0.5, -0.0, float("nan"), float("inf"), "", "x", "a b;$(touch x)`y`'\"\n", "\x00", "ü"),
    *([], [[]], [None], {}, {"x": {}}, {"": None}, [1, "2", None], "9" * 400),
)


def damaged_bytes(content: bytes, generator: random.Random) -> bytes:
    """Cut, emptied, with bytes changed, lost, repeated or put in, or something else altogether."""
    place = generator.randrange(len(content) + 1)
    end = min(len(content), place + generator.choice((1, 2, 16, 400)))
    noise = generator.randbytes(generator.choice((1, 3, 50)))
    return generator.choice(
        (
            content[:place],
            content[place:],
            b"",
            content[:place] + noise + content[end:],
            content[:place] + noise + content[place:],
            content[:place] + content[end:],
            content[:place] + bytes(end - place) + content[end:],
            content[:end] + content[place:],
            b"\xff\xfe" + content,
            content[:place] + b"\x00" + content[place:],
            noise,
            content.replace(b"\n", b"\r", 1),
        )
    )


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


def damaged_value(value: Any, generator: random.Random) -> Any:
    """A copy with one to three parts lost, renamed, repeated or replaced by something strange."""
    value = copy.deepcopy(value)
    for _ in range(generator.choice((1, 1, 1, 2, 3))):
        found = list(places(value))
        if not found:
            return generator.choice(STRANGE)
        container, key = generator.choice(found)
        kind = generator.randrange(6)
        if kind == 0:
            del container[key]
        elif kind == 1 and isinstance(container, dict):
            container[f"{key}x"] = container.pop(key)
        elif kind == 2 and isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        elif kind == 3:
            container[key] = [container[key]]
        else:
            container[key] = generator.choice(STRANGE)
    return value


def strange_json(value: Any) -> str:
    """JSON as Python writes it, NaN included."""
    return json.dumps(value, ensure_ascii=False)


def damaged_json(content: bytes, generator: random.Random) -> bytes:
    """Half of the time bytes, half of the time values."""
    if generator.random() < 0.5:
        return damaged_bytes(content, generator)
    return strange_json(damaged_value(json.loads(content), generator)).encode("utf-8", "surrogatepass")


def told(call: Callable[[], Any], *names: str) -> str | None:
    """The sentence of a `UserError`, which must hold one of `names`; None if nothing was wrong. Others are raised."""
    try:
        call()
    except UserError as error:
        return checked(sentence_of(error), names)
    return None


def run_stage(*arguments: Any) -> str | None:
    """What a stage says on stderr when it refuses its input with status 2; None where it succeeds."""
    error = io.StringIO()
    with redirect_stderr(error), redirect_stdout(io.StringIO()):
        status = main([str(one) for one in arguments])
    assert status in (0, 2)
    return error.getvalue() if status else None


def checked(text: str, names: tuple[str, ...]) -> str:
    """One line that ends as a sentence and holds one of `names`."""
    text = text.rstrip("\n")
    assert "\n" not in text and "Traceback" not in text, text
    assert text[-1] in ".?", text
    assert any(name in text for name in names), (names, text)
    return text


def spoil(path: Path, damage: Callable[[bytes, random.Random], bytes], generator: random.Random) -> Path:
    """Damage a file in place."""
    path.write_bytes(damage(path.read_bytes(), generator))
    return path
