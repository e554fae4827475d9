"""What the tables of paper B's translation runs share: lines by objective, intervals, differences, csv lines.

Runs have the shape of image runs (`translation_runs`), so that a line is an `image_runs.Arm`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.results.published import Published
from entropyreg.tables import beside, differences, image_tidy
from entropyreg.tables.by_network import Further
from entropyreg.tables.collected import missing_text, scale_line
from entropyreg.tables.formats import Cell, Footnotes, Note, Section, Table
from entropyreg.tables.image_layout import NATS, SHARE, Measure
from entropyreg.tables.image_runs import Arm, Collected, arms, at
from entropyreg.tables.shown import NOT_APPLICABLE, number_text
from entropyreg.tables.translation_runs import PAPER_ROWS, ROWS, interval_of

PAPER = "wmt_en_de"  # the published En-De model of paper B
REPLICATION = "multi30k_transformer"  # the replication's only translation model
NO_INTERVAL = "no interval was collected"
METRICS = {  # of comparisons: header, format
    "bleu": ("BLEU", "+.2f"),
    "bleu_as_published": ("BLEU as published", "+.2f"),
    "scaled_bleu": ("BLEU against scaled", "+.2f"),
    "nll": ("NLL (nats)", "+.4f"),
    "ece": ("ECE", "+.4f"),
    "debiased_ece": ("debiased ECE", "+.4f"),
    "scaled_ece": ("ECE against scaled", "+.4f"),
    "held_out_ece": ("held-out ECE", "+.4f"),
}
DIFFERENCES = (
    "Differences: the row minus the other, of seeds that both have. [low, high]: 95 % interval by crossed bootstrap "
    "over seeds and validation sentences; with n = 1 seed over sentences only, so it is about these models, not about "
    'training. p: one-sided, of "the difference is positive"; not corrected for the number of comparisons.'
)
INTERVALS = (
    "95 %: interval by crossed bootstrap over seeds and validation sentences, of one seed over sentences alone (so "
    "about this model, not about training)."
)
Column = Mapping[str, Any]


def arms_of(shaped: Collected, task: str) -> list[Arm]:
    """The lines of a task: both objectives of the paper, and members of the family that are declared."""
    declared = {run["row"] for run in shaped["rows"] if run["column"] == task}
    known = [row for row in ROWS if row in PAPER_ROWS or row in declared]
    return arms(shaped, task, known)


def label(arm: Arm) -> str:
    """'hard', 'smoothed 0.1', 'skew 0.5', 'confidence penalty'."""
    amount = arm.declared("smoothing") if arm.row == "smoothed" else None
    return f"{ROWS[arm.row]} {amount:.3g}" if amount else ROWS[arm.row]


def one(quantity: str, header: str, unit: str, form: str) -> Measure:
    """A measure at temperature 1."""
    return Measure(("one", quantity), header, unit, form)


def at_one_errors() -> tuple[Measure, ...]:
    """The errors of calibration at temperature 1, under the gold prefix."""
    start = ("temperatures",)
    return (
        one("ece", "ECE", SHARE, ".4f"),
        Measure((*start, "debiased_ece"), "debiased", SHARE, ".4f"),
        Measure((*start, "smooth_ece"), "smooth", SHARE, ".4f"),
        Measure((*start, "calibrated_ece_upper"), "ECE if calibrated", SHARE, ".4f"),
    )


def fit_measure(fit: str, name: str) -> Measure:
    """A measure at a fitted temperature, or the temperature itself."""
    header, unit, form = {
        "temperature": ("T", "divider of logits", ".2f"),
        "ece": ("ECE", SHARE, ".4f"),
        "held_out_ece": ("held-out ECE", SHARE, ".4f"),
        "nll": ("NLL", NATS, ".4f"),
        "held_out_nll": ("held-out NLL", NATS, ".4f"),
        "bleu": ("BLEU", "BLEU", ".2f"),
        "at_bound": ("T at bound", "share of seeds", ".2f"),
    }[name]
    return Measure(("temperatures", "fits", fit, name), header, unit, form)


# what the collected intervals are of
INTERVALS_OF = {
    "one.ece": "ece",
    "one.nll": "nll",
    "one.bleu": "bleu",
    "temperatures.debiased_ece": "debiased_ece",
    "temperatures.fits.ece_all.ece": "scaled_ece",
    "temperatures.fits.ece_half.held_out_ece": "held_out_ece",
}


def fit_measures(fit: str) -> tuple[Measure, ...]:
    """What is measured of a fit: only half of the sentences leaves some held out, only all are decoded at it."""
    names = ("held_out_ece", "nll", "held_out_nll") if fit.endswith("half") else ("nll", "bleu")
    return tuple(fit_measure(fit, name) for name in ("temperature", "ece", *names, "at_bound"))


def interval_cell(collected: Collected, arm: Arm, metric: str, form: str, footnotes: Footnotes) -> Cell:
    """'[0.051, 0.064]'."""
    interval = interval_of(collected, arm.task, arm.row, metric)
    if interval is None:
        reason = arm.runs[0]["reason"] if arm.runs and not arm.done else NO_INTERVAL
        return Cell("n/a", (footnotes.mark(reason),))
    return Cell("[" + ", ".join(number_text(bound, form) for bound in interval) + "]")


def beside_text(column: Column, published: Published, *others: str) -> str:
    """'beside published En-De, Transformer (another data set: values are not to be equated)'; `others` stand there too.

    A task is of the data set whose name its own name begins with.
    """
    if column.get("published_as") != PAPER:
        return "nothing is published on it"
    texts = []
    for name in (PAPER, *others):
        same = column["task"].startswith(name.removesuffix("_transformer"))
        other = "" if same else " (another data set: values are not to be equated)"
        texts.append(f"published {published.data_sets[name]}{other}")
    return f"beside {' and '.join(texts)}"


def sizes_text(own: Sequence[Arm], calibration: bool = True) -> str:
    """Tokens and sentences, and the missing models."""
    runs = [run for arm in own for run in arm.runs]
    found = set()
    for run in runs:
        measured = at(run["measures"] or {}, ("temperatures",) if calibration else ("valid",))
        if run["status"] == "done" and measured:
            sentences = measured["n_calibration_sentences" if calibration else "n_sentences"]
            found.add(f"{measured['n_tokens']} validation tokens of {sentences} sentences")
    return "; ".join(text for text in (*sorted(found), missing_text(runs, "model")) if text) or "no finished run"


def table_of(
    name: str, title: str, collected: Collected, parts: Further, footnotes: Footnotes, notes: Sequence[Note] = ()
) -> Table:
    """A table of translation runs alone; `notes` follow the definitions."""
    told = [*parts.definitions, *([DIFFERENCES] if collected["comparisons"] else [differences.NONE_AT_ALL])]
    return Table(
        name=name,
        title=title,
        banner=scale_line(collected),
        sections=(*parts.sections, *difference_sections(collected, footnotes)),
        notes=(*footnotes.notes(), *map(Note, told), *notes),
        tidy_header=image_tidy.HEADER,
        tidy_rows=image_tidy.lines([*parts.lines, *compared_lines(collected)]),
    )


def signature_notes(collected: Collected, shown: Mapping[str, str], split: str = "valid") -> list[Note]:
    """The settings of each metric: `shown` is header by the measure that holds them."""
    done = [run["measures"].get(split) or {} for run in collected["rows"] if run["status"] == "done"]
    return [
        Note(f"{header}, signature:", code=signature)
        for key, header in shown.items()
        for signature in sorted({measures[key] for measures in done if measures.get(key)})
    ]


def difference_sections(collected: Collected, footnotes: Footnotes) -> list[Section]:
    """One section a task with comparisons; a line for each row but the one that all are compared with."""
    made = []
    for column in collected["columns"]:
        entries = [entry for entry in collected["comparisons"] if entry["column"] == column["task"]]
        if not entries:
            continue
        to = list(dict.fromkeys(entry["to"] for entry in entries))
        metrics = [metric for metric in METRICS if any(entry["metric"] == metric for entry in entries)]
        found = {(entry["row"], entry["to"], entry["metric"]): entry for entry in entries}
        rows = [row for row in ROWS if any(entry["row"] == row for entry in entries)]
        lines = [
            (
                Cell(ROWS[row]),
                *(
                    differences.cell(found.get((row, t, m)), row == t, footnotes, METRICS[m][1])
                    for t in to
                    for m in metrics
                ),
            )
            for row in rows
        ]
        made.append(
            Section(
                title=f"{column['title']}: differences with 95 % intervals",
                text=differences.sizes_text(entries, entries[0]["split"]),
                groups=(("", 1), *((f"minus {ROWS[row]}:", len(metrics)) for row in to)),
                headers=(Cell("targets"), *(Cell(METRICS[m][0]) for _ in to for m in metrics)),
                rows=tuple(lines),
            )
        )
    return made


def tidy_lines(
    shaped: Collected, column: Column, own: Sequence[Arm], measures: Sequence[Measure]
) -> list[dict[str, Any]]:
    """One csv line a measure of a line."""
    lines = []
    for arm in own:
        for measure in measures:
            found = image_tidy.line_of(shaped, column, arm, measure.key, measure.unit, arm.value(measure.path))
            metric = INTERVALS_OF.get(measure.key)
            interval = interval_of(shaped, arm.task, arm.row, metric) if metric else None
            lines.append(found | ({"low": interval[0], "high": interval[1]} if interval else {}))
    return lines


def compared_lines(collected: Collected) -> list[dict[str, Any]]:
    """One csv line a comparison."""
    titles = {column["task"]: column for column in collected["columns"]}
    return [
        image_tidy.common(collected, titles[entry["column"]])
        | {"row": entry["row"], "quantity": f"{entry['metric']}_difference", "compared_with": entry["to"]}
        | {"mean": entry["difference"], "status": "done"}
        | {key: entry[key] for key in ("low", "high", "p_value", "n_seeds")}
        for entry in collected["comparisons"]
    ]


def published_cell(
    published: Published, column: Column, artefact: str, row: str, metric: str, footnotes: Footnotes
) -> Cell:
    """The paper's number beside a task that names it."""
    if column.get("published_as") != PAPER:
        return NOT_APPLICABLE
    return beside.cell(published, ("B", artefact, row, PAPER, metric), footnotes)
