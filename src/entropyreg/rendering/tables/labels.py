"""Names of regularizers as the tables print them."""

from entropyreg.rendering.tables.formats import ALPHA, GAMMA, Cell

NONE = Cell("No regularization")
LABEL_SMOOTHING = Cell("LS D_J1", latex=r"LS $D_{J_1}$")
LABEL_SMOOTHING_01 = Cell(f"LS D_J1 ({GAMMA} = 0.1)", latex=r"LS $D_{J_1}$ ($\gamma=0.1$)")
LABEL_SMOOTHING_TUNED = Cell("LS D_J1 (tuned)", latex=r"LS $D_{J_1}$ (tuned)")
CONFIDENCE_PENALTY = Cell("CP D_J0", latex=r"CP $D_{J_0}$")
GER = Cell(f"GER D_J{ALPHA}", latex=r"GER $D_{J_\alpha}$")
ABBREVIATIONS = (
    "LS: label smoothing, CP: confidence penalty, GER: generalized entropy regularization; the objective is "
    f"NLL + strength * J_skew(u || p), and {GAMMA} = strength / (1 + strength) at skew 1."
)


def member(skew: float, smoothing: float | None = None) -> Cell:
    """A member of the family by its skew; label smoothing with its amount, where that is known."""
    if skew == 1:
        if smoothing is None:
            return LABEL_SMOOTHING
        amount = f"{smoothing:.3g}"
        return Cell(f"LS D_J1 ({GAMMA} = {amount})", latex=rf"LS $D_{{J_1}}$ ($\gamma={amount}$)")
    if skew == 0:
        return CONFIDENCE_PENALTY
    return Cell(f"GER D_J{skew:.3g}", latex=rf"GER $D_{{J_{{{skew:.3g}}}}}$")
