"""The declared regularizer of a run: a member of the family, whose strength is known now or found later.

The objective is NLL + strength * J_skew(baseline || p) (Meister et al. 2020). Label smoothing with amount gamma,
(1-gamma) NLL + gamma H(u, p), is (1-gamma) times the objective with skew 1 and strength gamma/(1-gamma), so both are
one run; the project trains the unscaled form. A strength that depends on the vocabulary (`entropy`) or on other runs
(`proposal`) is found when the run starts (`entropyreg.experiments.resolution`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.io.schemas import suggestion
from entropyreg.regularizers.registry import (
    LOOK,
    Kind,
    baseline_of,
    built_in,
    check_baseline,
    check_generator,
    kind_of,
    named,
)

OWN = ("parameters", "plugin")  # fields that members of the papers' family lack


@dataclass(frozen=True)
class Regularizer:
    """A regularizer at its parameters; `skew` None with generator 'entropy' means no regularizer.

    `strength` None is not known before the run starts: `entropy` is the predicted normalised entropy to compute it
    from, `proposal` names the trial of a search or match that proposes skew and strength. Kinds beside the family
    have their name for a generator, `parameters`, and a user's in `plugin` the file that declares it.
    """

    skew: float | None = None
    strength: float | None = 0.0
    baseline: str = "uniform"
    unigram_temperature: float | None = None
    generator: str = "entropy"  # the convex function of the Jensen divergence: negative Shannon entropy; or a kind
    entropy: float | None = None
    proposal: str | None = None
    parameters: Mapping[str, float] | None = field(default=None, hash=False)
    plugin: Mapping[str, Any] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        check_generator(self.generator, self.plugin)
        check_baseline(self.baseline)

    @property
    def declared(self) -> dict[str, Any]:
        """The regularizer's part of a run's settings."""
        return {key: value for key, value in asdict(self).items() if key not in OWN} | self.own

    @property
    def own(self) -> dict[str, Any]:
        """`parameters` and `plugin`, where it has them, without how the plugin is written and drawn."""
        found = {key: value for key, value in self.shown.items() if key == "parameters"}
        if self.plugin is not None:
            found["plugin"] = {key: value for key, value in self.plugin.items() if key not in LOOK}
        return found

    @property
    def shown(self) -> dict[str, Any]:
        """The same for artefacts, with how the plugin is written and drawn."""
        return {key: getattr(self, key) for key in OWN if getattr(self, key) is not None}

    @property
    def label(self) -> str:
        """A readable and stable label with four significant digits."""
        if self.proposal:
            return self.proposal.replace("/", "-")
        if self.strength == 0:
            return "none"
        kind = named(kind_of(self.skew, self.generator, self.plugin), self.plugin)
        parameters = self.parameters or ({} if self.skew is None else {"skew": self.skew})
        family = "-".join([kind.stem or kind.name, *(f"{name}{digits(one)}" for name, one in parameters.items())])
        amount = f"strength{digits(self.strength)}" if self.entropy is None else f"entropy{digits(self.entropy)}"
        unigram = f"-unigram{digits(self.unigram_temperature or 1.0)}" if self.baseline == "unigram" else ""
        return f"{family}-{amount}{unigram}"

    @property
    def smoothing(self) -> float | None:
        """gamma = strength / (1 + strength) for skew 1, else None."""
        return smoothing_of(self.skew, self.strength)


def smoothing_of(skew: float | None, strength: float | None) -> float | None:
    """gamma = strength / (1 + strength) at skew 1; None for other skews and unknown strengths."""
    return strength / (1 + strength) if skew == 1 and strength is not None else None


def digits(value: float) -> str:
    """Four significant digits, at least two decimals: 0.5 -> '0.50', 1/9 -> '0.1111'."""
    text = f"{value:.4g}"
    if "e" in text:
        return text
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"


def regularizer_of(arm: Mapping[str, Any], place: str, kinds: Mapping[str, Kind] | None = None) -> Regularizer:
    """The canonical regularizer of an arm; raises `UserError` naming the arm's place, key and what is allowed.

    kinds: those of the registry, with the user's (default the built-in ones).
    """
    name, kinds = arm["regularizer"], built_in() if kinds is None else kinds
    if name == "winner":
        check_keys(arm, name, ("search",), place)
        if "search" not in arm:
            raise UserError(f"{place}: regularizer 'winner' needs the key 'search'.")
        return Regularizer(None, None, proposal=f"{arm['search']}/winner")
    if name not in kinds:
        allowed = (*kinds, "winner")
        raise UserError(
            f"{place}: regularizer is '{name}'{suggestion(name, allowed)}; allowed: {', '.join(allowed)}, "
            "and what a file of yours declares that `plugins` of the configuration names."
        )
    kind = kinds[name]
    check_keys(arm, name, kind.keys, place)
    if not kind.amounts:
        return Regularizer()
    values = kind.values(arm, place)
    amount, baseline = kind.amount(arm, place), baseline_of(arm, place)
    if "entropy" in amount and baseline != "uniform":
        raise UserError(f"{place}: 'entropy' is predicted for baseline 'uniform' only (baseline is '{baseline}').")
    strength = amount.get("strength")
    if "smoothing" in amount:
        strength = amount["smoothing"] / (1 - amount["smoothing"])
    if strength == 0:
        return Regularizer()
    return Regularizer(
        skew=values.get("skew"),
        strength=strength,
        baseline=baseline,
        unigram_temperature=float(arm.get("unigram_temperature", 1.0)) if baseline == "unigram" else None,
        generator=kind.generator or name,
        entropy=amount.get("entropy"),
        parameters=values if kind.plugin or (values and kind.generator is None) else None,
        plugin=kind.plugin,
    )


def check_keys(arm: Mapping[str, Any], kind: str, allowed: tuple[str, ...], place: str) -> None:
    """Check that every key belongs to the kind of regularizer."""
    for key in arm:
        if key not in ("row", "regularizer", *allowed):
            raise UserError(
                f"{place}: regularizer '{kind}' takes no '{key}'{suggestion(key, allowed)}; "
                f"allowed: {', '.join(allowed) or 'nothing'}."
            )
