"""Sums over blocks of items (sentences or images), which a record keeps for every interval and verdict.

    block b of B = min(n, 40) holds the items  floor(b n / B) <= i < floor((b + 1) n / B),  in the order of the data set

A score is a function of sums over items (`measures.significance`), so it can be computed from sums over any blocks of
them, and resampling blocks in place of items keeps the variance: neighbours that resemble each other (the sentences of
one document) then stay together. B limits the degrees of freedom, which Student's distribution allows for; with 40 a
record with curves over ten temperatures on two splits stays below 150 KB, as 200 would not.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from entropyreg.io.columns import Rows
from entropyreg.io.files import read_npz

FILE = "blocks.npz"  # beside run.json
N_BLOCKS = 40
COUNTS = {  # array: which items it sums, by the array that counts them; all others sum all sentences or images
    **dict.fromkeys(("temperature_bleu", "temperature_fitted_bleu"), "n_decoded"),
    **dict.fromkeys(
        ("temperature_reliability", "temperature_fitted_reliability", "temperature_nll", "temperature_tokens"),
        "n_calibrated",
    ),
    **dict.fromkeys(("own_reliability", "gold_reliability"), "n_own"),
    "held_out_reliability": "n_held_out",
}
Arrays = Mapping[str, np.ndarray]


def block_starts(n_items: int) -> np.ndarray:
    """The first item of each block, (B,)."""
    n_blocks = min(n_items, N_BLOCKS)
    return np.arange(n_blocks) * n_items // n_blocks


def block_sizes(n_items: int) -> np.ndarray:
    """The number of items in each block, (B,)."""
    return np.diff(np.append(block_starts(n_items), n_items))


def block_sums(items: Rows | np.ndarray) -> np.ndarray:
    """Sums (B, ...) over the blocks of a column or array (n, ...).

    They are integers of counts and float64 else, in tables of several columns float32: half of the bytes of a record.
    """
    kind = np.int64 if items.dtype.kind in "iub" else np.float64
    if isinstance(items, np.ndarray):
        sums = np.add.reduceat(items.astype(kind), block_starts(len(items)), axis=0)
    else:
        take = items.reader()
        sums = np.stack([take(int(size)).astype(kind).sum(axis=0) for size in block_sizes(items.shape[0])])
    return sums.astype(np.float32) if kind is np.float64 and sums.ndim > 1 else sums


def read_blocks(runs_dir: Path, run: str) -> dict[str, np.ndarray]:
    """The arrays that measuring left beside a run's record, by '<split>.<name>'; all but counts are float64 again."""
    arrays = read_npz(runs_dir / run / FILE)
    return {name: one.astype(np.float64) if one.dtype == np.float32 else one for name, one in arrays.items()}


def of_split(arrays: Arrays, split: str) -> dict[str, np.ndarray]:
    """The arrays of one split, by name."""
    return {name.partition(".")[2]: one for name, one in arrays.items() if name.startswith(f"{split}.")}


def counts_of(arrays: Arrays, split: str, name: str) -> np.ndarray:
    """The number of items that each block of a text run's array sums, (B,)."""
    return arrays[f"{split}.{COUNTS.get(name, 'n_sentences')}"]


def ratio(arrays: Arrays, split: str, name: str, count: str) -> np.ndarray:
    """(B, 2): the sums of an array, and their divisors for a mean (`n_tokens`, `n_sentences`)."""
    return np.stack([arrays[f"{split}.{name}"], arrays[f"{split}.{count}"]], axis=-1).astype(np.float64)
