"""Finds the chains of a scale: runs that are linked because one is made from the other, which count as a whole.

A student is linked to its teacher, the winner of a search to its trials. A run that needs none and that none needs is a
chain by itself.
"""

from collections.abc import Collection, Mapping
from typing import Any

from entropyreg.experiments import Experiments
from entropyreg.forecast.blocks import needs_of


def chains_of(experiments: Experiments) -> list[list[str]]:
    """The runs of each chain, sorted, in the order of their first runs."""
    needs = needs_of(experiments)
    chain_of = {run: {run} for run in needs}
    for run, needed in needs.items():
        for other in needed:
            if chain_of[other] is not chain_of[run]:
                chain_of[run] |= chain_of[other]
                chain_of |= dict.fromkeys(chain_of[run], chain_of[run])
    return sorted({min(chain): sorted(chain) for chain in chain_of.values()}.values())


def incomplete(experiments: Experiments, runs: Collection[str]) -> dict[str, str]:
    """'61 of 80 runs' for every artefact that shows runs without a record."""
    found = {}
    for name, artefact in experiments.artefacts.items():
        there = sum(run in runs for run in artefact.run_ids)
        if there < len(artefact.run_ids):
            found[name] = f"{there} of {len(artefact.run_ids)} runs"
    return found


def judging_settings(config: Mapping[str, Any], partial: Mapping[str, str]) -> dict[str, Any]:
    """Settings of the ledger of a scale; no verdict is computed from an artefact that lacks runs."""
    return {"scale": config["scale"], "scale_note": config["scale_note"], "incomplete": dict(partial)}
