"""Paper B: results of label smoothing in earlier work, transcribed from the paper; nothing here was run."""

from collections.abc import Mapping
from typing import Any

from entropyreg.rendering.published import Published, published_numbers
from entropyreg.rendering.tables import beside, tidy
from entropyreg.rendering.tables.cells import Beside, published
from entropyreg.rendering.tables.formats import Cell, Section, Table
from entropyreg.rendering.tables.legend import Legend

NAME, PAPER = "b_table_survey", "B"
TRANSCRIBED = "transcribed, not run at any scale"
NOT_LISTED = "-: not listed in the paper's table"
BANNER = "Transcribed from the paper, not reproduced; the same at every scale"
ROWS = {
    "without_smoothing": "without smoothing",
    "with_smoothing": "with smoothing",
    "with_unigram_smoothing": "with unigram smoothing",
}
METRICS = {
    "top1_error_percent": ("top-1 error (%)", "lower"),
    "top5_error_percent": ("top-5 error (%)", "lower"),
    "bleu": ("BLEU", "higher"),
    "perplexity": ("perplexity", "lower"),
    "wer_percent": ("word error rate (%)", "lower"),
}


def build(collected: Mapping[str, Any], published_list: Published | None = None) -> Table:
    """The table of the published numbers (pure); of the collected table only its name and scale are used."""
    known, legend = published_list or published_numbers(), Legend()
    metrics = list(dict.fromkeys((key[3], key[4]) for key in known.numbers if key[:2] == (PAPER, NAME)))
    lines = []
    for name, metric in metrics:
        title, better = METRICS[metric]
        numbers = [known.find(PAPER, NAME, row, name, metric) for row in ROWS]
        cells = [published(Beside(PAPER, one), legend) if one else legend.missing(NOT_LISTED) for one in numbers]
        lines.append((Cell(known.data_sets[name]), Cell(title), Cell(better), *cells))
    headers = ("data set and network", "metric", "better", *ROWS.values())
    section = Section(
        title="Label smoothing in earlier work",
        text="",
        groups=(("", len(headers)),),
        headers=tuple(map(Cell, headers)),
        rows=tuple(lines),
    )
    return Table(
        name=NAME,
        title="Paper B: label smoothing in earlier work, as the paper lists it",
        banner=BANNER,
        sections=(section,),
        notes=(*legend.notes(), *beside.notes(NAME, known)),
        tidy_header=tidy.HEADER,
        tidy_rows=tuple(tidy.rest(collected, known, NAME, (PAPER,), [], TRANSCRIBED)),
    )
