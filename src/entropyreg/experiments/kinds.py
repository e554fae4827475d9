"""The kinds of regularizers by name; every label, marker and colour goes by them, and an unknown one is refused."""

from collections.abc import Mapping
from typing import TypeVar

from entropyreg.io.errors import UserError

FIXED_SKEW = {"label_smoothing": 1.0, "confidence_penalty": 0.0}
GENERATORS = {  # kind: the convex function of its Jensen divergence
    "label_smoothing": "entropy",
    "confidence_penalty": "entropy",
    "skew_jensen": "entropy",
    "euclidean": "euclidean",
}
WITHOUT_SKEW = {generator: kind for kind, generator in GENERATORS.items() if generator != "entropy"}
KINDS = ("none", *GENERATORS)
CHOICES = {"generator": tuple(dict.fromkeys(GENERATORS.values())), "baseline": ("uniform", "unigram")}
Found = TypeVar("Found")


def kind_of(skew: float | None, generator: str | None = None) -> str:
    """The kind of a run: without skew and generator it has no regularizer; generators but entropy have no skew."""
    if generator is not None:
        check_choice("generator", generator)
    if generator in WITHOUT_SKEW:
        return WITHOUT_SKEW[generator]
    if skew is None and generator is not None:
        raise UserError(f"the regularizer with generator '{generator}' has no skew: it is found when its run starts.")
    if skew is None:
        return "none"
    if not 0.0 <= skew <= 1.0:
        raise UserError(f"the skew of a regularizer is {skew!r}; allowed: a number from 0 to 1.")
    return next((kind for kind, fixed in FIXED_SKEW.items() if skew == fixed), "skew_jensen")


def skew_of(kind: str, skew: float | None) -> float | None:
    """The skew of a kind that fixes it or has none, else `skew`; a `UserError` for a kind that is not known."""
    none = dict.fromkeys(("none", *WITHOUT_SKEW.values()))
    return by_kind({**none, **FIXED_SKEW, "skew_jensen": skew}, kind)


def check_choice(key: str, value: str, place: str = "a regularizer") -> None:
    """Raise `UserError` for a generator or baseline that is not known."""
    if value not in CHOICES[key]:
        raise UserError(f"the {key} of {place} is {value!r}; allowed: {', '.join(CHOICES[key])}.")


def by_kind(table: Mapping[str, Found], kind: str) -> Found:
    """What `table` has for a kind; a `UserError` names a kind that it does not have."""
    if kind not in table:
        raise UserError(f"the kind of a regularizer is {kind!r}; allowed: {', '.join(table)}.")
    return table[kind]
