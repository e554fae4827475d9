"""Measures what smoothing may erase from a model's logits: differences within a class, similarity between classes.

    within:   mean over classes c of Var(p_y | y = c)
    between:  mean over examples of corr over k != y of (z_k, S_yk)

Müller et al. 2019 (section 4) argue that a smoothed model treats every wrong class alike and so teaches its student
nothing of how classes resemble each other; the two measures are ours (CLAIMS B21), on the training set, which the
student learns from. S must come from a space that is *the same for all models compared* (pixels, or the penultimate
layer of one reference model): a model's own similarities would move with what is measured.
"""

import numpy as np

from entropyreg.measures.checks import check_finite
from entropyreg.measures.logits import check_labels, check_logits, logit_statistics


def confidence_variance(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """Variance of the correct class's probability among the examples of a class, averaged over classes; in [0, .5].

    `logits` (N, K), `labels` (N,); the unbiased variance (n - 1). Raises ValueError for a class of one example, and as
    `logit_statistics`.
    """
    probability = 1 - logit_statistics(logits, labels, temperature).wrong_mass
    return mean_variance_within(probability, labels)


def mean_variance_within(values: np.ndarray, labels: np.ndarray) -> float:
    """Unbiased variance of `values` (N,) within each class of `labels` (N,), averaged over the classes that occur.

    Raises ValueError for a class of one example, or values that are not finite.
    """
    check_finite(values=values)
    check_labels(labels, values.size)
    _, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if counts.min() < 2:
        raise ValueError("the variance within a class needs two examples of each class.")
    centred = values.astype(np.float64) - (np.bincount(index, values) / counts)[index]
    return float(np.mean(np.bincount(index, centred**2) / (counts - 1)))


def class_means(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Mean of `features` (N, D) of each class; shape (classes, D).

    Raises ValueError for a class without examples, or features that are not finite.
    """
    check_finite(features=features)
    check_labels(labels, len(features))
    counts = np.bincount(labels, minlength=classes)
    if counts.size != classes or counts.min() == 0:
        raise ValueError(f"every one of {classes} classes needs examples, and no other; counts {counts.tolist()}.")
    order = np.argsort(labels, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.add.reduceat(features[order].astype(np.float64), starts, axis=0) / counts[:, None]


def class_similarity(points: np.ndarray) -> np.ndarray:
    """Similarity of classes: cosine of their `points` (K, D) after the mean of all is taken off; (K, K), in [-1, 1].

    `points` are class means in the reference space, or a reference model's templates. Raises ValueError for a class
    that lies at the mean, or points that are not finite.
    """
    check_finite(points=points)
    centred = points - points.mean(axis=0, dtype=np.float64)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    if norms.min() <= 1e-12 * max(norms.max(), 1e-300):
        raise ValueError("a class lies at the mean of all classes: its similarity to the others is undefined.")
    return np.clip((centred / norms) @ (centred / norms).T, -1, 1)


def similarity_correlation(logits: np.ndarray, labels: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """Pearson correlation, over the K - 1 wrong classes, of an example's logits and its class's similarities; (N,).

    `logits` (N, K), `labels` (N,), `similarity` (K, K). Neither a shift nor a positive factor of the logits (a
    temperature) changes it. 0 where the wrong logits are all equal: nothing is left there to teach. Take the mean, and
    its interval by `measures.significance.bootstrap_mean`. Raises ValueError for K < 3, other shapes, or numbers that
    are not finite.
    """
    check_finite(logits=logits, similarity=similarity)
    check_logits(logits, labels)
    n, classes = logits.shape
    if classes < 3 or similarity.shape != (classes, classes):
        raise ValueError(f"similarity must have shape ({classes}, {classes}), of 3 classes or more.")
    wrong = np.arange(classes)[None, :] != labels[:, None]  # (N, K)
    z = logits[wrong].reshape(n, classes - 1).astype(np.float64)
    s = similarity[labels][wrong].reshape(n, classes - 1).astype(np.float64)
    scale = np.abs(z).max(axis=1)
    z = z - z.mean(axis=1, keepdims=True)
    s = s - s.mean(axis=1, keepdims=True)
    z[np.abs(z).max(axis=1) <= 1e-12 * scale] = 0  # logits that are equal up to rounding
    norms = np.linalg.norm(z, axis=1) * np.linalg.norm(s, axis=1)
    products = np.einsum("ij,ij->i", z, s)
    return np.divide(products, norms, out=np.zeros(n), where=norms > 0)
