"""Standard error of a mean over tokens, when the tokens of a sentence belong together.

    mean = sum_i s_i / sum_i n_i,    SE^2 = m / (m - 1) * sum_i (s_i - mean * n_i)^2 / (sum_i n_i)^2

with s_i the sum and n_i the number of tokens of sentence i of m (the linearised ratio estimator: Cochran, Sampling
Techniques, 1977, ch. 6). Limits: with one token a sentence it is the usual standard error of a mean.
"""

import numpy as np


def clustered_standard_error(values: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Standard error of the mean of `values` (N,) or (N, k) over tokens; `cluster` (N,) numbers the sentences.

    Returns () or (k,). Raises ValueError for fewer than two sentences.
    """
    names, index = np.unique(cluster, return_inverse=True)
    if names.size < 2:
        raise ValueError(f"a standard error over sentences needs at least 2 of them; got {names.size}.")
    values = values.astype(np.float64)
    residuals = values - values.mean(axis=0)
    sums = np.zeros((names.size, *values.shape[1:]))
    np.add.at(sums, index, residuals)
    return np.sqrt(names.size / (names.size - 1) * np.sum(sums**2, axis=0)) / len(values)
