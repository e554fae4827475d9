"""Paper B: calibration error as trained, after temperature scaling (Guo et al. 2017), with label smoothing.

The temperature "as published" has the least ECE on the validation images that it is then reported on; test images, and
the half of the validation images that another temperature was not fitted on, stand beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from entropyreg.rendering.published import Published
from entropyreg.rendering.tables import translation_calibration, translation_lines
from entropyreg.rendering.tables.aggregate import Value
from entropyreg.rendering.tables.beside import counterparts_text
from entropyreg.rendering.tables.by_network import Parts, sizes_text
from entropyreg.rendering.tables.by_network import build as build_by_network
from entropyreg.rendering.tables.calibration_lines import Line, lines_of
from entropyreg.rendering.tables.cells import Entry, Quantity, block
from entropyreg.rendering.tables.collected import scale_line
from entropyreg.rendering.tables.formats import Cell, Section, Table
from entropyreg.rendering.tables.image_layout import (
    DIFFERENCES,
    DIVIDER,
    INTERVAL,
    NATS,
    PUBLISHED,
    SHARE,
    SMOOTHING,
    VALIDATION,
    ImageLayout,
    accuracy,
    measure,
    sources_of,
    split_of,
)
from entropyreg.rendering.tables.legend import Legend
from entropyreg.rendering.tables.runs import Arm, Column
from entropyreg.rendering.tables.translation_runs import parts_of

SPLITS = ("valid", "test")
FURTHER = (("debiased_ece", "debiased ECE"), ("smooth_ece", "smooth ECE"))
CHANCE = measure(("calibration", "test", "calibrated_ece_upper"), "test ECE if calibrated", SHARE, ".4f")
FITS = {
    "ece_all": "ECE, all",
    "nll_all": "NLL, all",
    "ece_half": "ECE, half",
    "nll_half": "NLL, half",
}
PARTS = ("valid", "held_out", "test")


def fitted(fit: str) -> tuple[Quantity, ...]:
    """What is shown of one way to choose the temperature; only a half leaves images held out."""
    start, parts = ("temperature", fit), [part for part in PARTS if "half" in fit or part != "held_out"]
    return (
        measure((*start, "temperature"), "T", DIVIDER, ".2f"),
        *(measure((*start, part, "ece"), f"{part.replace('_', ' ')} ECE", SHARE, ".4f") for part in parts),
        measure((*start, "test", "nll"), "test NLL", NATS, ".4f"),
    )


def at_bound(fit: str) -> Quantity:
    return measure(("temperature", fit, "at_bound"), "T at bound", "share of seeds", ".2f")


def bound_remark(arm: Arm | None, fit: str) -> str:
    """Says where the search for a temperature ended at its bound."""
    bound = arm.value(at_bound(fit).path) if arm else None
    if not bound or not bound.mean:
        return ""
    return f"T is at the end of the search interval for {round(bound.mean * bound.n)} of {bound.n} seeds"


def error(scaled: bool, split: str, name: str = "ece", header: str = "ECE") -> Quantity:
    start = ("temperature", "ece_all") if scaled else ("calibration",)
    return measure((*start, split, name), f"{split} {header}", SHARE, ".4f")


LAYOUT = ImageLayout(
    name="b_table_calibration",
    title="Paper B: expected calibration error, temperature scaling and label smoothing",
    rows={"hard": "hard", "smoothed": "smoothed"},
    measures=(
        *(error(scaled, "test", *one) for scaled in (False, True) for one in FURTHER),
        measure(("calibration", "test", "calibrated_ece"), "", SHARE, ".4f"),
        CHANCE,
        measure(("calibration", "test", "squared_calibration_error"), "", SHARE, ".4f"),
        *map(accuracy, SPLITS),
        *(one for fit in FITS for one in fitted(fit)),
        *map(at_bound, FITS),
    ),
    definitions=(
        SMOOTHING,
        VALIDATION,
        "hard, scaled: the hard networks with logits divided by T; T, one a network, has the least ECE on all "
        "validation images (the paper's way, as far as we know), so its validation ECE flatters; test images choose "
        "nothing.",
        "smoothed: at T = 1. chosen: the amount of least mean validation ECE; no test value is shown of the others. "
        "The paper's ECE is of validation images (of ImageNet our test images), the replication's of test images.",
        "ECE: expected calibration error, 15 bins of equal width of the greatest probability, as a share. debiased: "
        "without the part of ECE that is due to the finite number of images. smooth: smooth ECE, without bins. test "
        "ECE if calibrated: 95 % quantile of the ECE that perfectly calibrated networks of these confidences show.",
        "Temperatures: fitted to the least ECE or the least NLL, on all validation images or on a random half; held "
        "out is the other half.",
        "ECE against scaled: of the chosen smoothed networks at T = 1 minus that of the hard networks, scaled; a "
        "positive difference of any ECE is a worse one.",
        INTERVAL + PUBLISHED,
    ),
    differences=DIFFERENCES,
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure): images, then translation where it has columns of it."""
    images, translation = parts_of(collected)
    if translation is None:
        return build_by_network(LAYOUT, images, published, make)
    names = [translation_lines.PAPER, translation_lines.REPLICATION]
    shown = names if any(column.get("published_as") in names for column in translation["columns"]) else []
    table = build_by_network(
        replace(LAYOUT, beside=tuple(shown)),
        images,
        published,
        make,
        further=lambda *found: translation_calibration.further(translation, *found),
    )
    return replace(table, banner=scale_line({**collected, "rows": [*images["rows"], *translation["rows"]]}))


def make(column: Column, arms: Sequence[Arm], published: Published, legend: Legend) -> Parts:
    """The lines of every network: hard, hard scaled, every amount; amounts that are only published follow."""
    lines = lines_of(arms, published)
    sources = {split: sources_of(split, [line.names["B"] for line in lines]) for split in SPLITS}
    main = [(line, main_entries(line, sources, published)) for line in lines]
    text = f"{counterparts_text(column['task'], arms, published)}; {sizes_text(arms)}."
    labels = ["network", "targets"]
    further = [
        (line.cells, [line.arm.entry(error(line.scaled, "test", *one)) for one in FURTHER] + [chance_entry(line)])
        for line in lines
        if line.arm
    ]
    return Parts(
        [
            block(column["title"], text, labels, [(line.cells, entries) for line, entries in main], legend),
            block(f"{column['title']}: further errors of calibration", "", labels, further, legend),
            fits_section(column, arms, legend),
        ],
        [(line.named, entries) for line, entries in main],
    )


def main_entries(line: Line, sources: Mapping[str, Sequence[str]], published: Published) -> list[Entry]:
    """Temperature and ECE, each beside what is published on it; `sources` by the split that they stand beside."""
    entries = [line.temperature(fitted("ece_all")[0], published, bound_remark(line.arm, "ece_all"))]
    for split in SPLITS:
        found = [
            line.beside(source, "ece", published, split_of(source, line.names[source] or "") == split)
            for source in sources[split]
        ]
        entries.append(line.entry(error(line.scaled, split), *found))
    return entries


def chance_entry(line: Line) -> Entry:
    """The ECE that chance gives calibrated networks; not known of scaled ones."""
    return Entry(CHANCE, Value()) if line.scaled else line.arm.entry(CHANCE)


def fits_section(column: Column, arms: Sequence[Arm], legend: Legend) -> Section:
    """Every way to choose a temperature, of the hard and of the chosen smoothed networks."""
    lines = []
    for arm in (one for one in arms if one.chosen):
        for fit, label in FITS.items():
            known = {one.path[2:]: arm.entry(one) for one in fitted(fit)}
            entries = [known.get(one.path[2:], Entry(one, Value())) for one in fitted("ece_half")]
            entries[0] = replace(entries[0], remark=bound_remark(arm, fit))
            names = (Cell(arm.declared("model_title") or "-"), Cell(LAYOUT.label(arm)), Cell(label))
            lines.append((names, entries))
    title = f"{column['title']}: temperatures by what they are fitted to"
    return block(title, "", ["network", "targets", "fitted to"], lines, legend)
