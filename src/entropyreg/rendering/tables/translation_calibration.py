"""Paper B's table of calibration, on translation: ECE of next tokens as trained, scaled, and with label smoothing.

Under the gold prefix on about 10,000 validation tokens; further the model's own output (Wang et al. 2020), whose tokens
are right where the edit alignment with the reference keeps them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from entropyreg.rendering.published import Published
from entropyreg.rendering.tables import tidy, translation_lines
from entropyreg.rendering.tables.aggregate import Value
from entropyreg.rendering.tables.beside import OF_B
from entropyreg.rendering.tables.by_network import Further
from entropyreg.rendering.tables.calibration_lines import Line, network_lines
from entropyreg.rendering.tables.cells import Entry, Quantity, block
from entropyreg.rendering.tables.formats import Cell, Section
from entropyreg.rendering.tables.image_layout import PERCENT, SHARE, measure
from entropyreg.rendering.tables.legend import Legend
from entropyreg.rendering.tables.runs import Arm, Collected, Column
from entropyreg.rendering.tables.translation_lines import (
    PAPER,
    REPLICATION,
    at_one_errors,
    bound_remark,
    entry,
    fit_measure,
    fit_measures,
    interval,
)
from entropyreg.rendering.tables.translation_runs import as_network_runs

FITS = {"ece_all": "ECE, all", "nll_all": "NLL, all", "ece_half": "ECE, half", "nll_half": "NLL, half"}
FITTED = ("temperature", "ece", "held_out_ece", "nll", "held_out_nll", "bleu")
OWN = (
    measure(("temperatures", "own", "ece"), "ECE", SHARE, ".4f"),
    measure(("temperatures", "own", "accuracy"), "right tokens (%)", PERCENT, ".2f", 100),
    measure(("temperatures", "own", "confidence"), "confidence (%)", PERCENT, ".2f", 100),
)
MINUS_GOLD = Quantity(("temperatures", "own", "ece_minus_gold"), Cell("ECE minus gold prefix"), SHARE, "+.4f")
ECE, *ERRORS = at_one_errors()
SHOWN = (("ece_all", "temperature"), ("ece_all", "ece"))  # beside published numbers
MEASURES = (
    *ERRORS,
    measure(("temperatures", "calibrated_ece"), "", SHARE, ".4f"),
    *(one for fit in FITS for one in fit_measures(fit) if (fit, one.path[-1]) not in SHOWN),
    *OWN,
)
DEFINITIONS = (
    "Translation: next tokens under the gold prefix; T has the least ECE or NLL on all validation tokens or on those "
    "of a random half of the sentences; held-out: on those of the other half; BLEU: of beam search at T.",
    "Translation, " + translation_lines.INTERVALS,
    "Own output: tokens of the best hypotheses without ends of sentences, with the probability of the written token as "
    "confidence; right where the edit alignment with the reference keeps the token. It is set against the gold prefix "
    "without ends of sentences.",
)


def further(collected: Collected, published: Published, legend: Legend) -> Further:
    """Sections, csv lines and definitions of the translation columns; `collected` is their part of the table."""
    shaped = as_network_runs(collected)
    sections, lines, beside = [], [], []
    for column in collected["columns"]:
        own = translation_lines.arms_of(shaped, column["task"])
        known = lines_of(column, own, published)
        main = [(line, main_entries(shaped, line, published)) for line in known]
        title = known[0].title
        counterparts = translation_lines.beside_text(column, published, REPLICATION)
        text = f"{title}, {counterparts}; {translation_lines.sizes_text(own)}."
        named = [(line.cells, entries) for line, entries in main]
        errors = [((Cell(translation_lines.label(arm)),), [entry(shaped, arm, one) for one in ERRORS]) for arm in own]
        sections += [
            block(column["title"], text, ["model", "targets"], named, legend),
            block(f"{column['title']}: further errors of calibration", "", ["targets"], errors, legend),
            fits_section(shaped, column, own, legend),
            own_section(shaped, column, own, legend),
        ]
        for line, entries in main:
            beside += [one for found in entries for one in found.beside]
            lines += tidy.lines_of(collected, column, entries, published, **line.named)
        lines += translation_lines.tidy_lines(shaped, column, own, MEASURES, published)
        for arm in own:
            lines += tidy.lines_of(collected, column, [own_difference(shaped, arm)], published, **arm.named)
    sections += translation_lines.difference_sections(collected, legend)
    lines += tidy.compared(collected, translation_lines.METRICS)
    told = [note.text.replace("Differences", "Differences of translation", 1) for note in difference_notes(collected)]
    return Further(sections, lines, beside, (*DEFINITIONS, *told))


def difference_notes(collected: Collected) -> Sequence:
    return translation_lines.difference_notes(collected) if collected["comparisons"] else ()


def lines_of(column: Column, own: Sequence[Arm], published: Published) -> list[Line]:
    """Hard, hard scaled, every amount; amounts that are only published follow."""
    names: Mapping[str, str | None] = dict.fromkeys(OF_B)
    if column.get("published_as") == PAPER:
        names = {"B": PAPER, "ReScience": REPLICATION}
    return network_lines(own, own[0].declared("model") or "-", names, published)


def main_entries(shaped: Collected, line: Line, published: Published) -> list[Entry]:
    """Temperature and ECE, each beside what is published on it."""
    remark = bound_remark(line.arm, "ece_all") if line.scaled else ""
    error = fit_measure("ece_all", "ece") if line.scaled else ECE
    found = [line.beside(source, "ece", published) for source in OF_B]
    return [
        line.temperature(fit_measure("ece_all", "temperature"), published, remark),
        line.entry(error, *found, interval=interval(shaped, line.arm, error)),
    ]


def fits_section(shaped: Collected, column: Column, own: Sequence[Arm], legend: Legend) -> Section:
    """Every way to choose a temperature."""
    lines = []
    for arm in own:
        for fit, name in FITS.items():
            known = {one.path[-1] for one in fit_measures(fit)}
            entries = [
                entry(shaped, arm, one) if one.path[-1] in known else Entry(one, Value())
                for one in (fit_measure(fit, key) for key in FITTED)
            ]
            entries[0] = replace(entries[0], remark=bound_remark(arm, fit))
            lines.append(((Cell(translation_lines.label(arm)), Cell(name)), entries))
    title = f"{column['title']}: temperatures by what they are fitted to"
    return block(title, "", ["targets", "fitted to"], lines, legend)


def own_section(shaped: Collected, column: Column, own: Sequence[Arm], legend: Legend) -> Section:
    """Calibration of the model's own output, and against the gold prefix."""
    lines = [
        (
            (Cell(translation_lines.label(arm)),),
            [*(entry(shaped, arm, one) for one in OWN), own_difference(shaped, arm)],
        )
        for arm in own
    ]
    return block(f"{column['title']}: the model's own output", "", ["targets"], lines, legend)


def own_difference(shaped: Collected, arm: Arm) -> Entry:
    """ECE of the own output minus that under the gold prefix, with its collected interval."""
    found = {(one["column"], one["row"]): one for one in shaped.get("own_output") or ()}.get((arm.task, arm.row))
    if found is None:
        return Entry(MINUS_GOLD, Value(reason=arm.missing))
    value = Value(found["difference"], n=found["n_seeds"]).between((found["low"], found["high"]))
    return Entry(MINUS_GOLD, value)
