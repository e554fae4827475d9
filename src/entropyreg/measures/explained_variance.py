"""How well a linear model predicts cells that it has not seen, for many weighted sets of cells at once.

    R2 = 1 - sum_c w_c (y_c - y^_{-c})^2 / sum_c w_c (y_c - ybar_{-c})^2

y^_{-c} and the mean ybar_{-c} are fitted without cell c, all its copies included: a bootstrap replicate repeats cells,
and a copy left in would give the answer away. Below 0: worse than the mean of the others. nan where y does not vary.
Every function raises ValueError for numbers that are not finite and for negative weights.
"""

import numpy as np

from entropyreg.measures.checks import check_counts, check_finite

RIDGE = 1e-9  # for replicates that lack a level of a factor: its coefficient is then 0


def cross_validated_r2(design: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Leave-one-cell-out R2 of each replicate: `design` (R, C, p), `y` (R, C), `weights` (R, C) >= 0; shape (R,)."""
    without = left_out_predictions(design, y, weights)
    total, mean = weights.sum(axis=1, keepdims=True), (weights * y).sum(axis=1, keepdims=True)
    rest = total - weights
    others = np.divide(mean - weights * y, rest, out=np.zeros_like(y), where=rest > 0)
    residual = (weights * (y - without) ** 2).sum(axis=1)
    spread = (weights * (y - others) ** 2).sum(axis=1)
    return 1 - np.divide(residual, spread, out=np.full_like(residual, np.nan), where=spread > 0)


def left_out_predictions(design: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Predictions (R, C) of each cell by the weighted least-squares fit to all other cells."""
    check_finite(design=design, y=y)
    check_counts(weights=weights)
    weighted = design * weights[..., None]
    outer = weighted[..., :, None] * design[..., None, :]  # (R, C, p, p)
    right = weighted * y[..., None]  # (R, C, p)
    normal = outer.sum(axis=1, keepdims=True) - outer
    wanted = right.sum(axis=1, keepdims=True) - right
    scale = np.trace(normal, axis1=-2, axis2=-1)[..., None, None] + 1e-300
    normal = normal + RIDGE * scale * np.eye(design.shape[-1])
    coefficients = np.linalg.solve(normal, wanted[..., None])[..., 0]
    return (design * coefficients).sum(axis=-1)


def r2(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """R2 of the weighted straight line of `y` on `x`, the squared correlation; all (R, C), result (R,)."""
    check_finite(x=x, y=y)
    check_counts(weights=weights)
    total = weights.sum(axis=1, keepdims=True)
    a, b = (values - (weights * values).sum(axis=1, keepdims=True) / total for values in (x, y))
    product = (weights * a * b).sum(axis=1)
    norms = (weights * a**2).sum(axis=1) * (weights * b**2).sum(axis=1)
    return np.divide(product**2, norms, out=np.full_like(product, np.nan), where=norms > 0)


def quadratic(x: np.ndarray) -> np.ndarray:
    """The columns 1, x, x^2 of `x` (R, C), standardised over all of it so that they are well conditioned; (R, C, 3)."""
    check_finite(x=x)
    z = (x - x.mean()) / (x.std() or 1.0)
    return np.stack([np.ones_like(z), z, z**2], axis=-1)


def levels(factor: np.ndarray, replicates: int) -> np.ndarray:
    """Indicator columns of a factor (C,), without its first level, for every replicate; (R, C, levels - 1)."""
    check_finite(factor=factor)
    columns = (factor[:, None] == np.unique(factor)[None, 1:]).astype(np.float64)
    return np.broadcast_to(columns, (replicates, *columns.shape))
