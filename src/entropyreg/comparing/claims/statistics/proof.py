"""A claim of mathematics (`property_tests`), evaluated at many skews and strengths instead of by runs.

    J_skew(u || p) -> infinity as p -> 0 only for skew 1;    the optimum has every probability above 0, for every skew

The property tests (tests/unit/regularizers) show the same of the code that trains.
"""

import numpy as np

from entropyreg.measures.bernoulli_divergence import skew_jensen
from entropyreg.regularizers.equilibrium import equilibrium

SKEWS = (0.0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999, 1.0)
STRENGTHS = (0.01, 0.1, 0.5, 1.0, 5.0)
VOCABULARY = 1000


def divergence_and_optimum() -> dict[str, bool]:
    """Each half of the statement, and whether it holds at every skew and strength."""
    at_zero = {skew: float(skew_jensen(np.array([0.0]), skew)[0]) for skew in SKEWS}
    floors = [equilibrium(skew, strength, VOCABULARY).floor for skew in SKEWS for strength in STRENGTHS]
    return {
        "unbounded only at skew 1": all(np.isinf(value) == (skew == 1) for skew, value in at_zero.items()),
        "every probability positive at the optimum": min(floors) > 0,
    }
