"""Paper B, Table 3: calibration error as trained, after temperature scaling (Guo et al. 2017), with label smoothing.

The temperature "as published" has the least ECE on the validation images that it is then reported on; test images, and
the half of the validation images that another temperature was not fitted on, stand beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from entropyreg.results.published import Published
from entropyreg.tables import beside, translation_calibration, translation_lines
from entropyreg.tables.by_network import Column, sizes_text
from entropyreg.tables.by_network import build as build_by_network
from entropyreg.tables.calibration_lines import Line, beside_cells, lines_of
from entropyreg.tables.collected import scale_line
from entropyreg.tables.formats import Cell, Footnotes, Section, Table
from entropyreg.tables.image_layout import (
    DEVIATION,
    DIFFERENCES,
    NATS,
    SHARE,
    SMOOTHING,
    SOURCES,
    VALIDATION,
    ImageLayout,
    Measure,
    accuracy,
)
from entropyreg.tables.image_runs import Arm
from entropyreg.tables.shown import NOT_APPLICABLE
from entropyreg.tables.translation_runs import parts_of

ERRORS = (("valid", "ece", "ECE"), ("test", "ece", "ECE"), ("test", "debiased_ece", "debiased"))
ERRORS += (("test", "smooth_ece", "smooth"),)
CHANCE = Measure(("calibration", "test", "calibrated_ece_upper"), "test ECE if calibrated", SHARE, ".4f")
FITS = {
    "ece_all": "ECE, all",
    "nll_all": "NLL, all",
    "ece_half": "ECE, half",
    "nll_half": "NLL, half",
}
PARTS = ("valid", "held_out", "test")


def fitted(fit: str) -> tuple[Measure, ...]:
    """What is shown of one way to choose the temperature; only a half leaves images held out."""
    start = ("temperature", fit)
    return (
        Measure((*start, "temperature"), "T", "divider of logits", ".2f"),
        *(Measure((*start, part, "ece"), f"{part.replace('_', ' ')} ECE", SHARE, ".4f") for part in PARTS),
        Measure((*start, "test", "nll"), "test NLL", NATS, ".4f"),
    )


def at_bound(fit: str) -> Measure:
    return Measure(("temperature", fit, "at_bound"), "T at bound", "share of seeds", ".2f")


def temperature_cell(arm: Arm, fit: str, footnotes: Footnotes) -> Cell:
    """The temperature; a footnote where the search ended at its bound."""
    cell, bound = fitted(fit)[0].cell(arm, footnotes), arm.value(at_bound(fit).path)
    if not bound.mean:
        return cell
    text = f"T is at the end of the search interval for {round(bound.mean * bound.n)} of {bound.n} seeds"
    return replace(cell, marks=(*cell.marks, footnotes.mark(text)))


def errors(start: Sequence[str]) -> tuple[Measure, ...]:
    return tuple(Measure((*start, split, name), f"{split} {header}", SHARE, ".4f") for split, name, header in ERRORS)


LAYOUT = ImageLayout(
    name="b_table_calibration",
    title="Paper B, Table 3: expected calibration error, temperature scaling and label smoothing",
    rows={"hard": "hard", "smoothed": "smoothed"},
    measures=(
        *errors(["calibration"]),
        Measure(("calibration", "test", "calibrated_ece"), "", SHARE, ".4f"),
        CHANCE,
        Measure(("calibration", "test", "squared_calibration_error"), "", SHARE, ".4f"),
        *(accuracy(split) for split in ("valid", "test")),
        *errors(["temperature", "ece_all"])[2:],
        *(one for fit in FITS for one in fitted(fit) if "half" in fit or "held_out" not in one.path),
        *map(at_bound, FITS),
    ),
    definitions=(
        SMOOTHING,
        VALIDATION,
        "hard, scaled: the hard networks with logits divided by T; T, one a network, has the least ECE on all "
        "validation images (the paper's way, as far as we know), so its validation ECE flatters; test images choose "
        "nothing.",
        "smoothed: at T = 1. chosen: the amount of least mean validation ECE; no test value is shown of the others.",
        "ECE: expected calibration error, 15 bins of equal width of the greatest probability, as a share. debiased: "
        "without the part of ECE that is due to the finite number of images. smooth: smooth ECE, without bins. test "
        "ECE if calibrated: 95 % quantile of the ECE that perfectly calibrated networks of these confidences show.",
        "Temperatures: fitted to the least ECE or the least NLL, on all validation images or on a random half; held "
        "out is the other half.",
        "ECE against scaled: of the chosen smoothed networks at T = 1 minus that of the hard networks, scaled; a "
        "positive difference of any ECE is a worse one.",
        DEVIATION,
    ),
    differences=DIFFERENCES,
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure): images, then translation where it has columns of it."""
    images, translation = parts_of(collected)
    if translation is None:
        return build_by_network(LAYOUT, images, published, sections)
    names = [translation_lines.PAPER, translation_lines.REPLICATION]
    shown = names if any(column.get("published_as") in names for column in translation["columns"]) else []
    table = build_by_network(
        replace(LAYOUT, beside=tuple(shown)),
        images,
        published,
        sections,
        further=lambda *found: translation_calibration.further(translation, *found),
    )
    return replace(table, banner=scale_line({**collected, "rows": [*images["rows"], *translation["rows"]]}))


def sections(column: Column, arms: Sequence[Arm], published: Published, footnotes: Footnotes) -> list[Section]:
    return [main_section(column, arms, published, footnotes), fits_section(column, arms, footnotes)]


def main_section(column: Column, arms: Sequence[Arm], published: Published, footnotes: Footnotes) -> Section:
    """The lines of every network: hard, hard scaled, every amount; amounts that are only published follow."""
    headers = ("network", "targets", "T", *(f"{split} {header}" for split, _, header in ERRORS), CHANCE.header)
    lines = lines_of(arms, LAYOUT.name, published)
    return Section(
        title=column["title"],
        text=f"{beside.counterparts_text(column['task'], arms, published)}; {sizes_text(arms)}.",
        groups=(("", 2), ("reproduced", len(headers) - 2), *((title, 2) for title in SOURCES.values())),
        headers=tuple(map(Cell, (*headers, *(("ECE", "T") * len(SOURCES))))),
        rows=tuple(cells_of(line, published, footnotes) for line in lines),
    )


def cells_of(line: Line, published: Published, footnotes: Footnotes) -> tuple[Cell, ...]:
    reproduced = [NOT_APPLICABLE] * (len(ERRORS) + 2)
    if line.arm is not None:
        start = ("temperature", "ece_all") if line.scaled else ("calibration",)
        temperature = temperature_cell(line.arm, "ece_all", footnotes) if line.scaled else Cell("1")
        chance = NOT_APPLICABLE if line.scaled else CHANCE.cell(line.arm, footnotes)
        reproduced = [temperature, *(one.cell(line.arm, footnotes) for one in errors(start)), chance]
    return Cell(line.title), Cell(line.label), *reproduced, *beside_cells(LAYOUT.name, line, published, footnotes)


def fits_section(column: Column, arms: Sequence[Arm], footnotes: Footnotes) -> Section:
    """Every way to choose a temperature, of the hard and of the chosen smoothed networks."""
    rows = []
    for arm in (one for one in arms if one.chosen):
        for fit, label in FITS.items():
            cells = [
                NOT_APPLICABLE if "held_out" in one.path and "all" in fit else one.cell(arm, footnotes)
                for one in fitted(fit)[1:]
            ]
            cells.insert(0, temperature_cell(arm, fit, footnotes))
            rows.append((Cell(arm.declared("model_title") or "-"), Cell(LAYOUT.label(arm)), Cell(label), *cells))
    headers = ("network", "targets", "fitted to", *(one.header for one in fitted("ece_all")))
    return Section(
        title=f"{column['title']}: temperatures by what they are fitted to",
        text="",
        groups=(("", len(headers)),),
        headers=tuple(map(Cell, headers)),
        rows=tuple(rows),
    )
