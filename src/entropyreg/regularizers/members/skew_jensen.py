"""The skew-Jensen family of Meister et al. 2020, with its named points: the ends, and no regularizer."""

from functools import partial

from entropyreg.regularizers.equilibrium import equilibrium
from entropyreg.regularizers.registry import AMOUNTS, Kind, Parameter

SKEW = Parameter("skew", "0 confidence penalty, 1 label smoothing", least=0, most=1)
BY_ENTROPY = ("strength", "entropy")
FAMILY = {"mathematics": "divergence:at_skew", "generator": "entropy", "stem": "jensen", "color": None}

NONE = Kind(
    **{**FAMILY, "stem": "none"},
    name="none",
    label="no regularizer",
    meaning="NLL alone",
    equilibrium=partial(equilibrium, skew=1.0),  # of strength 0, whatever the skew
    amounts=(),
    words="no regularizer",
    short="hard targets",
    printed="No regularization",
    marker="X",
    symbol="✖",
)
CONFIDENCE_PENALTY = Kind(
    **FAMILY,
    name="confidence_penalty",
    label="confidence penalty",
    meaning="KL(p || u)",
    equilibrium=equilibrium,
    amounts=BY_ENTROPY,
    fixed={"skew": 0.0},
    words="confidence penalty, strength {strength}",
    short="confidence penalty",
    printed="CP D_J0",
    latex=r"CP $D_{J_0}$",
    marker="s",
    symbol="■",
)
SKEW_JENSEN = Kind(
    **FAMILY,
    name="skew_jensen",
    label="between",
    meaning="KL(u || m) / skew + KL(p || m) / (1 - skew), m = (1 - skew) u + skew p",
    parameters=(SKEW,),
    equilibrium=equilibrium,
    amounts=BY_ENTROPY,
    words="skew {skew}, strength {strength}",
    short="skew {skew}",
    printed="GER D_J\u03b1",
    latex=r"GER $D_{J_\alpha}$",
    marker="o",
    symbol="●",
)
LABEL_SMOOTHING = Kind(
    **FAMILY,
    name="label_smoothing",
    label="label smoothing",
    meaning="KL(u || p)",
    equilibrium=equilibrium,
    amounts=tuple(AMOUNTS),
    fixed={"skew": 1.0},
    words="label smoothing {smoothing}",
    short="smoothing {smoothing}",
    printed="LS D_J1",
    latex=r"LS $D_{J_1}$",
    marker="^",
    symbol="▲",
)
