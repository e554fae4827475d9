"""What the evaluators share: the arms of a case, and contrasts of their scores."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from entropyreg.comparing import contrasts
from entropyreg.comparing.claims.declaration import is_tuned
from entropyreg.comparing.claims.evaluators import Case
from entropyreg.comparing.claims.evidence import Evidence, of_contrast, of_seed_values
from entropyreg.comparing.claims.records import WINNER, NotTested, Row
from entropyreg.comparing.scores import Scored
from entropyreg.measures.bleu_statistics import bleu_of_sums
from entropyreg.measures.significance import Score, mean_of_sums

POINTS = 100.0  # accuracy points of a share


def arm(case: Case, artefacts: Sequence[str], row: str, split: str | None = None) -> list[Row]:
    """The finished rows of an arm, one a seed; raises `NotTested` without any, or where the split lacks."""
    rows = [one for one in case.records.rows(artefacts, case.filler, case.model) if one["row"] == row]
    if not rows:
        raise NotTested(case.records.missing_reason(artefacts, case.filler, row))
    if split is not None:
        rows = [one for one in rows if split in one["measures"]]
        if not rows:
            raise NotTested(f"'{row}' of {case.filler.task} is not decoded on {split}")
    case.records.use(*(one["run"] for one in rows))
    return rows


def fresh(case: Case, arms: Mapping[str, list[Row]]) -> tuple[dict[str, list[Row]], tuple[str, ...]]:
    """The arms without the seeds that a search of the same task and model was trained with, and what to remark.

    Verdict runs use fresh seeds. Arms that are declared as tuned, but are no winners of a search, are remarked.
    """
    if not is_tuned(case.claim):
        return dict(arms), ()
    searched = any(WINNER in row["run"] for rows in arms.values() for row in rows)
    if not searched:
        return dict(arms), ("strengths and skews as published, not tuned on this data set",)
    remarks, kept = [], {}
    for name, rows in arms.items():
        spent = set().union(*(case.records.tuning_seeds(row["task"], row["model"]) for row in rows))
        kept[name] = [row for row in rows if row["seed"] not in spent]
        if not kept[name]:
            raise NotTested(f"'{name}' has no seed that the search did not use")
        if spent & {row["seed"] for row in rows}:
            remarks.append(f"seed {', '.join(map(str, sorted(spent)))} left out: the search trained with it")
    return kept, tuple(dict.fromkeys(remarks))


def n_seeds(arms: Mapping[str, Sequence[Row]]) -> int:
    """The least number of seeds of any arm."""
    return min(len({row["seed"] for row in rows}) for rows in arms.values())


def contrast(case: Case, arms: Sequence[tuple[float, np.ndarray]], score: Score, *names: object) -> Evidence:
    """The crossed bootstrap of weighted arms with one score."""
    terms = [(weight, Scored(statistics, score, 0)) for weight, statistics in arms]
    found = contrasts.contrast(terms, *case.named(*names), n_replicates=case.records.n_replicates)
    return of_contrast(found, arms[0][1].shape[1])


def text_contrast(
    case: Case, arms: Mapping[str, Sequence[Row]], weights: Mapping[str, float], metric: str, split: str
) -> Evidence:
    """A contrast of rows of a text task by a metric of its sentences: bleu, rouge_l or nll."""
    if metric == "nll":
        statistics = {name: case.records.ratio(arms[name], split, "nll") for name in weights}
    else:
        statistics = {name: case.records.text(arms[name], f"{split}.{metric}") for name in weights}
    score = bleu_of_sums if metric == "bleu" else mean_of_sums
    return contrast(case, [(weight, statistics[name]) for name, weight in weights.items()], score, metric)


def points_of_sums(sums: np.ndarray) -> np.ndarray:
    """Accuracy in points."""
    return POINTS * mean_of_sums(sums)


def seed_contrast(
    case: Case,
    arms: Mapping[str, Sequence[Row]],
    weights: Mapping[str, float],
    value: Callable[[Row], float | None],
    spread: Callable[[Row], float | None] | None = None,
) -> Evidence:
    """A contrast of one value a seed. `spread`: standard error of a seed's value over images, where it is known.

    The images are the same for all seeds, so their part is not averaged out: the mean squared spread of each arm is
    added as if the arms shared nothing, which is on the safe side.
    """
    terms, of_items = [], 0.0
    for name, weight in weights.items():
        values = [value(row) for row in arms[name]]
        if any(one is None for one in values):
            raise NotTested(f"'{name}' of {case.filler.task} has no value for some seed")
        terms.append((weight, np.array(values, np.float64)))
        if spread is not None:
            of_items += weight**2 * float(np.mean([spread(row) ** 2 for row in arms[name]]))
    remark = () if spread is not None else ("interval over seeds alone: the records keep no value of single images",)
    return of_seed_values(terms, case.records.n_replicates, of_items, caveats=remark)
