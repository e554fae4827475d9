"""The designed sweep of skews and entropies: how one measure of its cells, `y`, depends on another, `x`.

A cell is a skew at a strength, its value the mean over its seeds. Resampled are cells and sentences, within a skew
seeds and sentences; sentences are the same for all cells.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np

from entropyreg.comparing.claims.evidence import Evidence, of_replicates
from entropyreg.comparing.claims.plans import Case, Plan, Statistic
from entropyreg.comparing.claims.records import NotTested, Row
from entropyreg.comparing.scores import MEASURES, Scored
from entropyreg.measures.explained_variance import cross_validated_r2, levels, quadratic, r2
from entropyreg.measures.rank_correlation import spearman_rows
from entropyreg.measures.significance import ENTRIES_AT_ONCE

LARGEST_PERMUTED = 7  # strengths: all orders are counted


class Sweep(NamedTuple):
    """Cells with the rows of their seeds, in order of skew and strength; skews and strengths (C,)."""

    cells: list[list[Row]]
    skews: np.ndarray
    strengths: np.ndarray

    @property
    def counts(self) -> dict[str, int]:
        """The counts that the claims' minimum is compared with."""
        per_skew = Counter(self.skews.tolist())
        return {"skews": len(per_skew), "strengths_per_skew": min(per_skew.values())}


def sweep_of(case: Case) -> Sweep:
    """The designed cells of a task and model; raises `NotTested` without any, or where the split was not decoded.

    A run that a match shares with the design, its anchor, counts once.
    """
    designed = [row for row in case.rows() if row["wanted_entropy"] is not None and row["trial"] is None]
    rows = list({row["run"]: row for row in designed}.values())
    if not rows:
        raise NotTested(f"no designed sweep of {case.filler.task}")
    decoded = [row for row in rows if case.split in row["measures"]]
    if not decoded:
        raise NotTested(f"the designed sweep of {case.filler.task} is not decoded on {case.split}")
    cells: dict[tuple[float, float], list[Row]] = {}
    for row in decoded:
        cells.setdefault((row["skew"], row["strength"]), []).append(row)
    case.records.use(*(row["run"] for row in decoded))
    keys = sorted(cells)
    return Sweep([cells[key] for key in keys], *map(np.array, zip(*keys, strict=True)))


def resampled_values(
    case: Case, cells: Sequence[Sequence[Row]], what: Sequence[str], *, seeds: bool = False
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each quantity's cell means as observed (C,) and on resampled sentences (R, C); with `seeds`, also seeds.

    The same sentences are drawn for all cells and quantities.
    """
    n_replicates, split = case.records.n_replicates, case.split
    scored = {name: [scored_cell(case, rows, split, name) for rows in cells] for name in what}
    arrays = {name: [one.sums for one in own] for name, own in scored.items()}
    items = arrays[what[0]][0].shape[1]
    generator = case.generator("sentences")
    tables = {name: [own.transpose(1, 0, 2).reshape(items, -1) for own in parts] for name, parts in arrays.items()}
    widths = np.cumsum([table.shape[1] for parts in tables.values() for table in parts])
    table = np.concatenate([table for parts in tables.values() for table in parts], axis=1)
    rows_at_once, drawn = max(1, ENTRIES_AT_ONCE // items), []
    for start in range(0, n_replicates, rows_at_once):
        number = min(rows_at_once, n_replicates - start)
        counts = generator.multinomial(items, np.full(items, 1 / items), size=number)
        drawn.append(counts.astype(np.float64) @ table)
    sums = np.split(np.concatenate(drawn), widths[:-1], axis=1)
    observed = np.split(table.sum(axis=0, keepdims=True), widths[:-1], axis=1)
    found, weights = [], [seed_weights(len(rows), n_replicates, generator, seeds) for rows in cells]
    for position, name in enumerate(what):
        own = range(position * len(cells), (position + 1) * len(cells))
        shape = [(len(rows), arrays[name][0].shape[2]) for rows in cells]
        score = scored[name][0].score
        values = [score(observed[k].reshape(1, *shape[i])).mean() for i, k in enumerate(own)]
        replicates = [(score(sums[k].reshape(-1, *shape[i])) * weights[i]).sum(axis=1) for i, k in enumerate(own)]
        found.append((np.array(values), np.stack(replicates, axis=1)))
    return found


def scored_cell(case: Case, rows: Sequence[Row], split: str, name: str) -> Scored:
    """A measure of one cell: entropy is divided by log V, so that its mean is normalised."""
    found = case.records.scored(rows, split, name)
    if name == "entropy":
        found.sums[..., 0] /= np.log(rows[0]["measures"][split]["vocabulary_size"])
    return found


def seed_weights(n: int, replicates: int, generator: np.random.Generator, resampled: bool) -> np.ndarray:
    """Weights (R, S) of a cell's seeds: drawn with replacement, or each once."""
    if not resampled or n == 1:
        return np.full((replicates, n), 1 / n)
    return generator.multinomial(n, np.full(n, 1 / n), size=replicates) / n


def cell_weights(case: Case, n: int) -> np.ndarray:
    """How often each cell is drawn, (R, C)."""
    drawn = case.generator("cells").multinomial(n, np.full(n, 1 / n), size=case.records.n_replicates)
    return drawn.astype(np.float64)


def of_cells(case: Case, sweep: Sweep, what: Sequence[str], statistic: Callable, parameters: int) -> Evidence:
    """Evidence of `statistic(values (R, C) of each quantity, weights (R, C)) -> (R,)`, by cells and sentences."""
    values = resampled_values(case, sweep.cells, what)
    n = len(sweep.cells)
    estimate = statistic([observed[None] for observed, _ in values], np.ones((1, n)))[0]
    replicates = statistic([drawn for _, drawn in values], cell_weights(case, n))
    return Evidence(
        of_replicates(float(estimate), replicates, max(n - parameters, 1)),
        n_seeds=(min(map(len, sweep.cells)),),
        n_blocks=case.records.scored(sweep.cells[0][:1], case.split, what[0]).sums.shape[1],
        beside={"n_cells": n},
    )


def explained(case: Case) -> Plan:
    """The share of variance of y that x explains: quadratic, leave-one-cell-out; the noise ceiling stands beside."""
    sweep, x, y = sweep_of(case), case.test["x"], case.test["y"]

    def evidence() -> dict[None, Evidence]:
        def statistic(values: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
            return cross_validated_r2(quadratic(values[0]), values[1], weights)

        found = of_cells(case, sweep, (x, y), statistic, 3)
        return {None: found.with_remarks(noise_ceiling=noise_ceiling(case, sweep, y))}

    return Plan(sweep.counts, evidence)


def noise_ceiling(case: Case, sweep: Sweep, y: str) -> float | None:
    """1 - Var(cell mean between seeds) / Var(cell means): what any function of the cell could explain."""
    scored = [scored_cell(case, rows, case.split, y) for rows in sweep.cells]
    by_seed = [one.score(one.sums.sum(axis=1)) for one in scored]
    if min(map(len, by_seed)) < 2:
        return None
    noise = np.mean([values.var(ddof=1) / len(values) for values in by_seed])
    spread = np.var([values.mean() for values in by_seed], ddof=1)
    return float(1 - noise / spread) if spread > 0 else None


def gain_of_skew(case: Case) -> Plan:
    """The gain of that prediction from the skew as a factor."""
    sweep, x, y = sweep_of(case), case.test["x"], case.test["y"]
    parameters = 2 + len(np.unique(sweep.skews))

    def statistic(values: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
        without = quadratic(values[0])
        added = np.concatenate([without, levels(sweep.skews, len(weights))], axis=-1)
        return cross_validated_r2(added, values[1], weights) - cross_validated_r2(without, values[1], weights)

    return Plan(sweep.counts, lambda: {None: of_cells(case, sweep, (x, y), statistic, parameters)})


def predicted(case: Case) -> Plan:
    """y on what theory predicts without training, a straight line."""
    sweep, y = sweep_of(case), case.test["y"]
    expected = np.array([rows[0][case.test["x"]] for rows in sweep.cells])

    def statistic(values: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
        return r2(np.broadcast_to(expected, values[0].shape), values[0], weights)

    return Plan(sweep.counts, lambda: {None: of_cells(case, sweep, (y,), statistic, 2)})


def over_cells(case: Case) -> Plan:
    """Spearman over the cells."""
    sweep, x, y = sweep_of(case), case.test["x"], case.test["y"]

    def statistic(values: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
        repeated = [repeat_cells(one, weights) for one in values]
        return spearman_rows(*repeated)

    return Plan(sweep.counts, lambda: {None: of_cells(case, sweep, (x, y), statistic, 2)})


def repeat_cells(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each replicate's cells as often as they were drawn: (R, C) again, since as many are drawn as there are."""
    order = np.stack([np.repeat(np.arange(weights.shape[1]), row.astype(int)) for row in weights])
    return np.take_along_axis(values, order, axis=1)


def by_skew(case: Case) -> Plan:
    """Spearman of the strength and y, one test a skew, all of which must hold.

    No p-value is below that of the exact test over all orders of the strengths: with five, 1 / 120.
    """
    sweep = sweep_of(case)

    def evidence() -> dict[None, list[Evidence]]:
        ((observed, drawn),) = resampled_values(case, sweep.cells, (case.test["y"],), seeds=True)
        found = []
        for skew in np.unique(sweep.skews):
            of_skew = np.flatnonzero(sweep.skews == skew)
            strengths = sweep.strengths[of_skew]
            rho = spearman_rows(strengths[None], observed[None, of_skew])[0]
            replicates = spearman_rows(np.broadcast_to(strengths, drawn[:, of_skew].shape), drawn[:, of_skew])
            seeds = tuple(len(sweep.cells[one]) for one in of_skew)
            found.append(Evidence(
                of_replicates(float(rho), replicates, np.inf), n_seeds=seeds,
                exact=exact_p(strengths, observed[of_skew]), beside={"skew": float(skew)},
            ))  # fmt: skip
        return {None: found}

    return Plan(sweep.counts, evidence)


def exact_p(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """One-sided p-values of Spearman's correlation being positive, and negative: the share of orders of `y` as extreme.

    Of all orders, or from eight values on of 5,000 random ones.
    """
    if len(x) > LARGEST_PERMUTED:
        orders = np.random.default_rng(0).permuted(np.tile(np.arange(len(x)), (5000, 1)), axis=1)
        orders = np.concatenate([np.arange(len(x))[None], orders])
    else:
        orders = np.array(list(permutations(range(len(x)))))
    rho, observed = spearman_rows(np.broadcast_to(x, orders.shape), y[orders]), spearman_rows(x[None], y[None])[0]
    return float(np.mean(rho >= observed - 1e-12)), float(np.mean(rho <= observed + 1e-12))


KNOWN = ("strength", "predicted_entropy", *MEASURES)
STATISTICS = {
    "cross_validated_r2": Statistic(explained, ("x", "y"), KNOWN),
    "cross_validated_r2_gain": Statistic(gain_of_skew, ("x", "y"), KNOWN),
    "r2": Statistic(predicted, ("x", "y"), KNOWN),
    "spearman_over_cells": Statistic(over_cells, ("x", "y"), KNOWN),
    "spearman_by_skew": Statistic(by_skew, ("x", "y"), KNOWN),
}
