"""One function makes every interval and p-value of a contrast, of sentences and of images alike.

    contrast = sum_a w_a mean_s score_a(sums over blocks of arm a, seed s)

Training differs by seed and a test set is a sample of items: both are resampled, items in blocks
(`measures.significance`, `measuring.blocks`). Tables, figures, `compare` and the ledger of the claims all ask here. The
draws are seeded by what is compared, so that adding rows changes none.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.comparing.scores import Scored, scored
from entropyreg.measures.significance import Arm, Contrast, Resampled, crossed_contrast
from entropyreg.measuring.blocks import read_blocks

N_REPLICATES = 2000


def contrast(
    arms: Sequence[tuple[float, Scored]], *names: Any, n_replicates: int = N_REPLICATES, paired_seeds: bool = False
) -> Contrast:
    """The contrast of (weight, scored sums (S, B, k)); `names`: what is compared. See `crossed_contrast`."""
    return crossed_contrast(
        [Arm(weight, arm.sums, arm.score) for weight, arm in arms],
        n_replicates,
        generator=generator_of(*names),
        paired_seeds=paired_seeds,
    )


def generator_of(*names: Any) -> np.random.Generator:
    return np.random.default_rng(list("|".join(map(str, names)).encode()))


def arm_of(runs: Iterable[str], split: str, measure: str, runs_dir: Path) -> Scored | None:
    """The seeds of one arm, (S, B, k): a run each, or of images one run with all of them. None where it was not
    measured.
    """
    parts = [scored(read_blocks(runs_dir, run), split, measure) for run in runs]
    if None in parts:
        return None
    return stacked(parts)


def stacked(parts: Sequence[Scored]) -> Scored:
    """Runs as one arm (S, B, k)."""
    sums = [part.sums if part.sums.ndim == 3 else part.sums[None] for part in parts]
    return parts[-1]._replace(sums=np.concatenate(sums))


def numbers(found: Resampled, name: str) -> dict[str, float]:
    """The estimate under a name of its own, and its 95 % interval."""
    return {name: float(found.estimate), "low": float(found.low), "high": float(found.high)}
