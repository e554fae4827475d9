"""The regularizer of a run, as declared: a member of the family, with its strength known now or found later.

The objective is NLL + strength * J_skew(baseline || p) (Meister et al. 2020). Label smoothing with amount gamma,
(1-gamma) NLL + gamma H(u, p), is (1-gamma) times the objective with skew 1 and strength gamma/(1-gamma), so both are
one run; the project trains the unscaled form. A strength that depends on the vocabulary (`entropy`) or on other runs
(`proposal`) is found when the run starts (`entropyreg.experiments.resolution`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from entropyreg.experiments.kinds import CHOICES, FIXED_SKEW, GENERATORS, by_kind, check_choice, kind_of
from entropyreg.io.errors import UserError
from entropyreg.io.schemas import suggestion

BASELINE_KEYS = ("baseline", "unigram_temperature")
ARM_KEYS = {  # regularizer: (required keys, further keys)
    "none": ((), ()),
    "label_smoothing": ((), ("smoothing", "strength", "entropy", *BASELINE_KEYS)),
    "confidence_penalty": ((), ("strength", "entropy", *BASELINE_KEYS)),
    "skew_jensen": (("skew",), ("strength", "entropy", *BASELINE_KEYS)),
    "euclidean": (("strength",), BASELINE_KEYS),
    "winner": (("search",), ()),
}
AMOUNTS = ("smoothing", "strength", "entropy")  # ways to say how much; one of them


@dataclass(frozen=True)
class Regularizer:
    """A member of the family; `skew` None and generator 'entropy' is no regularizer.

    `strength` None is not known before the run starts: `entropy` is the predicted normalised entropy to compute it
    from, `proposal` names the trial of a search or match that proposes skew and strength.
    """

    skew: float | None = None
    strength: float | None = 0.0
    baseline: str = "uniform"
    unigram_temperature: float | None = None
    generator: str = "entropy"  # the convex function of the Jensen divergence: negative Shannon entropy, or ||p||^2
    entropy: float | None = None
    proposal: str | None = None

    def __post_init__(self) -> None:
        for key in CHOICES:
            check_choice(key, getattr(self, key))

    @property
    def label(self) -> str:
        """Readable and stable: four significant digits."""
        if self.proposal:
            return self.proposal.replace("/", "-")
        if self.strength == 0:
            return "none"
        kind = kind_of(self.skew, self.generator)
        family = kind if self.skew is None else f"jensen-skew{digits(self.skew)}"
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


def regularizer_of(arm: Mapping[str, Any], place: str) -> Regularizer:
    """The canonical regularizer of an arm; raises `UserError` naming the arm's place, key and what is allowed."""
    kind = arm["regularizer"]
    if kind not in ARM_KEYS:
        allowed = ", ".join(ARM_KEYS)
        raise UserError(f"{place}: regularizer is '{kind}'{suggestion(kind, ARM_KEYS)}; allowed: {allowed}.")
    check_declaration(kind, place)
    required, further = ARM_KEYS[kind]
    check_keys(arm, kind, required, (*required, *further), place)
    if kind == "none":
        return Regularizer()
    if kind == "winner":
        return Regularizer(None, None, proposal=f"{arm['search']}/winner")
    baseline = arm.get("baseline", "uniform")
    check_choice("baseline", baseline, place)
    if "unigram_temperature" in arm and baseline != "unigram":
        raise UserError(f"{place}: 'unigram_temperature' needs baseline 'unigram' (baseline is '{baseline}').")
    if "entropy" in arm and baseline != "uniform":
        raise UserError(f"{place}: 'entropy' is predicted for baseline 'uniform' only (baseline is '{baseline}').")
    strength = arm["smoothing"] / (1 - arm["smoothing"]) if "smoothing" in arm else arm.get("strength")
    if strength == 0:
        return Regularizer()
    generator = by_kind(GENERATORS, kind)
    return Regularizer(
        skew=float(FIXED_SKEW.get(kind, arm.get("skew"))) if generator == "entropy" else None,
        strength=None if strength is None else float(strength),
        baseline=baseline,
        unigram_temperature=float(arm.get("unigram_temperature", 1.0)) if baseline == "unigram" else None,
        generator=generator,
        entropy=arm.get("entropy"),
    )


def check_declaration(kind: str, place: str) -> None:
    """A kind of `ARM_KEYS` is declared whole, so that its runs can be trained, and named as what they are."""
    if kind in ("none", "winner"):
        return
    required, further = ARM_KEYS[kind]
    lacks = None
    if kind not in GENERATORS:
        lacks = "no generator: declare it in GENERATORS (experiments/kinds.py)"
    elif not {*required, *further} & set(AMOUNTS):
        lacks = f"no amount: give it one of {', '.join(AMOUNTS)} in ARM_KEYS (experiments/regularizer.py)"
    elif GENERATORS[kind] == "entropy" and kind not in FIXED_SKEW and "skew" not in required:
        lacks = (
            "no skew: require the key 'skew' in ARM_KEYS (experiments/regularizer.py), "
            "or declare it in FIXED_SKEW (experiments/kinds.py)"
        )
    if lacks:
        raise UserError(f"{place}: regularizer '{kind}' has {lacks}.")
    free = next(skew for skew in (0.5, 0.25, 0.75) if skew not in FIXED_SKEW.values())
    skew = FIXED_SKEW.get(kind, free) if GENERATORS[kind] == "entropy" else None
    try:
        found = f"that of '{kind_of(skew, GENERATORS[kind])}'"
    except UserError:
        found = "none"
    if found != f"that of '{kind}'":
        raise UserError(
            f"{place}: the name that `kind_of` (experiments/kinds.py) gives a run of regularizer '{kind}', by its skew "
            f"and its generator '{GENERATORS[kind]}', is {found}; it must be its own."
        )


def check_keys(
    arm: Mapping[str, Any], kind: str, required: tuple[str, ...], allowed: tuple[str, ...], place: str
) -> None:
    """Every key belongs to the kind of regularizer, and exactly one says how much of it."""
    for key in arm:
        if key not in ("row", "regularizer", *allowed):
            raise UserError(
                f"{place}: regularizer '{kind}' takes no '{key}'; allowed: {', '.join(allowed) or 'nothing'}."
            )
    for key in required:
        if key not in arm:
            raise UserError(f"{place}: regularizer '{kind}' needs the key '{key}'.")
    amounts = [key for key in AMOUNTS if key in allowed]
    given = [key for key in amounts if key in arm]
    if amounts and len(given) != 1:
        wanted = f"either {' or '.join(repr(key) for key in amounts)}" if len(amounts) > 1 else f"'{amounts[0]}'"
        raise UserError(f"{place}: regularizer '{kind}' needs {wanted}{', not several' if given else ''}.")
