"""Differences between the rows of a table, of sentences or of images, with intervals over seeds and items.

A difference is the contrast {row: 1, other: -1} of a measure on a split. Which runs are set against each other: of
sentences those of the seeds that both rows have; of images those of a task and, where the rows share one, a model. Runs
that were trained on two types of processor are not set against each other.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from entropyreg.comparing.contrasts import N_REPLICATES, arm_of, contrast, numbers
from entropyreg.comparing.scores import AT_ONE
from entropyreg.provenance.processors import types_of

Rows = Sequence[Mapping[str, Any]]
Seeds = Mapping[str, Sequence[int]]  # of each run


class Pair(NamedTuple):
    """The names of two table rows that are compared, and the runs of each with their seeds."""

    names: dict[str, Any]
    arms: tuple[Seeds, Seeds]


def compare_rows(compare: Mapping[str, Any], rows: Rows, runs_dir: Path, *, images: bool = False) -> list[dict]:
    """One entry for each pair of rows and measure; none for what was not measured.

    `compare` has `split`, `metrics` and `to`, names of rows. The metrics scaled_ece and scaled_bleu set the row as it
    is against the other at its temperature of least validation ECE: label smoothing against temperature scaling.
    """
    found, split = [], compare["split"]
    found_pairs = pairs_of_images(rows, compare["to"], split) if images else pairs_of_text(rows, compare["to"], split)
    for pair in filter(None, (of_one_type(pair, runs_dir) for pair in found_pairs)):
        for metric in compare["metrics"]:
            entry = pair.names | {"metric": metric, "split": split}
            measures = (AT_ONE.get(metric, metric), metric)
            arms = [arm_of(runs, split, name, runs_dir) for runs, name in zip(pair.arms, measures, strict=True)]
            if None in arms:
                continue
            result = contrast([(1.0, arms[0]), (-1.0, arms[1])], *entry.values()).resampled
            entry |= numbers(result, "difference") | {"p_value": float(result.p_value), "n_replicates": N_REPLICATES}
            seeds = [sorted(seed for own in runs.values() for seed in own) for runs in pair.arms]
            n_seeds = [len(arm.sums) for arm in arms]
            entry |= {"seeds": seeds, "n_seeds": n_seeds} if images else {"seeds": seeds[0], "n_seeds": n_seeds[0]}
            found.append(entry | {"n_images" if images else "n_sentences": arms[0].n_items})
    return found


def of_one_type(pair: Pair, runs_dir: Path) -> Pair | None:
    """The pair without runs that stand against one of another type of processor; None if none is left.

    Of images a run has all seeds, so both runs are kept or neither.
    """
    kept = [two for two in zip(*pair.arms, strict=True) if len(types_of(runs_dir, two)) < 2]
    if not kept:
        return None
    sides = zip(pair.arms, zip(*kept, strict=True), strict=True)
    return pair._replace(arms=tuple({run: own[run] for run in runs} for own, runs in sides))


def pairs_of_text(rows: Rows, to: Sequence[str], split: str) -> Iterator[Pair]:
    """The runs of the seeds that two rows of a task have both finished."""
    names = list(dict.fromkeys(row["row"] for row in rows))
    for column in dict.fromkeys(row["column"] for row in rows):
        runs = {name: finished(rows, name, column, split) for name in names}
        for other in to:
            for name in (one for one in names if one != other):
                seeds = sorted(set(runs.get(other, {})) & set(runs[name]))
                if seeds:
                    arms = tuple({runs[one][seed]: [seed] for seed in seeds} for one in (name, other))
                    yield Pair({"column": column, "row": name, "to": other}, arms)


def finished(rows: Rows, name: str, column: str, split: str) -> dict[int, str]:
    """{seed: run} of a cell's finished runs that decoded the split."""
    return {
        row["seed"]: row["run"]
        for row in rows
        if (row["row"], row["column"]) == (name, column) and row["status"] == "done" and split in row["measures"]
    }


def pairs_of_images(rows: Rows, to: Sequence[str], split: str) -> Iterator[Pair]:
    """The runs of two rows of a task: of a row that several runs fill, the chosen one."""
    done = [row for row in rows if row["status"] == "done" and row["selected"] is not False]
    done = [row for row in done if split in row["measures"]["scores"]]
    for task in dict.fromkeys(row["task"] for row in done):
        runs: dict[str, dict[str, dict[str, list[int]]]] = {}  # row: model: run: seeds
        for row in (one for one in done if one["task"] == task):
            models = runs.setdefault(row["row"], {})
            models.setdefault(row["model"], {}).setdefault(row["run"], []).append(row["seed"])
        for other in (one for one in to if one in runs):
            for name in (one for one in runs if one != other):
                for model, arms in same_models(runs[name], runs[other]):
                    yield Pair({"column": task, "model": model, "row": name, "to": other}, arms)


def same_models(models: Mapping[str, Any], others: Mapping[str, Any]) -> list[tuple[str, tuple[Any, Any]]]:
    """Pairs the runs of two rows that are compared: runs of the same model; without any, the only run of each row.

    A row in which several runs of a model are shown is a curve, and not compared.
    """
    same = [(model, (models[model], others[model])) for model in models if model in others]
    if not same and len(models) == len(others) == 1:
        ((model, runs),) = models.items()
        same = [(model, (runs, *others.values()))]
    return [(model, arms) for model, arms in same if all(len(runs) == 1 for runs in arms)]
