"""Names regularizers as the tables print them."""

from entropyreg.regularizers.registry import named
from entropyreg.rendering.tables.formats import GAMMA, Cell


def printed(kind: str) -> Cell:
    """The name of a kind in the tables of its paper, as the registry declares it."""
    declared = named(kind)
    return Cell(declared.printed or declared.label, latex=declared.latex)


def with_amount(amount: str, latex: str | None = None) -> Cell:
    """Label smoothing with its amount: '(tuned)'."""
    return Cell(f"{LABEL_SMOOTHING.text} ({amount})", latex=f"{LABEL_SMOOTHING.latex} ({latex or amount})")


NONE, LABEL_SMOOTHING, EUCLIDEAN = printed("none"), printed("label_smoothing"), printed("euclidean")
CONFIDENCE_PENALTY, GER = printed("confidence_penalty"), printed("skew_jensen")
LABEL_SMOOTHING_01 = with_amount(f"{GAMMA} = 0.1", r"$\gamma=0.1$")
LABEL_SMOOTHING_TUNED = with_amount("tuned")
ABBREVIATIONS = (
    "LS: label smoothing, CP: confidence penalty, GER: generalized entropy regularization; the objective is "
    f"NLL + strength * J_skew(u || p), and {GAMMA} = strength / (1 + strength) at skew 1."
)


def member(skew: float, smoothing: float | None = None) -> Cell:
    """A member of the family by its skew; label smoothing with its amount, where that is known."""
    if skew == 1:
        if smoothing is None:
            return LABEL_SMOOTHING
        return with_amount(f"{GAMMA} = {smoothing:.3g}", rf"$\gamma={smoothing:.3g}$")
    if skew == 0:
        return CONFIDENCE_PENALTY
    return Cell(f"GER D_J{skew:.3g}", latex=rf"GER $D_{{J_{{{skew:.3g}}}}}$")
