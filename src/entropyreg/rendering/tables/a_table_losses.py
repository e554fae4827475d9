r"""Paper A: the loss of each training method, written as likelihood plus a divergence from the baseline u. No run.

L = -log p(y) is the loss of likelihood; u is uniform over V symbols unless the row holds for any baseline, and then
H(u) = log V. m = (1 - skew) u + skew p. The constants are derived here:

    label smoothing      H(u, p) = KL(u || p) + H(u), and smoothing = (1 - smoothing) * smoothing / (1 - smoothing)
    confidence penalty   for uniform u: KL(p || u) = sum p log p + log V = log V - H(p)
    GER                  J with generator G = -H is (G(u) / skew + G(p) / (1 - skew)) - G(m) / (skew (1 - skew));
                         as the authors' code, the loss leaves out the term of G(u), which is -H(u) / skew
    Euclidean            for uniform u: sum (u - p)^2 = sum p^2 - 2 / V + 1 / V = sum p^2 - 1 / V

A constant does not depend on p, so both forms have the same gradient. Every text below is evaluated by the tests.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from entropyreg.rendering.tables import tidy
from entropyreg.rendering.tables.formats import Cell, Note, Section, Table

NAME = "a_table_losses"
TITLE = "Paper A: losses of the training methods, and their forms as divergences from a baseline"
BANNER = "Exact formulas, derived here; no run, the same at every scale"
ANY, UNIFORM = "any", "uniform"


class Method(NamedTuple):
    """loss = divergence form + constant, for every p and for the baselines named."""

    row: str
    label: str
    loss: Cell
    divergence: Cell
    constant: Cell
    baseline: str


METHODS = (
    Method("none", "likelihood", Cell("L", latex="$L$"), Cell("L", latex="$L$"), Cell("0"), ANY),
    Method(
        "label_smoothing",
        "label smoothing",
        Cell("(1 - smoothing) L + smoothing H(u, p)", latex=r"$(1-\gamma) L + \gamma H(u, p)$"),
        Cell(
            "(1 - smoothing) (L + smoothing / (1 - smoothing) KL(u || p))",
            latex=r"$(1-\gamma) \left(L + \frac{\gamma}{1-\gamma} \mathrm{KL}(u \,\|\, p)\right)$",
        ),
        Cell("smoothing H(u)", latex=r"$\gamma H(u)$"),
        ANY,
    ),
    Method(
        "confidence_penalty",
        "confidence penalty",
        Cell("L - strength H(p)", latex=r"$L - \beta H(p)$"),
        Cell("L + strength KL(p || u)", latex=r"$L + \beta\, \mathrm{KL}(p \,\|\, u)$"),
        Cell("-strength log(V)", latex=r"$-\beta \log V$"),
        UNIFORM,
    ),
    Method(
        "ger",
        "GER",
        Cell(
            "L + strength (H(m) / (skew (1 - skew)) - H(p) / (1 - skew))",
            latex=r"$L + \beta \left(\frac{H(m)}{\alpha(1-\alpha)} - \frac{H(p)}{1-\alpha}\right)$",
        ),
        Cell(
            "L + strength (KL(u || m) / skew + KL(p || m) / (1 - skew))",
            latex=r"$L + \beta \left(\frac{\mathrm{KL}(u \,\|\, m)}{\alpha} + "
            r"\frac{\mathrm{KL}(p \,\|\, m)}{1-\alpha}\right)$",
        ),
        Cell("strength H(u) / skew", latex=r"$\beta H(u) / \alpha$"),
        ANY,
    ),
    Method(
        "euclidean",
        "GER, Euclidean",
        Cell("L + strength sum(p^2)", latex=r"$L + \beta \sum_i p_i^2$"),
        Cell("L + strength sum((u - p)^2)", latex=r"$L + \beta \sum_i (u_i - p_i)^2$"),
        Cell("strength / V", latex=r"$\beta / V$"),
        UNIFORM,
    ),
)
NOTES = (
    "loss = form as a divergence + constant, whatever p is; natural logarithms. A constant has no gradient.",
    "L: -log p(y) of the target y. p: the model's distribution over V symbols. u: the baseline; uniform: H(u) = log V. "
    "any: u is any distribution without zeros, such as the unigram's. H(p): entropy, H(u, p): cross-entropy -sum u log "
    "p, m = (1 - skew) u + skew p.",
    "Label smoothing is the family's skew 1 with strength smoothing / (1 - smoothing), its gradient (1 - smoothing) "
    "times as long; the confidence penalty is skew 0; the form of GER holds between them. In LaTeX, smoothing "
    "is \u03b3, "
    "skew \u03b1, and strength the letter beta, as in the paper.",
    "The package's GER and Euclidean losses are the forms as divergences, without the constants; its label smoothing "
    "and confidence penalty are the losses as in the second column.",
)


def build(collected: Mapping[str, Any]) -> Table:
    """The table of the formulas (pure); of the collected table only its name and scale are used."""
    headers = ("training method", "loss", "form as a divergence", "constant", "baseline u")
    rows = tuple((Cell(one.label), one.loss, one.divergence, one.constant, Cell(one.baseline)) for one in METHODS)
    section = Section("Losses", "", (("", len(headers)),), tuple(map(Cell, headers)), rows)
    lines = [
        tidy.line(
            collected,
            **{"row": one.row, "column": column, "unit": "formula", "note": cell.text},
            reason="mean: a formula, not a number",
        )
        for one in METHODS
        for column, cell in (("loss", one.loss), ("divergence", one.divergence), ("constant", one.constant))
    ]
    return Table(NAME, TITLE, BANNER, (section,), tuple(map(Note, NOTES)), tidy.HEADER, tuple(lines))
