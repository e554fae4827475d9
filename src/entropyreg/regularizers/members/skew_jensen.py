"""The skew-Jensen family of Meister et al. 2020, with its named points: the ends, and no regularizer."""

from functools import partial

from entropyreg.regularizers.registry import AMOUNTS, Kind, Parameter

SKEW = Parameter("skew", "0 confidence penalty, 1 label smoothing", least=0, most=1)
BY_ENTROPY = ("strength", "entropy")
member = partial(Kind, mathematics="divergence:at_skew", generator="entropy", stem="jensen", color=None)

NONE = member(
    name="none",
    label="no regularizer",
    meaning="NLL alone",
    amounts=(),
    stem="none",
    words="no regularizer",
    short="hard targets",
    marker="X",
    symbol="✖",
)
CONFIDENCE_PENALTY = member(
    name="confidence_penalty",
    label="confidence penalty",
    meaning="KL(p || u)",
    amounts=BY_ENTROPY,
    fixed={"skew": 0.0},
    words="confidence penalty, strength {strength}",
    short="confidence penalty",
    marker="s",
    symbol="■",
)
SKEW_JENSEN = member(
    name="skew_jensen",
    label="between",
    meaning="KL(u || m) / skew + KL(p || m) / (1 - skew), m = (1 - skew) u + skew p",
    parameters=(SKEW,),
    amounts=BY_ENTROPY,
    words="skew {skew}, strength {strength}",
    short="skew {skew}",
    marker="o",
    symbol="●",
)
LABEL_SMOOTHING = member(
    name="label_smoothing",
    label="label smoothing",
    meaning="KL(u || p)",
    amounts=tuple(AMOUNTS),
    fixed={"skew": 1.0},
    words="label smoothing {smoothing}",
    short="smoothing {smoothing}",
    marker="^",
    symbol="▲",
)
