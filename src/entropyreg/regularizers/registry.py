"""The registry of regularizers: every kind with its name, parameters, divergence, and how it is written and drawn.

    loss = NLL + strength * D(u || p),    D a kind's divergence at its parameters,    u the baseline (uniform, unigram)

A built-in kind is declared by a file of `members/`, a user's by a file of the same form that `plugins` of the
configuration names (docs/own_regularizer.md). Keys of arms, what fairseq and images train with, run ids, labels, marks
and columns follow from the declaration. Light: Snakemake reads it at every start, so no declaration loads torch.
"""

import keyword
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from entropyreg.io.errors import UserError

BASELINES = ("uniform", "unigram")
NOT_KINDS = ("winner",)  # names in an arm that refer to another run's regularizer
LOOK = ("label", "meaning", "words", "short", "printed", "latex", "marker", "symbol", "color")  # not part of training
MARKERS = "ov^<>8spP*hHDdX"  # matplotlib's markers that have an area


@dataclass(frozen=True)
class Parameter:
    """A number that a kind of regularizer takes: what it means and its bounds (`least` and `most` are allowed, `above`
    and `below` are not). Without a default it must be given."""

    name: str
    meaning: str = ""
    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    default: float | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", str(self.name)) or keyword.iskeyword(self.name):
            raise UserError(f"a parameter is named {self.name!r}; allowed: letters, digits and _, no word of Python.")
        for key in ("least", "above", "most", "below"):
            bound = getattr(self, key)
            if bound is not None and (type(bound) not in (int, float) or not math.isfinite(bound)):
                raise UserError(f"parameter '{self.name}': {key} is {bound!r}; allowed: a finite number.")
        if self.default is not None:
            self.check(self.default, "its default")

    @property
    def allowed(self) -> str:
        """'a number above 1, at most 3'."""
        bounds = {"at least": self.least, "above": self.above, "at most": self.most, "below": self.below}
        told = [f"{words} {bound:g}" for words, bound in bounds.items() if bound is not None]
        return f"a number {', '.join(told)}".strip()

    def check(self, value: Any, place: str) -> float:
        """`value` as a float; a `UserError` if it is none, or outside the bounds (NaN is)."""
        inside = (
            type(value) in (int, float)
            and math.isfinite(value)
            and (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
            and (self.below is None or value < self.below)
        )
        if not inside:
            raise UserError(f"{place}: {self.name} is {value!r}; allowed: {self.allowed}.")
        return float(value)


AMOUNTS = {  # keys that set the amount of a regularizer; an arm has one of those that its kind takes
    "smoothing": Parameter("smoothing", "gamma = strength / (1 + strength) at skew 1", above=0, below=1),
    "strength": Parameter("strength", "factor of the divergence", least=0),
    "entropy": Parameter("entropy", "predicted normalised entropy, instead of the strength", above=0, below=1),
}
UNIGRAM_TEMPERATURE = Parameter("unigram_temperature", "of baseline unigram: unigram^(1/T), renormalised", above=0)


@dataclass(frozen=True)
class Kind:
    """A kind of regularizer.

    divergence: D of every row by differentiable operations, called as divergence(log_p, u, **parameters) with tensors
    (..., V), V being the number of classes; the result is (...). Never negative, and 0 where p = u.
    mathematics: instead of it 'module:Class' of this package, a `Member` with quicker operations for whole rows.
    equilibrium: where it is known, the minimum for a one-hot target and uniform u, called as equilibrium(strength=...,
    vocabulary_size=..., **parameters); the result has `normalized_entropy` and `floor` (`equilibrium.Equilibrium`).
    amounts: names of `AMOUNTS` that its arms take.    fixed: parameters that a named point of another kind sets.
    stem: the first word of a run's label (default its name).    words, short: its name in legends of text and of
    images, with its numbers in braces: '{order}', '{strength}'.    printed, latex: its name in tables of the papers.
    marker (of `MARKERS`), symbol (the same as a character), color ('#7f4f24'; None: that of its skew): its mark.
    plugin: of a user's kind, its file and look; filled in when the file is read.
    """

    name: str
    label: str
    meaning: str = ""
    parameters: tuple[Parameter, ...] = ()
    divergence: Callable[..., Any] | None = None
    mathematics: str | None = None
    equilibrium: Callable[..., Any] | None = None
    generator: str | None = None
    amounts: tuple[str, ...] = ("strength",)
    fixed: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    stem: str | None = None
    words: str | None = None
    short: str | None = None
    printed: str | None = None
    latex: str | None = None
    marker: str = "p"
    symbol: str = ""
    color: str | None = "#7f4f24"
    plugin: Mapping[str, Any] | None = field(default=None, hash=False, compare=False)

    def __post_init__(self) -> None:
        if self.plugin is not None:
            return  # checked when its file was read
        for key, word in (("name", self.name), ("stem", self.stem or self.name)):
            if not re.fullmatch(r"[a-z][a-z0-9_]*", str(word)):
                raise UserError(f"a regularizer's {key} is {word!r}; allowed: small letters, digits and _.")
        place, given = f"regularizer '{self.name}'", self.parameters
        if not isinstance(given, tuple) or not all(isinstance(one, Parameter) for one in given):
            raise UserError(f"{place}: parameters is {given!r}; allowed: a tuple, such as (Parameter('order'),).")
        names = [one.name for one in given]
        for name in names:
            if names.count(name) > 1 or (name in {*AMOUNTS, *RESERVED} and not self.mathematics):
                raise UserError(
                    f"{place}: a parameter is named {name!r}; allowed: a word of its own, "
                    f"which is none of {', '.join((*AMOUNTS, *RESERVED))}."
                )
        if self.marker not in MARKERS or len(self.marker) != 1:
            raise UserError(f"{place}: its marker is {self.marker!r}; allowed: {', '.join(MARKERS)}.")
        if self.color is not None and not re.fullmatch("#[0-9a-fA-F]{6}", str(self.color)):
            raise UserError(f"{place}: its color is {self.color!r}; allowed: '#' and six hexadecimal digits.")
        numbers = dict.fromkeys((*names, *self.fixed, *self.amounts), "1")
        for key in ("words", "short"):
            try:
                self.told(numbers, getattr(self, key))
            except (LookupError, ValueError, AttributeError) as error:
                allowed = ", ".join(f"{{{name}}}" for name in numbers)
                raise UserError(f"{place}: {key} is {getattr(self, key)!r} ({error}); allowed: {allowed}.") from None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its arms beside `row` and `regularizer`."""
        baseline = ("baseline", UNIGRAM_TEMPERATURE.name) if self.amounts else ()
        return (*(one.name for one in self.parameters), *self.amounts, *baseline)

    def values(self, given: Mapping[str, Any], place: str) -> dict[str, float]:
        """Its parameters as numbers, from the keys that are `given`, their defaults, or what it fixes."""
        found = dict(self.fixed)
        for one in self.parameters:
            if one.name not in given and one.default is None:
                raise UserError(f"{place}: regularizer '{self.name}' needs the key '{one.name}'.")
            found[one.name] = one.check(given.get(one.name, one.default), f"{place}: regularizer '{self.name}'")
        return found

    def amount(self, given: Mapping[str, Any], place: str) -> dict[str, float]:
        """The one key that says how much of it, with its number."""
        found = [key for key in self.amounts if key in given]
        if len(found) != 1:
            wanted = f"{'either ' if len(self.amounts) > 1 else ''}{' or '.join(map(repr, self.amounts))}"
            raise UserError(f"{place}: regularizer '{self.name}' needs {wanted}{', not several' if found else ''}.")
        return {found[0]: AMOUNTS[found[0]].check(given[found[0]], place)}

    def told(self, numbers: Mapping[str, str], form: str | None) -> str:
        """Its name in a legend: `form`, or its label, parameters and strength; `numbers` are already formatted."""
        if form is not None:
            return form.format(**numbers)
        return ", ".join([self.label, *(f"{name} {numbers[name]}" for name in numbers if name != "smoothing")])


RESERVED = ("row", "regularizer", "search", "baseline", "unigram_temperature", "kind", "skew", "generator", "run")
RESERVED += ("task", "model", "seed", "split", "updates", "log_p", "u")


def declarations(module: Any) -> list[Kind]:
    """The kinds that a module defines, in order of definition."""
    return [one for one in vars(module).values() if isinstance(one, Kind)]


@cache
def built_in() -> Mapping[str, Kind]:
    """The kinds of `members/` by name, the family of the papers first."""
    files = sorted(path.stem for path in (Path(__file__).parent / "members").glob("[!_]*.py"))
    files.sort(key=lambda name: name != "skew_jensen")
    modules = [import_module(f"entropyreg.regularizers.members.{name}") for name in files]
    return MappingProxyType({kind.name: kind for module in modules for kind in declarations(module)})


def kinds(plugins: Iterable[str] = ()) -> dict[str, Kind]:
    """Every kind by name: the built-in ones and those of the user's files."""
    found = dict(built_in())
    for path in plugins:
        from entropyreg.regularizers.plugins import load

        kind = load(path)
        if kind.name in {*found, *NOT_KINDS}:
            raise UserError(f"plugins: {path} declares the regularizer '{kind.name}', a name that is taken.")
        found[kind.name] = kind
    return found


def named(name: str, plugin: Mapping[str, Any] | None = None) -> Kind:
    """The kind of that name; of a user's kind `plugin`, from an artefact's cell, says how it is written and drawn."""
    if plugin is not None and plugin["name"] == name:
        return Kind(name, **{"label": name, **{key: plugin[key] for key in LOOK if key in plugin}}, plugin=plugin)
    if name not in built_in():
        raise UserError(f"the kind of a regularizer is {name!r}; allowed: {', '.join(built_in())}.")
    return built_in()[name]


def kind_of(skew: float | None, generator: str | None = None, plugin: Mapping[str, Any] | None = None) -> str:
    """The name of a run's kind; without skew and generator it has no regularizer."""
    if generator not in (None, "entropy"):
        check_generator(generator, plugin)
        return generator
    if skew is None and generator is not None:
        raise UserError(f"the regularizer with generator '{generator}' has no skew: it is found when its run starts.")
    if skew is None:
        return "none"
    if not 0.0 <= skew <= 1.0:
        raise UserError(f"the skew of a regularizer is {skew!r}; allowed: a number from 0 to 1.")
    return next((one.name for one in built_in().values() if one.fixed.get("skew") == skew), "skew_jensen")


def kind_in(run: Mapping[str, Any]) -> Kind:
    """The kind of a finished run, from its row of a collected table or its record: images name it, text's follows."""
    plugin = run.get("plugin")
    name = run["kind"] if run.get("kind") is not None else kind_of(run["skew"], run.get("generator"), plugin)
    return named(name, plugin)


def equilibrium_of(run: Mapping[str, Any], vocabulary_size: int) -> Any:
    """The minimum that theory gives a run with a one-hot target; None where its kind or its baseline has none."""
    kind = kind_in(run)
    if kind.plugin is not None:
        from entropyreg.regularizers.plugins import load_again

        kind = load_again(kind.plugin)
    if kind.equilibrium is None or run.get("baseline") not in (None, "uniform"):
        return None
    values = run.get("parameters") or {one.name: run[one.name] for one in kind.parameters}
    given = {**kind.fixed, **values, "strength": run["strength"], "vocabulary_size": vocabulary_size}
    return kind.equilibrium(**given)


def generators() -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.generator or one.name for one in built_in().values()))


def check_generator(generator: Any, plugin: Mapping[str, Any] | None = None, place: str = "a regularizer") -> None:
    """Raise `UserError` for a generator that is not known: the convex function of a Jensen divergence, or a kind."""
    if generator not in generators() and not (plugin and plugin["name"] == generator):
        raise UserError(f"the generator of {place} is {generator!r}; allowed: {', '.join(generators())}.")


def check_baseline(baseline: Any, place: str = "a regularizer") -> None:
    if baseline not in BASELINES:
        raise UserError(f"the baseline of {place} is {baseline!r}; allowed: {', '.join(BASELINES)}.")


def baseline_of(given: Mapping[str, Any], place: str) -> str:
    """The baseline that is given (default uniform), with its temperature if it is the unigram distribution."""
    baseline, temperature = given.get("baseline", "uniform"), UNIGRAM_TEMPERATURE.name
    check_baseline(baseline, place)
    if temperature in given:
        UNIGRAM_TEMPERATURE.check(given[temperature], place)
        if baseline != "unigram":
            raise UserError(f"{place}: '{temperature}' needs baseline 'unigram' (baseline is '{baseline}').")
    return baseline
