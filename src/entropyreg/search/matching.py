"""Find the strength that gives a member of the family a wanted entropy on validation, from the finished runs.

Measured entropy H rises with the strength (CLAIMS A7). Between two runs around the target, log strength is interpolated
in H; outside of all runs, the equilibrium's prediction is shifted by the measurement of the nearest run:

    H_predicted(proposed) = H_predicted(nearest) + (target - H_nearest)
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.regularizers.equilibrium import equilibrium, strength_for_entropy

LARGEST_STEP = 4.0  # at most this factor between the proposed strength and the nearest run's
LEAST_ENTROPY, MOST_ENTROPY = 0.005, 0.995


def propose_match(
    settings: Mapping[str, Any], target: float, observations: Sequence[Mapping[str, Any]], vocabulary_size: int
) -> dict[str, Any]:
    """Strength of `settings["skew"]` expected to measure the normalised entropy `target`.

    Each observation has `strength` and `value`, the measured normalised entropy. Without any, the strength is the
    equilibrium's. `matched` names the run that already lies within `settings["tolerance"]`, or is None.
    """
    skew = settings["skew"]
    known = sorted(
        (one for one in observations if one["skew"] == skew and one["strength"]), key=lambda one: one["strength"]
    )
    nearest = min(known, key=lambda one: abs(one["value"] - target), default=None)
    matched = nearest["run"] if nearest and abs(nearest["value"] - target) <= settings["tolerance"] else None
    below = [one for one in known if one["value"] <= target]
    above = [one for one in known if one["value"] > target]
    if nearest is None:
        method, strength = "equilibrium", strength_for_entropy(skew, clipped(target), vocabulary_size)
    elif below and above:
        low, high = max(below, key=lambda one: one["value"]), min(above, key=lambda one: one["value"])
        share = (target - low["value"]) / (high["value"] - low["value"])
        exponent = (1 - share) * math.log(low["strength"]) + share * math.log(high["strength"])
        method, strength = "interpolation", math.exp(exponent)
    else:
        predicted = equilibrium(skew, nearest["strength"], vocabulary_size).normalized_entropy
        wanted = clipped(predicted + target - nearest["value"])
        strength = strength_for_entropy(skew, wanted, vocabulary_size)
        factor = min(max(strength / nearest["strength"], 1 / LARGEST_STEP), LARGEST_STEP)
        method, strength = "shifted equilibrium", nearest["strength"] * factor
    return {
        "skew": float(skew),
        "strength": round(strength, 10),
        "method": method,
        "target": target,
        "matched": matched,
        "observations": list(observations),
    }


def clipped(entropy: float) -> float:
    return min(max(entropy, LEAST_ENTROPY), MOST_ENTROPY)
