"""The declared experiments: blocks of runs, searches and matches, expanded into validated runs with readable ids.

Light modules: Snakemake reads them at every start, so nothing here loads torch, pandas or matplotlib.
"""

from entropyreg.experiments.expansion import expand, load_experiments
from entropyreg.experiments.images import ImageRun
from entropyreg.experiments.regularizer import Regularizer, regularizer_of, smoothing_of
from entropyreg.experiments.runs import Artefact, Cell, Experiments, Proposal, Run, Trial

__all__ = [
    "Artefact",
    "Cell",
    "Experiments",
    "ImageRun",
    "Proposal",
    "Regularizer",
    "Run",
    "Trial",
    "expand",
    "load_experiments",
    "regularizer_of",
    "smoothing_of",
]
