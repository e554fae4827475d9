"""Projects the penultimate layer onto the plane of three class templates, and measures how tight its clusters are.

A template w_k is class k's row of the last layer. The plane through w_1, w_2, w_3 is spanned by

    Q R = [w_1 - w_3, w_2 - w_3],    diag R > 0;    coordinates of an activation x: Q^T x

(Müller et al. 2019, section 2, Figure 1). No origin is subtracted, so that templates and activations share the axes.
The sign makes the picture unique: w_1 lies to the right of w_3 (at the same height), and w_2 above both. Permuting the
three templates turns and mirrors the picture and changes no distance in it. The paper lets w contain the bias and x a
constant 1 (`with_bias`); without biases pass the weights alone.

    x^T w_k = -|x - w_k|^2 / 2 + |x|^2 / 2 + |w_k|^2 / 2

explains why smoothing draws x near its template and equally far from the others; the measures below say how much.
Every function raises ValueError for numbers that are not finite.
"""

from typing import NamedTuple

import numpy as np

from entropyreg.measures.checks import check_finite
from entropyreg.measures.information_loss import class_means
from entropyreg.measures.logits import check_labels, check_logits
from entropyreg.measures.rank_correlation import spearman_rows


class ScatterRatio(NamedTuple):
    """NC1 and its 95 % percentile interval over examples."""

    estimate: float
    low: float
    high: float


def with_bias(vectors: np.ndarray, bias: np.ndarray | float) -> np.ndarray:
    """`vectors` (N, D) with a last column: the biases (N,) for templates, 1 for activations; (N, D + 1)."""
    check_finite(vectors=vectors, bias=bias)
    column = np.broadcast_to(np.asarray(bias, np.float64), len(vectors))
    return np.concatenate([vectors.astype(np.float64), column[:, None]], axis=1)


def plane_basis(templates: np.ndarray) -> np.ndarray:
    """Orthonormal basis (D, 2) of the plane through three `templates` (3, D).

    Raises ValueError for another shape, or templates on one line.
    """
    if templates.ndim != 2 or templates.shape[0] != 3 or templates.shape[1] < 2:
        raise ValueError(f"templates must have shape (3, D), D >= 2; got {templates.shape}.")
    check_finite(templates=templates)
    differences = (templates[:2] - templates[2]).astype(np.float64).T  # (D, 2)
    lengths = np.linalg.norm(differences, axis=0)
    q, r = np.linalg.qr(differences)
    if lengths.min() == 0 or abs(r[1, 1]) <= 1e-10 * lengths[1]:
        raise ValueError("the three templates lie on one line: they span no plane.")
    return q * np.sign(np.diag(r))


def project(vectors: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Coordinates (N, 2) of `vectors` (N, D), activations or templates, in `basis` (D, 2)."""
    check_finite(vectors=vectors, basis=basis)
    return vectors.astype(np.float64) @ basis


def scatter_ratio(features: np.ndarray, labels: np.ndarray, classes: int) -> float:
    """Within-class over between-class scatter, NC1 of Papyan, Han & Donoho 2020: 0 for collapsed clusters.

        tr(Sigma_W pinv(Sigma_B)) / K,    Sigma_W = mean_c mean_{i in c} (h_i - m_c)(h_i - m_c)^T,
        Sigma_B = mean_c (m_c - m)(m_c - m)^T,  m = mean_c m_c

    Classes count alike, however many examples they have (Papyan et al. have equally many). `features` (N, D), `labels`
    (N,) in 0..`classes`-1. Unchanged by a factor or a rotation of the features. Raises ValueError for a class without
    examples, or classes whose means are all equal.
    """
    if classes < 2:
        raise ValueError(f"the scatter between classes needs two classes or more; got {classes}.")
    means = class_means(features, labels, classes)  # (K, D)
    _, scales, directions = np.linalg.svd((means - means.mean(axis=0)) / np.sqrt(classes), full_matrices=False)
    kept = scales > scales.max() * max(means.shape) * np.finfo(np.float64).eps
    if scales.max() <= 1e-12 * max(np.abs(means).max(), 1e-300):
        raise ValueError("all class means are equal: there is no scatter between classes.")
    # along each direction of Sigma_B with eigenvalue scale^2: variance within classes over scale^2
    residuals = (features.astype(np.float64) - means[labels]) @ directions[kept].T / scales[kept]  # (N, rank)
    weights = 1 / (classes * np.bincount(labels, minlength=classes))[labels]
    return float(weights @ np.einsum("ij,ij->i", residuals, residuals) / classes)


def scatter_ratio_interval(
    features: np.ndarray, labels: np.ndarray, classes: int, generator: np.random.Generator, n_replicates: int = 1000
) -> ScatterRatio:
    """`scatter_ratio` with a 95 % percentile interval: examples are resampled within each class.

    Means of few examples scatter by themselves, and those of a resample once more, which biases the replicates: they
    are centred on the estimate, on the logarithmic scale (`measures.significance` does so with a biased score).
    """
    estimate = scatter_ratio(features, labels, classes)
    members = [np.flatnonzero(labels == label) for label in range(classes)]
    if min(map(len, members)) < 2:
        raise ValueError("the interval of the scatter ratio needs two examples of each class.")
    if estimate == 0:
        return ScatterRatio(0.0, 0.0, 0.0)
    values = []
    for _ in range(n_replicates):
        chosen = np.concatenate([generator.choice(group, len(group)) for group in members])
        values.append(scatter_ratio(features[chosen], labels[chosen], classes))
    logs = np.log(np.maximum(values, np.finfo(np.float64).tiny))
    low, high = estimate * np.exp(np.quantile(logs - logs.mean(), [0.025, 0.975]))
    return ScatterRatio(estimate, float(low), float(high))


def squared_distances(activations: np.ndarray, templates: np.ndarray) -> np.ndarray:
    """|x_i - w_k|^2, shape (N, K), of `activations` (N, D) and `templates` (K, D)."""
    check_finite(activations=activations, templates=templates)
    x, w = activations.astype(np.float64), templates.astype(np.float64)
    squares = np.einsum("ij,ij->i", x, x)[:, None] + np.einsum("ij,ij->i", w, w)[None, :]
    return np.maximum(squares - 2 * x @ w.T, 0)


def distance_variation(activations: np.ndarray, labels: np.ndarray, templates: np.ndarray) -> np.ndarray:
    """Coefficient of variation (standard deviation over mean) of an example's distances to its wrong templates; (N,).

    0: equidistant, as Müller et al. 2019 expect of smoothing. `activations` (N, D), `labels` (N,), `templates` (K, D),
    K >= 3. Take the mean, with `measures.significance.bootstrap_mean`. Raises ValueError as `check_logits`, and for an
    example at which all wrong templates lie: its variation is not defined.
    """
    distances = np.sqrt(squared_distances(activations, templates))
    check_logits(distances, labels)
    n, classes = distances.shape
    if classes < 3:
        raise ValueError("the distances to wrong templates vary only among three classes or more.")
    wrong = distances[np.arange(classes)[None, :] != labels[:, None]].reshape(n, classes - 1)
    if (wrong == 0).all(axis=1).any():
        raise ValueError("all wrong templates lie at an example: their distances have no coefficient of variation.")
    return wrong.std(axis=1) / wrong.mean(axis=1)


def logit_distance_correlation(logits: np.ndarray, activations: np.ndarray, templates: np.ndarray) -> np.ndarray:
    """Spearman correlation over the classes of an example's logits and minus its squared distances; shape (N,).

    Within an example the terms common to all classes drop out, so 1 means that the nearest templates have the highest
    logits, in order. `logits` (N, K), `activations` (N, D), `templates` (K, D), K >= 2; nan where all are equal.
    Raises ValueError for other shapes.
    """
    nearness = -squared_distances(activations, templates)
    if logits.shape != nearness.shape or nearness.shape[1] < 2:
        raise ValueError(f"logits must have shape {nearness.shape}, K >= 2; got {logits.shape}.")
    check_finite(logits=logits)
    return spearman_rows(logits, nearness)


def examples_of_classes(labels: np.ndarray, chosen: tuple[int, ...], per_class: int) -> np.ndarray:
    """Indices of the first `per_class` examples of each of the `chosen` classes, class by class (the paper: 100 of 3).

    Raises ValueError for a class with fewer examples.
    """
    check_labels(labels, len(labels))
    parts = [np.flatnonzero(labels == label)[:per_class] for label in chosen]
    for label, part in zip(chosen, parts, strict=True):
        if len(part) < per_class:
            raise ValueError(f"class {label} has {len(part)} examples; {per_class} are asked for.")
    return np.concatenate(parts)
