"""The evaluators by the declared quantity of a claim, word for word: a claim that is reworded needs a look here."""

from entropyreg.comparing.claims.evaluators import Evaluator
from entropyreg.comparing.claims.quantities import (
    best_skew,
    images,
    information,
    over_data_sets,
    sparsity,
    sweep,
    teaching,
    temperature,
    text,
    tokens,
)
from entropyreg.io.errors import UserError
from entropyreg.io.schemas import suggestion

MODULES = (text, sweep, best_skew, sparsity, images, teaching, information, temperature, tokens, over_data_sets)
EVALUATORS: dict[str, Evaluator] = {name: one for module in MODULES for name, one in module.EVALUATORS.items()}


def evaluator_of(claim: str, quantity: str) -> Evaluator:
    """The evaluator of a claim's quantity; raises `UserError` for an unknown one."""
    if quantity not in EVALUATORS:
        raise UserError(
            f"claim {claim}: no evaluator knows the quantity '{quantity}'{suggestion(quantity, EVALUATORS)}; "
            "allowed: the quantities of entropyreg.comparing.claims.quantities."
        )
    return EVALUATORS[quantity]


def needed_artefacts() -> list[str]:
    """The artefacts whose collected tables the evaluators read, and that of the searches (seeds used by tuning)."""
    return sorted({"a_figure_search", *(artefact for one in EVALUATORS.values() for artefact in one.artefacts)})
