"""Paper B, the En-De row of its survey run again: BLEU and perplexity without and with label smoothing .1.

    perplexity = exp(NLL),    NLL in nats a subword token of the reference (ends of sentences count), without smoothing

The published numbers are those that the paper collected from other work (`b_table_survey`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import exp
from typing import Any

from entropyreg.rendering.published import Published, published_numbers
from entropyreg.rendering.tables import beside, tidy, translation_lines
from entropyreg.rendering.tables.aggregate import SENTENCES, Value
from entropyreg.rendering.tables.by_network import Further
from entropyreg.rendering.tables.cells import Beside, Entry, Quantity, block
from entropyreg.rendering.tables.formats import Cell, Section, Table
from entropyreg.rendering.tables.image_layout import NATS, measure
from entropyreg.rendering.tables.legend import MEAN_INTERVAL, Legend
from entropyreg.rendering.tables.runs import Arm, Collected, Column, at
from entropyreg.rendering.tables.translation_lines import PAPER
from entropyreg.rendering.tables.translation_runs import as_network_runs

NAME, SURVEY = "b_table_perplexity", "b_table_survey"
TITLE = "Paper B: BLEU and perplexity En-De without and with label smoothing, run again"
PUBLISHED_ROWS = {"hard": "without_smoothing", "smoothed": "with_smoothing"}
PUBLISHED = {"bleu_as_published": "bleu", "perplexity": "perplexity"}  # ours: metric of the survey
OTHER_WORDS = "other words: a perplexity a subword is not to be compared with one of other subwords"
SPLITS = ("valid", "test")
EXP: Mapping[str, Callable[[float], float]] = {"perplexity": exp}  # of the measure `nll`
DEFINITIONS = (
    "Smoothing of amount a: targets y (1 - a) + a / V over V subwords. hard: amount 0.",
    "perplexity: exp of the mean NLL, a subword token of the reference under the gold prefix, ends of sentences "
    "included. Mean over seeds of each seed's perplexity.",
    "BLEU: the way that published numbers are scored (signature below), so it is set beside them; on which split those "
    "are is not known to us, and they stand beside validation, the split of the paper's own BLEU. BLEU of text: "
    "detokenised hypotheses against untouched references.",
    f"{MEAN_INTERVAL} paper: as printed there. difference: reproduced minus published, where the task is the "
    "published one.",
)
METRICS = translation_lines.METRICS | {
    name: translation_lines.METRICS[name]._replace(header=header)
    for name, header in (("bleu_as_published", "BLEU"), ("bleu", "BLEU of text"))
}
SIGNATURES = {"bleu_as_published_signature": "BLEU", "bleu_signature": "BLEU of text"}


def quantities(split: str) -> tuple[Quantity, ...]:
    """What is shown of a split, that beside published numbers first."""
    return (
        measure((split, "bleu_as_published"), "BLEU", "BLEU", ".2f"),
        measure((split, "perplexity"), "perplexity", "perplexity a subword", ".3f"),
        measure((split, "bleu"), "BLEU of text", "BLEU", ".2f"),
        measure((split, "nll"), "NLL", NATS, ".4f"),
    )


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    published, legend, shaped = published or published_numbers(), Legend(), as_network_runs(collected)
    sections, lines, shown = [], [], []
    for column in collected["columns"]:
        own = translation_lines.arms_of(shaped, column["task"])
        sections += [section(column, own, published, split, legend) for split in SPLITS]
        for arm in own:
            entries = [entry(column, arm, one, published) for split in SPLITS for one in quantities(split)]
            shown += [one for found in entries for one in found.beside]
            lines += tidy.lines_of(shaped, column, entries, published, **arm.named)
    rest = [one for one in published.numbers.values() if one.artefact == SURVEY and one.column != PAPER]
    lines += tidy.rest(collected, published, SURVEY, ("B",), [*shown, *rest])
    notes = [*translation_lines.signature_notes(collected, SIGNATURES), *beside.notes(SURVEY, published)]
    parts = Further(sections, lines, [], DEFINITIONS)
    return translation_lines.table_of(NAME, TITLE, collected, parts, legend, notes, METRICS)


def section(column: Column, own: Sequence[Arm], published: Published, split: str, legend: Legend) -> Section:
    """A line an objective, for one split."""
    lines = [
        ((Cell(translation_lines.label(arm)),), [entry(column, arm, one, published) for one in quantities(split)])
        for arm in own
    ]
    if split != SPLITS[0]:
        return block(f"{column['title']}: {split} set", "", ["targets"], lines, legend)
    sizes = translation_lines.sizes_text(own, calibration=False)
    text = f"Validation set, {translation_lines.beside_text(column, published)}; {sizes}."
    return block(column["title"], text, ["targets"], lines, legend)


def entry(column: Column, arm: Arm, quantity: Quantity, published: Published) -> Entry:
    """A quantity of a line, with what the survey has on it."""
    return Entry(quantity, value(arm, *quantity.path), beside_survey(column, arm.row, quantity, published))


def beside_survey(column: Column, row: str, quantity: Quantity, published: Published) -> tuple[Beside, ...]:
    """The survey's number, beside the validation split of a task that names its model."""
    split, name = quantity.path
    if column.get("published_as") != PAPER or split != SPLITS[0] or name not in PUBLISHED:
        return ()
    key = ("B", SURVEY, PUBLISHED_ROWS.get(row), PAPER, PUBLISHED[name])
    found = beside.beside(published, key, column["task"])
    if name != "perplexity" or found.reason:
        return (found,)
    return (Beside("B", found.number, OTHER_WORDS, found.applies),)


def value(arm: Arm, split: str, name: str) -> Value:
    """Mean over seeds of a quantity of a split."""
    path = (split, "nll" if name in EXP else name)

    def of_run(run: Collected) -> float | None:
        found = at(run["measures"], path)
        return None if found is None else EXP.get(name, float)(found)

    found = arm.over_seeds(of_run, path)
    if name in EXP and found.interval == SENTENCES:  # that of the NLL
        return replace(found, low=EXP[name](found.low), high=EXP[name](found.high))
    return found
