"""The split of published training images into training and validation: paper B's 40,000 and 10,000 of CIFAR's 50,000.

Paper B reports results on such a validation set ("as published"); the test set, untouched by it, is a column beside.
"""

import numpy as np

from entropyreg.io.errors import UserError


def split_train_validation(
    n_images: int, n_validation: int, seed: int, n_train: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Sorted indices of the training and the validation images; depends on the numbers and the seed alone.

    n_train: keep that many of the images that are not for validation; None keeps all. Smaller training sets lie inside
    larger ones, and the validation set is the same for all of them.
    """
    if not 1 <= n_validation < n_images:
        raise UserError(f"split.validation is {n_validation}; allowed: 1 to {n_images - 1} of {n_images} images.")
    rest = n_images - n_validation
    if n_train is not None and not 1 <= n_train <= rest:
        raise UserError(f"split.train is {n_train}; allowed: 1 to {rest}, or null for all that are not for validation.")
    order = np.random.Generator(np.random.PCG64(seed)).permutation(n_images)
    return np.sort(order[n_validation:][:n_train]), np.sort(order[:n_validation])
