"""Paper B, the En-De row of its Table 1 run again: BLEU and perplexity without and with label smoothing .1.

    perplexity = exp(NLL),    NLL in nats a subword token of the reference (ends of sentences count), without smoothing

The published numbers are those that the paper collected from other work (`b_table_survey`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import Any

from entropyreg.results.published import Published, published_numbers
from entropyreg.tables import beside, image_tidy, translation_lines
from entropyreg.tables.aggregate import Value
from entropyreg.tables.by_network import Further
from entropyreg.tables.formats import Cell, Footnotes, Section, Table
from entropyreg.tables.image_layout import NATS
from entropyreg.tables.image_runs import Arm, Collected, at
from entropyreg.tables.shown import shown
from entropyreg.tables.translation_lines import PAPER, Column
from entropyreg.tables.translation_runs import as_network_runs

NAME, SURVEY = "b_table_perplexity", "b_table_survey"
TITLE = "Paper B, Table 1, En-De again: BLEU and perplexity without and with label smoothing"
PUBLISHED_ROWS = {"hard": "without_smoothing", "smoothed": "with_smoothing"}
PUBLISHED = {"bleu": "BLEU", "perplexity": "perplexity"}  # metric: header
SPLITS = ("valid", "test")
DEFINITIONS = (
    "Smoothing of amount a: targets y (1 - a) + a / V over V subwords. hard: amount 0.",
    "perplexity: exp of the mean NLL, a subword token of the reference under the gold prefix, ends of sentences "
    "included; perplexities of other subwords are not to be compared. Mean over seeds of each seed's perplexity.",
    "BLEU: detokenised hypotheses against untouched references. BLEU as published: the way that published numbers are "
    "scored (signature below); it alone is set beside them.",
    "±: standard deviation over n seeds; no ±: one seed.",
)
SIGNATURES = {"bleu_signature": "BLEU", "bleu_as_published_signature": "BLEU as published"}


@dataclass(frozen=True)
class Quantity:
    """A measure of a split, and what is printed of it."""

    name: str
    measure: str
    header: str
    unit: str
    form: str
    of: Callable[[float], float] = float


QUANTITIES = (
    Quantity("bleu", "bleu", "BLEU", "BLEU", ".2f"),
    Quantity("bleu_as_published", "bleu_as_published", "BLEU as published", "BLEU", ".2f"),
    Quantity("perplexity", "nll", "perplexity", "perplexity a subword", ".3f", exp),
    Quantity("nll", "nll", "NLL", NATS, ".4f"),
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    published, footnotes, shaped = published or published_numbers(), Footnotes(), as_network_runs(collected)
    sections, lines = [], []
    for column in collected["columns"]:
        own = translation_lines.arms_of(shaped, column["task"])
        sections.append(section(column, own, published, footnotes))
        for arm in own:
            for split in SPLITS:
                for one in QUANTITIES:
                    known = (arm, f"{split}.{one.name}", one.unit, value(arm, split, one))
                    lines.append(image_tidy.line_of(shaped, column, *known))
    survey = [line for line in image_tidy.published_lines(collected, SURVEY, published) if line["column"] == PAPER]
    notes = [
        *translation_lines.signature_notes(collected, SIGNATURES),
        *beside.notes(SURVEY, published),
    ]
    return translation_lines.table_of(
        NAME, TITLE, collected, Further(sections, [*lines, *survey], DEFINITIONS), footnotes, notes
    )


def section(column: Column, own: Sequence[Arm], published: Published, footnotes: Footnotes) -> Section:
    """A line an objective."""
    headers = ("targets", *(one.header for _ in SPLITS for one in QUANTITIES), *PUBLISHED.values())
    sizes = translation_lines.sizes_text(own, calibration=False)
    return Section(
        title=column["title"],
        text=f"{translation_lines.beside_text(column, published)}; {sizes}.",
        groups=(("", 1), *((split, len(QUANTITIES)) for split in SPLITS), ("paper", len(PUBLISHED))),
        headers=tuple(map(Cell, headers)),
        rows=tuple(
            (
                Cell(translation_lines.label(arm)),
                *(shown(value(arm, split, one), one.form, footnotes) for split in SPLITS for one in QUANTITIES),
                *(
                    translation_lines.published_cell(
                        published, column, SURVEY, PUBLISHED_ROWS[arm.row], metric, footnotes
                    )
                    for metric in PUBLISHED
                ),
            )
            for arm in own
        ),
    )


def value(arm: Arm, split: str, quantity: Quantity) -> Value:
    """Mean over seeds of a quantity of a split."""

    def of_run(run: Collected) -> float | None:
        found = at(run["measures"], (split, quantity.measure))
        return None if found is None else quantity.of(found)

    return arm.over_seeds(of_run, absent=f"the {split} set of this run was not decoded")
