"""Calibration, likelihood and BLEU of translation models regularized to one entropy, member by member (ours; claim C3).

Members of the skew-Jensen family are designed for the predicted entropy of label smoothing .1; the hard model as it is,
and at the temperature of its least ECE, stands beside them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from entropyreg.rendering.published import Published, published_numbers
from entropyreg.rendering.tables import translation_lines
from entropyreg.rendering.tables.aggregate import Value, setting
from entropyreg.rendering.tables.by_network import Further
from entropyreg.rendering.tables.cells import Entry, Line, Quantity, block
from entropyreg.rendering.tables.formats import Cell, Section, Table
from entropyreg.rendering.tables.image_layout import DIVIDER, NATS, SHARE, measure
from entropyreg.rendering.tables.legend import Legend
from entropyreg.rendering.tables.runs import Arm, Collected, Column
from entropyreg.rendering.tables.translation_calibration import FITS
from entropyreg.rendering.tables.translation_lines import (
    at_one_errors,
    bound_remark,
    entry,
    fit_measure,
    fit_measures,
    one,
)
from entropyreg.rendering.tables.translation_runs import as_network_runs

NAME = "b_table_family_calibration"
TITLE = "Calibration of members of the family at equal entropy (ours)"
DESIGNED = measure(("wanted_entropy",), "designed Ĥ", "share of log V", ".3g")
ENTROPY = measure(("valid", "entropy_normalized"), "Ĥ", "share of log V", ".3f")
TEMPERATURE = measure(("temperature",), "T", DIVIDER, ".2f")
ECE, DEBIASED, _, CHANCE = at_one_errors()
NLL, BLEU = one("nll", "NLL", NATS, ".4f"), one("bleu", "BLEU", "BLEU", ".2f")
SCALED = {ECE: "ece", NLL: "nll", BLEU: "bleu"}  # what is known of the hard model at its temperature
MAIN = (DESIGNED, ENTROPY, TEMPERATURE, ECE, NLL, BLEU)
T_HALF = replace(fit_measure("ece_half", "temperature"), header=Cell("T, half"))
HALF = fit_measure("ece_half", "temperature"), fit_measure("ece_half", "held_out_ece")
NOT_DESIGNED = "the strengths were not chosen for one entropy"
MEASURES = (
    *(ENTROPY, *at_one_errors(), NLL, BLEU),
    *(quantity for fit in FITS for quantity in fit_measures(fit)),
    measure(("temperatures", "own", "ece"), "own ECE", SHARE, ".4f"),
)
DEFINITIONS = (
    "Ours, nothing is published on it. Validation set. designed Ĥ: predicted normalised entropy that the strength was "
    "chosen for (-: taken as it is); Ĥ: entropy of the predicted next-token distribution under the gold prefix, mean "
    "over tokens, divided by log V. Where the measured Ĥ differ, the members are not at equal entropy.",
    "ECE: 15 bins of equal width, next tokens under the gold prefix, as a share. debiased: without the part of ECE "
    "that is due to the finite number of tokens. ECE if calibrated: 95 % quantile of the ECE that perfectly calibrated "
    "models of these confidences show.",
    "hard, scaled: the hard models with logits divided by T, one a model, of least ECE on all tokens; its ECE is on "
    "the same tokens, which flatters. T, half: of least ECE on a random half of the sentences; held-out ECE: on the "
    "other half, at that T. BLEU: beam search at T.",
    "Differences: against scaled: the row at T = 1 minus the hard models, scaled; held-out ECE: each at its own "
    "T, half, on the half of the sentences that it was not chosen on.",
    translation_lines.INTERVALS,
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure); nothing is published on it."""
    shaped, legend = as_network_runs(collected), Legend()
    sections, lines = [], []
    for column in collected["columns"]:
        own = translation_lines.arms_of(shaped, column["task"])
        sections += [main_section(shaped, column, own, legend), further_section(shaped, column, own, legend)]
        lines += translation_lines.tidy_lines(shaped, column, own, MEASURES, published or published_numbers())
    signatures = translation_lines.signature_notes(collected, {"bleu_signature": "BLEU"})
    parts = Further(sections, lines, [], DEFINITIONS)
    return translation_lines.table_of(NAME, TITLE, collected, parts, legend, signatures)


def main_section(shaped: Collected, column: Column, own: Sequence[Arm], legend: Legend) -> Section:
    """A line a member; the hard model has a second one."""
    lines, designed = [], any(arm.declared("wanted_entropy") for arm in own)
    for arm in own:
        lines.append(((Cell(translation_lines.label(arm)),), [main_entry(shaped, arm, one) for one in MAIN]))
        if arm.row == "hard":
            lines.append(scaled_line(shaped, arm))
    text = translation_lines.sizes_text(own) + ("." if designed else f"; {NOT_DESIGNED}.")
    return block(column["title"], text, ["targets"], lines, legend)


def main_entry(shaped: Collected, arm: Arm, quantity: Quantity) -> Entry:
    """A quantity of a member at temperature 1."""
    if quantity == DESIGNED:
        return Entry(DESIGNED, setting(arm.declared("wanted_entropy"), len(arm.done)))
    if quantity == TEMPERATURE:
        return Entry(TEMPERATURE, Value(reason=arm.missing) if arm.missing else setting(1.0, len(arm.done)))
    return entry(shaped, arm, quantity)


def scaled_line(shaped: Collected, arm: Arm) -> Line:
    """The hard model at the temperature of its least ECE."""
    entries = [Entry(DESIGNED, Value()), Entry(ENTROPY, Value())]
    temperature = entry(shaped, arm, fit_measure("ece_all", "temperature"))
    entries.append(Entry(TEMPERATURE, temperature.value, remark=bound_remark(arm, "ece_all")))
    for quantity, name in SCALED.items():
        entries.append(Entry(quantity, entry(shaped, arm, fit_measure("ece_all", name)).value))
    return (Cell("hard, scaled"),), entries


def further_section(shaped: Collected, column: Column, own: Sequence[Arm], legend: Legend) -> Section:
    """Other errors of calibration, and the held-out one at each member's own temperature."""
    lines = []
    for arm in own:
        entries = [entry(shaped, arm, quantity) for quantity in (DEBIASED, CHANCE, *HALF)]
        entries[2] = replace(entries[2], quantity=T_HALF, remark=bound_remark(arm, "ece_half"))
        lines.append(((Cell(translation_lines.label(arm)),), entries))
    return block(f"{column['title']}: further errors of calibration", "", ["targets"], lines, legend)
