"""Builds the training objective, for text and images alike, from the declaration of a run's regularizer.

loss = NLL + strength * D(u || p)      (Meister et al. 2020, with any kind of the registry for the divergence D)
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from torch import Tensor

from entropyreg.regularizers.arguments import check_logits, check_strength
from entropyreg.regularizers.autograd import LossParts, objective_loss
from entropyreg.regularizers.baselines import prepare_baseline
from entropyreg.regularizers.compiling import eager
from entropyreg.regularizers.divergence import Member
from entropyreg.regularizers.plain import Plain, checked
from entropyreg.regularizers.registry import kind_in
from entropyreg.regularizers.sweep import Objective, computation_dtype


def member_of(declared: Mapping[str, Any]) -> Member:
    """The divergence of a regularizer as the settings of a run of text or of images declare it.

    Raises `UserError` for a kind that is not known, a user's file that is not what the run was planned with, and a
    divergence of one's own that is none.
    """
    kind, given = kind_in(declared), declared.get("parameters") or declared
    if kind.plugin is not None:
        from entropyreg.regularizers.plugins import load_again

        kind = load_again(kind.plugin)
    values = kind.values(given, "the run")
    if kind.mathematics is None:
        return checked(
            Plain(kind.divergence, values), f"regularizer '{kind.name}'", declared.get("baseline", "uniform")
        )
    module, _, name = kind.mathematics.partition(":")
    return getattr(import_module(f"entropyreg.regularizers.{module}"), name)(**values)


@eager
def regularized_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    member: Member,
    strength: float,
    baseline=None,
    ignore_index: int = -100,
    reduction: str = "mean",
    overwrite_logits: bool = False,
    return_parts: bool = False,
) -> Tensor | LossParts:
    """NLL + strength * D; shapes, arguments, limits and errors as in `entropy_regularized_cross_entropy`."""
    check_logits(logits)
    prepared = prepare_baseline(baseline, logits.shape[-1], computation_dtype(logits), logits.device)
    parts = objective_loss(
        logits,
        targets,
        Objective(member, check_strength(strength), 1.0, 0, prepared),
        ignore_index=ignore_index,
        reduction=reduction,
        overwrite_logits=overwrite_logits,
    )
    return parts if return_parts else parts.loss
