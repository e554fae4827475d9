"""The part of paper B's Table 3 on translation: ECE of next tokens as trained, scaled, and with label smoothing.

Under the gold prefix on about 10,000 validation tokens; further the model's own output (Wang et al. 2020), whose tokens
are right where the edit alignment with the reference keeps them.
"""

from collections.abc import Sequence
from dataclasses import replace

from entropyreg.results.published import Published
from entropyreg.tables import translation_lines
from entropyreg.tables.aggregate import Value
from entropyreg.tables.by_network import Further
from entropyreg.tables.calibration_lines import Line, beside_cells, network_lines
from entropyreg.tables.formats import Cell, Footnotes, Section
from entropyreg.tables.image_layout import SHARE, SOURCES, Measure
from entropyreg.tables.image_runs import Arm, Collected
from entropyreg.tables.shown import NOT_APPLICABLE, number_text, p_text
from entropyreg.tables.translation_lines import PAPER, REPLICATION, Column, at_one_errors, fit_measure, interval_cell
from entropyreg.tables.translation_runs import as_network_runs

FITS = {"ece_all": "ECE, all", "nll_all": "NLL, all", "ece_half": "ECE, half", "nll_half": "NLL, half"}
FITTED = ("temperature", "ece", "held_out_ece", "nll", "held_out_nll", "bleu")
OWN = (
    Measure(("temperatures", "own", "ece"), "ECE", SHARE, ".4f"),
    Measure(("temperatures", "own", "accuracy"), "right tokens (%)", SHARE, ".2f", 100),
    Measure(("temperatures", "own", "confidence"), "confidence (%)", SHARE, ".2f", 100),
)
MEASURES = (
    *at_one_errors(),
    Measure(("temperatures", "calibrated_ece"), "", SHARE, ".4f"),
    *(measure for fit in FITS for measure in translation_lines.fit_measures(fit)),
    *OWN,
)
DEFINITIONS = (
    "Translation: next tokens under the gold prefix; T has the least ECE or NLL on all validation tokens or on those "
    "of a random half of the sentences; held-out: on those of the other half; BLEU: of beam search at T.",
    translation_lines.INTERVALS,
    "Own output: tokens of the best hypotheses without ends of sentences, with the probability of the written token as "
    "confidence; right where the edit alignment with the reference keeps the token. It is set against the gold prefix "
    "without ends of sentences.",
)


def further(collected: Collected, published: Published, footnotes: Footnotes) -> Further:
    """Sections, csv lines and definitions of the translation columns; `collected` is their part of the table."""
    shaped = as_network_runs(collected)
    sections, lines = [], []
    for column in collected["columns"]:
        own = translation_lines.arms_of(shaped, column["task"])
        sections.append(main_section(shaped, column, own, published, footnotes))
        sections.append(fits_section(column, own, footnotes))
        sections += own_section(shaped, column, own, footnotes)
        lines += translation_lines.tidy_lines(shaped, column, own, MEASURES)
    sections += translation_lines.difference_sections(collected, footnotes)
    lines += translation_lines.compared_lines(collected)
    told = (
        (translation_lines.DIFFERENCES.replace("Differences", "Differences of translation", 1),)
        if collected["comparisons"]
        else ()
    )
    return Further(sections, lines, (*DEFINITIONS, *told))


def main_section(
    collected: Collected, column: Column, own: Sequence[Arm], published: Published, footnotes: Footnotes
) -> Section:
    """Hard, hard scaled, every amount; amounts that are only published follow."""
    beside = column.get("published_as") == PAPER
    names = {"B": PAPER, "ReScience": REPLICATION} if beside else dict.fromkeys(SOURCES)
    title = own[0].declared("model") or "-"
    lines = [replace(line, title=title) for line in network_lines(own, names, "b_table_calibration", published)]
    errors, counterparts = at_one_errors(), translation_lines.beside_text(column, published, REPLICATION)
    headers = ("model", "targets", "T", "ECE", "95 %", *(one.header for one in errors[1:]))
    return Section(
        title=column["title"],
        text=f"{title}, {counterparts}; {translation_lines.sizes_text(own)}.",
        groups=(("", 2), ("reproduced", len(headers) - 2), *((title, 2) for title in SOURCES.values())),
        headers=tuple(map(Cell, (*headers, *(("ECE", "T") * len(SOURCES))))),
        rows=tuple(
            (
                Cell(line.title),
                Cell(line.label),
                *reproduced(collected, line, footnotes),
                *beside_cells("b_table_calibration", line, published, footnotes),
            )
            for line in lines
        ),
    )


def reproduced(collected: Collected, line: Line, footnotes: Footnotes) -> list[Cell]:
    """Temperature and errors of a line; at a fitted temperature there is only the ECE, on the tokens fitted to."""
    errors = at_one_errors()
    if line.arm is None:
        return [NOT_APPLICABLE] * (len(errors) + 2)
    if line.scaled:
        found = (
            temperature_cell(line.arm, "ece_all", footnotes),
            fit_measure("ece_all", "ece").cell(line.arm, footnotes),
        )
        interval = interval_cell(collected, line.arm, "scaled_ece", ".4f", footnotes)
        return [*found, interval, *[NOT_APPLICABLE] * (len(errors) - 1)]
    cells = [one.cell(line.arm, footnotes) for one in errors]
    return [Cell("1"), cells[0], interval_cell(collected, line.arm, "ece", ".4f", footnotes), *cells[1:]]


def temperature_cell(arm: Arm, fit: str, footnotes: Footnotes) -> Cell:
    """The temperature; a footnote where it is at the end of the grid."""
    cell, bound = fit_measure(fit, "temperature").cell(arm, footnotes), at_bound(arm, fit)
    if not bound.mean:
        return cell
    text = f"T is at the end of the grid for {round(bound.mean * bound.n)} of {bound.n} seeds"
    return replace(cell, marks=(*cell.marks, footnotes.mark(text)))


def at_bound(arm: Arm, fit: str) -> Value:
    return arm.value(fit_measure(fit, "at_bound").path)


def fits_section(column: Column, own: Sequence[Arm], footnotes: Footnotes) -> Section:
    """Every way to choose a temperature."""
    rows = []
    for arm in own:
        for fit, name in FITS.items():
            known = {measure.path[-1]: measure for measure in translation_lines.fit_measures(fit)}
            cells = [known[key].cell(arm, footnotes) if key in known else NOT_APPLICABLE for key in FITTED[1:]]
            cells.insert(0, temperature_cell(arm, fit, footnotes))
            rows.append((Cell(translation_lines.label(arm)), Cell(name), *cells))
    headers = ("targets", "fitted to", *(fit_measure("ece_all", key).header for key in FITTED))
    return Section(
        title=f"{column['title']}: temperatures by what they are fitted to",
        text="",
        groups=(("", len(headers)),),
        headers=tuple(map(Cell, headers)),
        rows=tuple(rows),
    )


def own_section(collected: Collected, column: Column, own: Sequence[Arm], footnotes: Footnotes) -> list[Section]:
    """Calibration of the model's own output, and against the gold prefix."""
    entries = {one["row"]: one for one in collected.get("own_output") or () if one["column"] == column["task"]}
    rows = []
    for arm in own:
        cells = [measure.cell(arm, footnotes) for measure in OWN]
        entry = entries.get(arm.row)
        cells.append(NOT_APPLICABLE if entry is None else own_difference(entry))
        rows.append((Cell(translation_lines.label(arm)), *cells))
    headers = ("targets", *(measure.header for measure in OWN), "ECE minus gold prefix")
    return [
        Section(
            title=f"{column['title']}: the model's own output",
            text="",
            groups=(("", len(headers)),),
            headers=tuple(map(Cell, headers)),
            rows=tuple(rows),
        )
    ]


def own_difference(entry: dict) -> Cell:
    """'+0.0812 [+0.0700, +0.0921], p < 0.001 (n = 3)'."""
    difference, low, high = (number_text(entry[key], "+.4f") for key in ("difference", "low", "high"))
    return Cell(f"{difference} [{low}, {high}], {p_text(entry['p_value'])} (n = {entry['n_seeds']})")
