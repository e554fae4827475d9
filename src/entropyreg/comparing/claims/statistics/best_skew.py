"""The best skew of each task, and what it gains on test over the best skew of another task.

    gain = mean over ordered pairs of tasks (i, j) of  score_i(best_i) - score_i(best_j),    0 where best_i = best_j

The best skew of a task is chosen on validation among the trials of its searches at fixed skews, of equal numbers of
trials: the skew of the best trial, most often so when the sentences are resampled. The trials serve for
this choice alone. On test the winners of the same searches are compared, trained with fresh seeds, so that a skew which
was chosen by luck has no advantage.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from entropyreg.comparing.claims.arms import evidence_of
from entropyreg.comparing.claims.declaration import Filler
from entropyreg.comparing.claims.evidence import Evidence, normal, of_replicates
from entropyreg.comparing.claims.plans import Case, Plan, Statistic
from entropyreg.comparing.claims.records import WINNER, NotTested, Row
from entropyreg.comparing.scores import MEASURES
from entropyreg.measures.significance import ENTRIES_AT_ONCE


@dataclass(frozen=True)
class Searched:
    """A task and model: by fixed skew, the trials of its search and the winner's runs of fresh seeds."""

    filler: Filler
    measure: str
    trials: Mapping[float, Sequence[Row]]
    winners: Mapping[float, Sequence[Row]]


def gain_of_own_skew(case: Case) -> Plan:
    """The tasks that were searched, at the skews that all of them have."""
    tasks = [task for filler in case.fillers for task in searched_of(case, filler)]
    if not tasks:
        raise NotTested("no search at a fixed skew has a winner that was trained anew")
    skews = sorted(set.intersection(*(set(task.winners) for task in tasks)))
    arms = [task.winners[skew] for task in tasks for skew in skews]
    counts = {
        "data_sets": len({task.filler.corpus for task in tasks}),
        "skews": len(skews),
        "seeds": min((len({row["seed"] for row in rows}) for rows in arms), default=0),
    }

    def evidence() -> dict[None, Evidence]:
        chosen = [chosen_skew(case, task, skews) for task in tasks]
        best = [choice.most_common(1)[0][0] for choice in chosen]
        found = combined(case, [gain_of(case, task, best, own) for own, task in enumerate(tasks)])
        shown = [
            {"task": task.filler.task, "skew": skew, "share_of_replicates": choice[skew] / choice.total()}
            for task, skew, choice in zip(tasks, best, chosen, strict=True)
        ]
        same = ("every task has the same best skew: no difference by definition",) if len(set(best)) == 1 else ()
        return {None: found.with_remarks(*same, *unequal_effort(tasks, skews), best_skews=shown)}

    return Plan(counts, evidence)


def searched_of(case: Case, filler: Filler) -> list[Searched]:
    """The models of a task whose searches at fixed skews have winners on the declared split.

    Winners with a seed of the search are left out: only fresh seeds count.
    """
    searches, shown = ([one] for one in case.test["read"])
    trials, found = case.records.trials(searches, filler), []
    rows = [row for row in case.records.rows(shown, filler) if case.split in row["measures"]]
    for model in dict.fromkeys(row["model"] for row in trials):
        own = [row for row in trials if row["model"] == model]
        spent = {row["seed"] for row in own}
        by_skew: dict[float, list[Row]] = {}
        winners: dict[float, list[Row]] = {}
        for series in dict.fromkeys(row["trial"]["series"] for row in own):
            of_series = [row for row in own if row["trial"]["series"] == series]
            again = {row["seed"]: row for row in rows if f"/{series}{WINNER}" in row["run"] and row["model"] == model}
            fresh = [row for seed, row in again.items() if seed not in spent]
            skews = {row["skew"] for row in of_series}
            if len(skews) == 1 and fresh:
                by_skew[min(skews)], winners[min(skews)] = of_series, fresh
        if winners:
            found.append(Searched(filler, case.test["measure"][filler.role], by_skew, winners))
    return found


def chosen_skew(case: Case, task: Searched, skews: Sequence[float]) -> Counter:
    """How often each skew has the best trial on validation, its sentences resampled."""
    trials = [(skew, row) for skew in skews for row in task.trials[skew]]
    scored = [case.records.scored([row], "valid", task.measure) for _, row in trials]
    n, k = scored[0].sums.shape[1:]
    table = np.concatenate([one.sums[0] for one in scored], axis=1)  # (n, T k)
    generator = case.generator("choice", task.filler.task)
    choice: Counter = Counter()
    left, at_once = case.records.n_replicates, max(1, ENTRIES_AT_ONCE // n)
    while left > 0:
        drawn = generator.multinomial(n, np.full(n, 1 / n), size=min(left, at_once)).astype(np.float64)
        best = scored[0].score((drawn @ table).reshape(len(drawn), len(trials), k)).argmax(axis=1)
        choice.update(trials[position][0] for position in best)
        left -= len(drawn)
    return choice


def gain_of(case: Case, task: Searched, best: Sequence[float], own: int) -> Evidence | None:
    """A task's part of the mean over ordered pairs; None where no other task has another best skew."""
    n_pairs = len(best) * (len(best) - 1)
    others = Counter(skew for position, skew in enumerate(best) if position != own and skew != best[own])
    if not others:
        return None
    weights = {best[own]: others.total() / n_pairs} | {skew: -number / n_pairs for skew, number in others.items()}
    arms = []
    for skew, weight in weights.items():
        case.records.use(*(row["run"] for row in task.winners[skew]))
        arms.append((weight, case.records.scored(task.winners[skew], case.split, task.measure)))
    return evidence_of(case, case.parts[0], arms, "gain", task.filler.task)


def combined(case: Case, parts: Sequence[Evidence | None]) -> Evidence:
    """The sum of parts that share neither runs nor resampling; without any, exactly nothing."""
    known = [part for part in parts if part is not None]
    if not known:
        return Evidence(normal(0.0, 0.0, np.inf, case.records.n_replicates))
    variances = np.array([part.standard_error**2 for part in known])
    freedoms = np.array([float(part.resampled.degrees_of_freedom) for part in known])
    squares = float((variances**2 / freedoms).sum())
    freedom = float(variances.sum() ** 2 / squares) if squares > 0 else np.inf
    estimate = sum(float(part.resampled.estimate) for part in known)
    return Evidence(
        of_replicates(estimate, sum(part.resampled.replicates for part in known), freedom),
        float(sum(part.seed_variance for part in known)),
        tuple(seeds for part in known for seeds in part.n_seeds),
        sum(part.n_blocks for part in known),
    )


def unequal_effort(tasks: Sequence[Searched], skews: Sequence[float]) -> list[str]:
    """Tasks whose skews were given different numbers of trials."""
    found = []
    for task in tasks:
        numbers = [len(task.trials[skew]) for skew in skews]
        if len(set(numbers)) > 1:
            found.append(f"{task.filler.task}: {' to '.join(map(str, (min(numbers), max(numbers))))} trials a skew")
    return found


STATISTICS = {"own_best_skew": Statistic(gain_of_own_skew, ("measure",), MEASURES)}
