"""Calibration, likelihood and BLEU of translation models regularized to one entropy, member by member (ours; claim C3).

Members of the skew-Jensen family are designed for the predicted entropy of label smoothing .1; the hard model as it is,
and at the temperature of its least ECE, stands beside them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.results.published import Published
from entropyreg.tables import translation_lines
from entropyreg.tables.by_network import Further
from entropyreg.tables.formats import Cell, Footnotes, Section, Table
from entropyreg.tables.image_layout import NATS, SHARE, Measure
from entropyreg.tables.image_runs import Arm, Collected
from entropyreg.tables.shown import NOT_APPLICABLE
from entropyreg.tables.translation_calibration import FITS, temperature_cell
from entropyreg.tables.translation_lines import Column, at_one_errors, fit_measure, fit_measures, interval_cell, one
from entropyreg.tables.translation_runs import as_network_runs

NAME = "b_table_family_calibration"
TITLE = "Calibration of members of the family at equal entropy (ours)"
ENTROPY = Measure(("valid", "entropy_normalized"), "Ĥ", "share of log V", ".3f")
ECE, DEBIASED, _, CHANCE = at_one_errors()
NLL, BLEU = one("nll", "NLL", NATS, ".4f"), one("bleu", "BLEU", "BLEU", ".2f")
SCALED = {"ECE": "ece", "NLL": "nll", "BLEU": "bleu"}  # header: what is known of the hard model at its temperature
HEADERS = ("targets", "designed Ĥ", "Ĥ", "T", "ECE", "ECE, 95 %", "debiased", "ECE if calibrated")
HEADERS += ("T, half", "held-out ECE", "held-out ECE, 95 %", "NLL", "BLEU", "BLEU, 95 %")
NOT_DESIGNED = "the strengths were not chosen for one entropy"
MEASURES = (
    *(ENTROPY, *at_one_errors(), NLL, BLEU),
    *(measure for fit in FITS for measure in fit_measures(fit)),
    Measure(("temperatures", "own", "ece"), "own ECE", SHARE, ".4f"),
)
DEFINITIONS = (
    "Ours, not in the paper. Validation set. designed Ĥ: predicted normalised entropy that the strength was chosen for "
    "(-: taken as it is); Ĥ: entropy of the predicted next-token distribution under the gold prefix, mean over tokens, "
    "divided by log V. Where the measured Ĥ differ, the members are not at equal entropy.",
    "ECE: 15 bins of equal width, next tokens under the gold prefix, as a share. debiased: without the part of ECE "
    "that is due to the finite number of tokens. ECE if calibrated: 95 % quantile of the ECE that perfectly calibrated "
    "models of these confidences show.",
    "hard, scaled: the hard models with logits divided by T, one a model, of least ECE on all tokens; its ECE is on "
    "the same tokens, which flatters. T, half: of least ECE on a random half of the sentences; held-out ECE: on the "
    "other half, at that T. BLEU: beam search at T.",
    "Differences: against scaled: the row at T = 1 minus the hard models, scaled; held-out ECE: each at its own "
    "T, half, on the half of the sentences that it was not chosen on.",
    translation_lines.INTERVALS,
    "±: standard deviation over n seeds; no ±: one seed.",
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure); nothing is published on it."""
    shaped, footnotes = as_network_runs(collected), Footnotes()
    sections, lines = [], []
    for column in collected["columns"]:
        own = translation_lines.arms_of(shaped, column["task"])
        sections.append(section(shaped, column, own, footnotes))
        lines += translation_lines.tidy_lines(shaped, column, own, MEASURES)
    signatures = translation_lines.signature_notes(collected, {"bleu_signature": "BLEU"})
    return translation_lines.table_of(
        NAME, TITLE, collected, Further(sections, lines, DEFINITIONS), footnotes, signatures
    )


def section(collected: Collected, column: Column, own: Sequence[Arm], footnotes: Footnotes) -> Section:
    """A line a member; the hard model has a second one."""
    rows, designed = [], any(arm.declared("wanted_entropy") for arm in own)
    for arm in own:
        rows.append(line(collected, arm, footnotes))
        if arm.row == "hard":
            rows.append(scaled_line(collected, arm, footnotes))
    return Section(
        title=column["title"],
        text=translation_lines.sizes_text(own) + ("." if designed else f"; {NOT_DESIGNED}."),
        groups=(("", len(HEADERS)),),
        headers=tuple(map(Cell, HEADERS)),
        rows=tuple(rows),
    )


def line(collected: Collected, arm: Arm, footnotes: Footnotes) -> tuple[Cell, ...]:
    """A member at temperature 1."""
    wanted = arm.declared("wanted_entropy")
    return (
        Cell(translation_lines.label(arm)),
        NOT_APPLICABLE if wanted is None else Cell(f"{wanted:.3g}"),
        ENTROPY.cell(arm, footnotes),
        Cell("1"),
        ECE.cell(arm, footnotes),
        interval_cell(collected, arm, "ece", ".4f", footnotes),
        DEBIASED.cell(arm, footnotes),
        CHANCE.cell(arm, footnotes),
        temperature_cell(arm, "ece_half", footnotes),
        fit_measure("ece_half", "held_out_ece").cell(arm, footnotes),
        interval_cell(collected, arm, "held_out_ece", ".4f", footnotes),
        NLL.cell(arm, footnotes),
        BLEU.cell(arm, footnotes),
        interval_cell(collected, arm, "bleu", ".2f", footnotes),
    )


def scaled_line(collected: Collected, arm: Arm, footnotes: Footnotes) -> tuple[Cell, ...]:
    """The hard model at the temperature of its least ECE."""
    known = {header: fit_measure("ece_all", name).cell(arm, footnotes) for header, name in SCALED.items()}
    known["ECE, 95 %"] = interval_cell(collected, arm, "scaled_ece", ".4f", footnotes)
    cells = [known.get(header, NOT_APPLICABLE) for header in HEADERS[4:]]
    head = (Cell("hard, scaled"), NOT_APPLICABLE, NOT_APPLICABLE, temperature_cell(arm, "ece_all", footnotes))
    return *head, *cells
