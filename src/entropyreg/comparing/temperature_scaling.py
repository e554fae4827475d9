"""Computes the part of the BLEU gap that temperature scaling closes, and the calibration of the model's own output.

    closed = (BLEU at the fitted T - BLEU at 1) / (BLEU of the smoothed row at 1 - BLEU at 1)

(Müller et al. 2019, section 3.2: scaling narrows the gap, but does not close it; Wang et al. 2020: on its own output a
model is worse calibrated than under the gold prefix.) No share is given of a gap that may be 0. The intervals
take each run's fitted temperature as given.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import norm, t

from entropyreg.comparing.contrasts import N_REPLICATES, contrast, numbers
from entropyreg.comparing.scores import FITS, Scored, scored_of_split
from entropyreg.comparing.temperature_statistics import SPLIT, Sweep
from entropyreg.measures.bleu_statistics import bleu_of_sums
from entropyreg.measures.significance import Resampled, p_value_above

LEVEL = 0.95
SMOOTHED = "smoothed"  # the row whose BLEU the others are scaled towards


def scaling(rows: Sequence[Mapping[str, Any]], sweeps: Mapping[str, Sweep], column: str) -> list[dict[str, Any]]:
    """One entry for each other row and fit; none without the smoothed row on a seed that both have."""
    found = []
    for row in [name for name in sweeps if name != SMOOTHED and SMOOTHED in sweeps]:
        seeds = sorted(set(sweeps[row].seeds) & set(sweeps[SMOOTHED].seeds))
        runs = [one for one in rows if (one["row"], one["column"]) == (row, column) and one["seed"] in seeds]
        for fit in FITS if seeds else ():
            fits = [one["measures"][SPLIT]["temperatures"]["fits"][fit] for one in runs]
            entry = {"column": column, "row": row, "to": SMOOTHED, "fit": fit}
            entry |= {key: float(np.mean([one[key] for one in fits])) for key in ("temperature", "bleu")}
            entry |= {"temperatures": [one["temperature"] for one in fits], "n_seeds": len(seeds)}
            found.append(entry | closed_gap(sweeps[row].of(seeds), sweeps[SMOOTHED].of(seeds), fit, f"{column}|{row}"))
    return found


def closed_gap(sweep: Sweep, smoothed: Sweep, fit: str, name: str) -> dict[str, Any]:
    """BLEU points gained by scaling, of the gap, and those that remain, with 95 % intervals; and the share closed."""
    plain, target = (one.arrays["temperature_bleu"][:, :, one.one] for one in (sweep, smoothed))  # (S, B, 10)
    scaled = sweep.arrays["temperature_fitted_bleu"][:, :, FITS.index(fit)]

    def score(sums: np.ndarray) -> np.ndarray:
        """(..., 20) to (gain, - BLEU at 1): the difference of two arms of which the second gains nothing."""
        at_fit, at_one = bleu_of_sums(sums[..., :10]), bleu_of_sums(sums[..., 10:])
        return np.stack([at_fit - at_one, -at_one, at_fit], axis=-1)

    arms = np.concatenate([scaled, plain], axis=-1), np.concatenate([target, target], axis=-1)
    terms = [(weight, Scored(arm, score, 0)) for weight, arm in zip((1.0, -1.0), arms, strict=True)]
    found = contrast(terms, "scaling", name, fit).resampled
    gain, gap, rest = (component(found, place) for place in range(3))
    rest = rest._replace(estimate=-rest.estimate, low=-rest.high, high=-rest.low, replicates=-rest.replicates)
    entry = {}
    for key, part in (("gain", gain), ("gap", gap), ("remaining", rest)):
        entry |= {key: float(part.estimate), f"{key}_low": float(part.low), f"{key}_high": float(part.high)}
    entry |= {"gain_p_value": float(p_value_above(gain)), "remaining_p_value": float(p_value_above(rest))}
    return entry | share_closed(gain, gap)


def share_closed(gain: Resampled, gap: Resampled) -> dict[str, float | None]:
    """`closed` = gain / gap with its percentile interval; None where the interval of the gap contains 0."""
    if gap.low <= 0 <= gap.high:
        return dict.fromkeys(("closed", "low", "high"))
    tail = (1 - LEVEL) / 2
    wide = [part.estimate + stretch(part, tail) * (part.replicates - part.estimate) for part in (gain, gap)]
    ratios = wide[0] / np.where(wide[1] == 0, np.nan, wide[1])
    low, high = np.nanquantile(ratios, [tail, 1 - tail])
    return {"closed": float(gain.estimate / gap.estimate), "low": float(low), "high": float(high)}


def stretch(part: Resampled, tail: float) -> float:
    """Student's over the normal quantile, as in the intervals of `measures.significance`."""
    return float(t.isf(tail, part.degrees_of_freedom) / norm.isf(tail))


def component(found: Resampled, place: int) -> Resampled:
    """One of several scores that were resampled together."""
    return Resampled(*(values[..., place] for values in found))


def own_output(sweep: Sweep, column: str, row: str) -> dict[str, Any]:
    """ECE at T = 1 on the model's own output and under the gold prefix: same sentences, ends of sentences left out."""
    own, gold = (scored_of_split(sweep.arrays, name) for name in ("ece_own", "ece_gold"))
    found = contrast([(1.0, own), (-1.0, gold)], "own_output", column, row, paired_seeds=True)
    return {
        "column": column,
        "row": row,
        **{name: float(of_seeds.mean()) for name, of_seeds in zip(("ece_own", "ece_gold"), found.scores, strict=True)},
        **numbers(found.resampled, "difference"),
        "p_value": float(found.resampled.p_value),
        "n_seeds": len(sweep.seeds),
        "n_sentences": own.n_items,
        "n_replicates": N_REPLICATES,
    }


SCALARS = {  # of the measures of `comparing.scores` the scalars of a row, by the names that figures have for them
    **{"bleu": "bleu_at_one", "nll": "nll_at_one"},
    **{name: name for name in ("ece", "debiased_ece", "scaled_ece", "held_out_ece")},
}


def intervals(sweep: Sweep, column: str, row: str) -> list[dict[str, Any]]:
    """Scalars of a row at T = 1 with 95 % intervals, and the ECE at the temperature of least ECE (all, held out)."""
    found = []
    for metric, measure in SCALARS.items():
        scored = scored_of_split(sweep.arrays, measure)
        result = contrast([(1.0, scored)], "interval", column, row, metric).resampled
        entry = {"column": column, "row": row, "metric": metric, **numbers(result, "estimate")}
        found.append(entry | {"n_seeds": len(sweep.seeds), "n_sentences": scored.n_items})
    return found
