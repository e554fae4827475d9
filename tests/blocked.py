"""Made-up statistics of items as measuring leaves them: sums over blocks, and how many items each block holds."""

from collections.abc import Mapping

import numpy as np

from entropyreg.measures.calibration import reliability_sums
from entropyreg.measuring.blocks import COUNTS, block_sizes, block_sums


def blocked(items: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Blocks of one split of text from arrays with one row a sentence."""
    items = dict(items)
    fixed = {name: items.pop(name) for name in ("temperatures",) if name in items}
    if "rank_sum" in items:
        items["rank_mean"] = items["rank_sum"] / items["n_tokens"]
    counts = {COUNTS.get(name, "n_sentences"): np.ones(len(values), np.int64) for name, values in items.items()}
    if "held_out_reliability" in items:
        counts["n_held_out"] = items["held_out_reliability"].any(axis=-1).astype(np.int64)
    return {name: block_sums(values) for name, values in (items | counts).items()} | fixed


def blocked_images(items: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Blocks of one split of images from `correct`, `confidence`, `nll`, `scaled_confidence`, (seeds, images) each."""
    sizes = block_sizes(items["correct"].shape[1])
    block = np.repeat(np.arange(len(sizes)), sizes)
    found = {"nll": np.stack([block_sums(one) for one in items["nll"]])} if "nll" in items else {}
    for name in ("confidence", "scaled_confidence"):
        if name in items:
            rows = zip(items[name], items["correct"], strict=True)
            bins = np.stack([reliability_sums(one, right, block) for one, right in rows])
            found[name.replace("confidence", "reliability")] = bins
    return found
