"""The search of the authors' code: Bayesian optimisation of skew and strength on validation BLEU.

Meister et al. 2020 (train_opt.py): bayes_opt, skew in (.001, .999), strength in (.001, 1.5), random_state 1, 20 random
trials and 10 guided ones. The same library is used here, by its suggest-register interface: each guided trial is a run
of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any


def propose_guided(settings: Mapping[str, Any], observations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The trial of largest acquisition, given the results of earlier trials.

    `settings`: `skew` (bounds, or one number), `strength` (bounds), `random_state`, `number` of the trial. Each
    observation has skew, strength and `value`, the validation BLEU. The random numbers of a trial are seeded with
    `random_state` and its number, so the proposal depends on nothing but the arguments.
    """
    from bayes_opt import BayesianOptimization
    from numpy.random import RandomState

    fixed = not isinstance(settings["skew"], list)
    bounds = {"strength": tuple(settings["strength"])}
    if not fixed:
        bounds = {"skew": tuple(settings["skew"]), **bounds}
    state = RandomState([settings["random_state"], settings["number"]])
    optimizer = BayesianOptimization(f=None, pbounds=bounds, random_state=state, allow_duplicate_points=True, verbose=0)
    for one in observations:
        optimizer.register(params={key: one[key] for key in bounds}, target=one["value"])
    suggested = optimizer.suggest()
    skew = settings["skew"] if fixed else suggested["skew"]
    return {
        "skew": round(float(skew), 10),  # finer than the optimiser of the acquisition resolves
        "strength": round(float(suggested["strength"]), 10),
        "method": "Bayesian optimisation on validation BLEU",
        "number": settings["number"],
        "observations": list(observations),
    }
