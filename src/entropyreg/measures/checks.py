"""Refusals that measures share: a NaN or an infinity that went in would come out as a number that looks right.

Sorting, ranking, taking the least and comparing with a threshold all give an ordinary number for NaN.
"""

import numpy as np


def check_finite(**arrays: object) -> None:
    """Raise ValueError, naming the argument, for the first of `arrays` that holds a NaN or an infinity."""
    for name, values in arrays.items():
        values = np.asarray(values)
        if values.dtype.kind == "f" and not (finite := np.isfinite(values)).all():
            others = values[~finite]
            found = f"{others[0]}" if values.ndim == 0 else f"{others[0]} ({others.size} of {values.size} are not)"
            raise ValueError(f"{name} must be finite; got {found}.")


def check_counts(**arrays: object) -> None:
    """Raise ValueError, naming the argument, unless all numbers are finite and at least 0."""
    check_finite(**arrays)
    for name, values in arrays.items():
        if np.size(values) and (least := np.min(values)) < 0:
            raise ValueError(f"{name} must not be negative; got {least}.")


def check_outcomes(**arrays: object) -> None:
    """Raise ValueError, naming the argument, unless every number is 0 or 1 (or False or True)."""
    for name, values in arrays.items():
        values = np.asarray(values)
        if values.dtype != np.bool_ and not (known := (values == 0) | (values == 1)).all():
            raise ValueError(f"{name} must be 0 or 1; got {values[~known][0]}.")
