"""What the tables of paper B's translation runs share: lines by objective, intervals, differences.

Runs have the shape of image runs (`translation_runs`), so that a line is a `runs.Arm`.
"""

from collections.abc import Mapping, Sequence

from entropyreg.rendering.published import Published
from entropyreg.rendering.tables import beside, differences, tidy
from entropyreg.rendering.tables.by_network import Further
from entropyreg.rendering.tables.calibration_lines import same_text
from entropyreg.rendering.tables.cells import Entry, Quantity
from entropyreg.rendering.tables.collected import missing_text, scale_line
from entropyreg.rendering.tables.differences import Metric, Metrics
from entropyreg.rendering.tables.formats import Cell, Note, Section, Table
from entropyreg.rendering.tables.image_layout import DIVIDER, NATS, SHARE, measure
from entropyreg.rendering.tables.legend import Legend
from entropyreg.rendering.tables.runs import Arm, Collected, Column, arms, at
from entropyreg.rendering.tables.translation_runs import PAPER_ROWS, ROWS, interval_of

PAPER = "wmt_en_de"  # the published En-De model of paper B
REPLICATION = "multi30k_transformer"  # the replication's only translation model
METRICS = {
    "bleu": Metric("BLEU", "+.2f", 1, "BLEU"),
    "bleu_as_published": Metric("BLEU as published", "+.2f", 1, "BLEU"),
    "scaled_bleu": Metric("BLEU against scaled", "+.2f", 1, "BLEU"),
    "nll": Metric("NLL (nats)", "+.4f", 1, NATS),
    "ece": Metric("ECE", "+.4f", 1, SHARE),
    "debiased_ece": Metric("debiased ECE", "+.4f", 1, SHARE),
    "scaled_ece": Metric("ECE against scaled", "+.4f", 1, SHARE),
    "held_out_ece": Metric("held-out ECE", "+.4f", 1, SHARE),
}
INTERVALS = (
    "mean [low, high] (n): mean over n seeds. 95 % interval of ECE, NLL and BLEU at T = 1, of ECE at the T fitted to "
    "it, and of held-out ECE: by crossed bootstrap over seeds and validation sentences, of one seed over sentences "
    "alone (so about this model, not about training); of all else by Student's t over seeds, of one seed by bootstrap "
    "over sentences where it is a measure of them."
)
INTERVALS_OF = {  # what the collected intervals are of
    "one.ece": "ece",
    "one.nll": "nll",
    "one.bleu": "bleu",
    "temperatures.debiased_ece": "debiased_ece",
    "temperatures.fits.ece_all.ece": "scaled_ece",
    "temperatures.fits.ece_half.held_out_ece": "held_out_ece",
}


def arms_of(shaped: Collected, task: str) -> list[Arm]:
    """The lines of a task: both objectives of the paper, and members of the family that are declared."""
    declared = {run["row"] for run in shaped["rows"] if run["column"] == task}
    known = [row for row in ROWS if row in PAPER_ROWS or row in declared]
    return arms(shaped, task, known)


def label(arm: Arm) -> str:
    """'hard', 'smoothed 0.1', 'skew 0.5', 'confidence penalty'; a row that is none of `ROWS` by its name."""
    amount = arm.declared("smoothing") if arm.row == "smoothed" else None
    return f"{ROWS[arm.row]} {amount:.3g}" if amount else ROWS.get(arm.row, arm.row)


def one(quantity: str, header: str, unit: str, form: str) -> Quantity:
    """A measure at temperature 1."""
    return measure(("one", quantity), header, unit, form)


def at_one_errors() -> tuple[Quantity, ...]:
    """The errors of calibration at temperature 1, under the gold prefix."""
    start = ("temperatures",)
    return (
        one("ece", "ECE", SHARE, ".4f"),
        measure((*start, "debiased_ece"), "debiased ECE", SHARE, ".4f"),
        measure((*start, "smooth_ece"), "smooth ECE", SHARE, ".4f"),
        measure((*start, "calibrated_ece_upper"), "ECE if calibrated", SHARE, ".4f"),
    )


def fit_measure(fit: str, name: str) -> Quantity:
    """A measure at a fitted temperature, or the temperature itself."""
    header, unit, form = {
        "temperature": ("T", DIVIDER, ".2f"),
        "ece": ("ECE", SHARE, ".4f"),
        "held_out_ece": ("held-out ECE", SHARE, ".4f"),
        "nll": ("NLL", NATS, ".4f"),
        "held_out_nll": ("held-out NLL", NATS, ".4f"),
        "bleu": ("BLEU", "BLEU", ".2f"),
        "at_bound": ("T at bound", "share of seeds", ".2f"),
    }[name]
    return measure(("temperatures", "fits", fit, name), header, unit, form)


def fit_measures(fit: str) -> tuple[Quantity, ...]:
    """What is measured of a fit: only half of the sentences leaves some held out, only all are decoded at it."""
    names = ("held_out_ece", "nll", "held_out_nll") if fit.endswith("half") else ("nll", "bleu")
    return tuple(fit_measure(fit, name) for name in ("temperature", "ece", *names, "at_bound"))


def bound_remark(arm: Arm | None, fit: str) -> str:
    """Says where a temperature is at the end of the grid."""
    bound = arm.value(fit_measure(fit, "at_bound").path) if arm else None
    if not bound or not bound.mean:
        return ""
    return f"T is at the end of the grid for {round(bound.mean * bound.n)} of {bound.n} seeds"


def interval(shaped: Collected, arm: Arm | None, quantity: Quantity) -> tuple[float, float] | None:
    """The collected interval of a quantity of a line, where there is one."""
    metric = INTERVALS_OF.get(quantity.key)
    return interval_of(shaped, arm.task, arm.row, metric) if arm and metric else None


def entry(shaped: Collected, arm: Arm, quantity: Quantity) -> Entry:
    """A quantity of a line, with its collected interval."""
    return arm.entry(quantity, interval=interval(shaped, arm, quantity))


def beside_text(column: Column, published: Published, *others: str) -> str:
    """'beside published En-De, Transformer (another data set: values are not to be equated)'; `others` stand there too.

    A task is of the data set whose name its own name begins with.
    """
    if column.get("published_as") != PAPER:
        return "nothing is published on it"
    texts = []
    for name in (PAPER, *others):
        other = "" if same_text(column["task"], name) else beside.ANOTHER
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
            text = f"{measured['n_tokens']} validation tokens of {sentences} sentences"
            if calibration and measured["n_sentences"] != sentences:
                text += f", BLEU of the first {measured['n_sentences']} sentences"
            found.add(text)
    return "; ".join(text for text in (*sorted(found), missing_text(runs, "model")) if text) or "no finished run"


def table_of(
    name: str,
    title: str,
    collected: Collected,
    parts: Further,
    legend: Legend,
    notes: Sequence[Note] = (),
    metrics: Metrics = METRICS,
) -> Table:
    """A table of translation runs alone; `notes` follow the definitions."""
    sections = (*parts.sections, *difference_sections(collected, legend, metrics))
    return Table(
        name=name,
        title=title,
        banner=scale_line(collected),
        sections=sections,
        notes=(*legend.notes(), *map(Note, parts.definitions), *difference_notes(collected), *notes),
        tidy_header=tidy.HEADER,
        tidy_rows=(*parts.lines, *tidy.compared(collected, metrics)),
    )


def difference_notes(collected: Collected) -> tuple[Note, ...]:
    return differences.notes(collected, "validation sentences", paired=True)


def signature_notes(collected: Collected, shown: Mapping[str, str], split: str = "valid") -> list[Note]:
    """The settings of each metric: `shown` is header by the measure that holds them."""
    done = [run["measures"].get(split) or {} for run in collected["rows"] if run["status"] == "done"]
    return [
        Note(f"{header}, signature:", code=signature)
        for key, header in shown.items()
        for signature in sorted({measures[key] for measures in done if measures.get(key)})
    ]


def difference_sections(collected: Collected, legend: Legend, metrics: Metrics = METRICS) -> list[Section]:
    """One section a task with comparisons; a line for each row that is compared."""
    made = []
    for column in collected["columns"]:
        compared = dict.fromkeys(entry["row"] for entry in differences.comparisons(collected, column["task"]))
        shown = [*(row for row in ROWS if row in compared), *(row for row in compared if row not in ROWS)]
        names = [((Cell(ROWS.get(row, row)),), row, None) for row in shown]
        made += differences.section(collected, column, ["targets"], names, ROWS, metrics, legend)
    return made


def tidy_lines(
    shaped: Collected, column: Column, own: Sequence[Arm], quantities: Sequence[Quantity], published: Published
) -> list[tidy.Line]:
    """The csv lines of quantities that nothing is published on."""
    lines = []
    for arm in own:
        entries = [entry(shaped, arm, quantity) for quantity in quantities]
        lines += tidy.lines_of(shaped, column, entries, published, **arm.named)
    return lines
