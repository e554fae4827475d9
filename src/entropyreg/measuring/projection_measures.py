"""The penultimate layer of a translation model in the plane of three words, and how tight their clusters are.

The words of all triplets are the classes of the cluster measures (Müller et al. 2019, Figure 7 and appendix B). The
output layer of these models has no bias. What is drawn is rounded.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from entropyreg.measures import penultimate
from entropyreg.measures.significance import bootstrap_mean

SPLITS = ("train", "valid")
SCATTER_REPLICATES = 100
DIGITS = 5
Features = Mapping[str, np.ndarray]


def projection_measures(settings: Mapping[str, Any], features: Features) -> dict[str, Any]:
    """`projection`: each triplet in its plane; `clusters` of each split; `training_accuracy`. None without triplets.

    `features` are the arrays of `features.npz`. A triplet with a word that the dictionary lacks has a `reason` alone.
    """
    if not settings["triplets"]:
        return dict.fromkeys(("projection", "clusters", "training_accuracy"))
    known = features["words"].tolist()
    return {
        "projection": [in_plane(features, triplet, known) for triplet in settings["triplets"]],
        "clusters": {split: clusters(features, split) for split in SPLITS if known},
        "training_accuracy": float(features["train_accuracy"]) if known else None,
    }


def in_plane(features: Features, triplet: list[str], known: list[str]) -> dict[str, Any]:
    """Examples and templates of three words in the plane of the templates; a split without one of them is left out."""
    absent = [word for word in triplet if word not in known]
    if absent:
        return {"words": list(triplet), "reason": f"the dictionary has no {', '.join(map(repr, absent))}"}
    numbers = [known.index(word) for word in triplet]
    templates = features["templates"][numbers]
    basis = penultimate.plane_basis(templates)
    shown: dict[str, Any] = {"words": list(triplet)}
    for split in SPLITS:
        groups = [features[f"{split}_features"][features[f"{split}_labels"] == number] for number in numbers]
        if min(map(len, groups)):
            points = [rounded(penultimate.project(group, basis)) for group in groups]
            shown[split] = {"points": points, "templates": rounded(penultimate.project(templates, basis))}
    return shown


def clusters(features: Features, split: str) -> dict[str, Any] | None:
    """Scatter within over between words, and the variation of the distances to all wrong words of the vocabulary.

    None without two words that have two examples or more.
    """
    labels = features[f"{split}_labels"]
    present, counts = np.unique(labels, return_counts=True)
    present = present[counts >= 2]
    kept = np.isin(labels, present)
    if len(present) < 2:
        return None
    generator = np.random.default_rng(list(f"scatter_ratio|{split}".encode()))
    index = np.searchsorted(present, labels[kept])
    ratio = penultimate.scatter_ratio_interval(
        features[f"{split}_features"][kept], index, len(present), generator, SCATTER_REPLICATES
    )
    variation = bootstrap_mean(
        features[f"{split}_variation"][kept], np.random.default_rng(list(f"distance_variation|{split}".encode()))
    )
    found = dict(zip(("scatter_ratio", "scatter_ratio_low", "scatter_ratio_high"), map(float, ratio), strict=True))
    interval = zip(("", "_low", "_high"), (variation.estimate, variation.low, variation.high), strict=True)
    return {
        "n_examples": int(kept.sum()),
        "n_words": len(present),
        **found,
        **{f"distance_variation{end}": float(value) for end, value in interval},
    }


def rounded(points: np.ndarray) -> list[list[float]]:
    return np.round(points.astype(np.float64), DIGITS).tolist()
