"""The declared directions as tests: from evidence to p-values, bounds and a decision before the correction for many.

    greater  less          the truth is above, below 0
    at_least  at_most      it is above, below the threshold
    not_worse              it is above minus the margin
    equivalent             it is within the margin on both sides (two one-sided tests, Schuirmann 1987)
    between                it is inside both thresholds, likewise

Each has its opposite, which makes a claim "not supported": the truth is on the other side of the same number, or
outside the margin or thresholds. Neither: inconclusive. "Not significant" is never read as equal.
"""

from typing import Any, NamedTuple

import numpy as np

from entropyreg.comparing.claims.evidence import bounds_of
from entropyreg.io.errors import UserError
from entropyreg.measures.significance import Resampled, p_value_above, p_value_below

TESTED = ("greater", "less", "at_least", "at_most", "not_worse", "equivalent", "between")
UNTESTED = ("descriptive", "proof")
SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE = "supported", "not_supported", "inconclusive"
NOT_TESTED, DESCRIPTIVE = "not_tested", "descriptive"


class Decision(NamedTuple):
    """p-values of the claim and of its opposite, and one-sided bounds at the level; arrays as the evidence is."""

    p_value: np.ndarray
    p_opposite: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def limits_of(direction: str, margin: float | None, threshold: Any) -> tuple[float, float]:
    """The open interval in which the claim is true; raises `UserError` for a direction that is none.

    Raises ValueError where the margin or threshold that the direction needs is lacking.
    """
    if direction not in TESTED:
        raise UserError(f"direction is '{direction}'; allowed: {', '.join(TESTED)}.")
    if direction in ("not_worse", "equivalent") and margin is None:
        raise ValueError(f"direction '{direction}' needs a margin.")
    if direction in ("at_least", "at_most", "between") and threshold is None:
        raise ValueError(f"direction '{direction}' needs a threshold.")
    infinity = float("inf")
    return {
        "greater": lambda: (0.0, infinity),
        "less": lambda: (-infinity, 0.0),
        "at_least": lambda: (float(threshold), infinity),
        "at_most": lambda: (-infinity, float(threshold)),
        "not_worse": lambda: (-margin, infinity),
        "equivalent": lambda: (-margin, margin),
        "between": lambda: tuple(map(float, threshold)),
    }[direction]()


def decide(
    direction: str, evidence: Resampled, *, margin: float | None = None, threshold: Any = None, alpha: float = 0.05
) -> Decision:
    """Test a direction; arguments and errors as `limits_of`. Vectorised over the shape of the evidence."""
    low, high = limits_of(direction, margin, threshold)
    ends = [(p_value_above, p_value_below, low), (p_value_below, p_value_above, high)]
    finite = [(inside, outside, end) for inside, outside, end in ends if np.isfinite(end)]
    p_value = np.max([inside(evidence, end) for inside, _, end in finite], axis=0)
    p_opposite = np.min([outside(evidence, end) for _, outside, end in finite], axis=0)
    return Decision(
        p_value, p_opposite, *bounds_of(evidence.estimate, evidence.replicates, evidence.degrees_of_freedom, alpha)
    )


def verdict_of(p_value: float, p_opposite: float, alpha: float) -> str:
    """Supported, not supported or inconclusive."""
    if p_value <= alpha:
        return SUPPORTED
    return NOT_SUPPORTED if p_opposite <= alpha else INCONCLUSIVE
