"""Paper A, Table 1: BLEU and normalised entropy by regularizer and data set, published beside reproduced.

Each cell is the mean over the finished seeds; with two or more, the standard deviation over seeds and their number
stand beside it. The gain is the mean over seeds of BLEU minus BLEU of the unregularized run of the same seed. A cell
without a value says why in a footnote.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.errors import UserError
from entropyreg.results.published import Published, PublishedNumber, published_numbers
from entropyreg.tables.aggregate import Run, Value, declared, group, mean_gain, mean_over_seeds
from entropyreg.tables.collected import scale_line
from entropyreg.tables.formats import ALPHA, GAMMA, Cell, Footnotes, Note, Section, Table

NAME, PAPER, SPLIT = "a_table_translation", "A", "test"
ROWS = {  # as printed in the paper
    "none": Cell("No regularization"),
    "label_smoothing_0.1": Cell(f"LS D_J1 ({GAMMA} = 0.1)", latex=r"LS $D_{J_1}$ ($\gamma=0.1$)"),
    "label_smoothing_tuned": Cell("LS D_J1 (tuned)", latex=r"LS $D_{J_1}$ (tuned)"),
    "confidence_penalty": Cell("CP D_J0", latex=r"CP $D_{J_0}$"),
    "ger": Cell(f"GER D_J{ALPHA}", latex=r"GER $D_{J_\alpha}$"),
}
TUNED = ("label_smoothing_tuned", "confidence_penalty", "ger")  # in the paper, by data set
GAIN = "bleu_as_published_gain"
UNITS = {
    "skew": "number",
    "strength": "number",
    "entropy_normalized": "share of log V",
    "entropy_normalized_without_filler": "share of log V",
    "bleu": "BLEU",
    "bleu_as_published": "BLEU",
    GAIN: "BLEU",
}
REPRODUCED = ("skew", "strength", "entropy_normalized", "bleu", "bleu_as_published", GAIN)
PUBLISHED = ("skew", "strength", "entropy_normalized", "bleu_as_published", GAIN)
HEADERS = {
    "skew": Cell("skew"),
    "strength": Cell("strength"),
    "entropy_normalized": Cell("Ĥ"),
    "bleu": Cell("BLEU"),
    "bleu_as_published": Cell("BLEU as published"),
    GAIN: Cell("gain"),
}
PUBLISHED_HEADERS = HEADERS | {"bleu_as_published": Cell("BLEU")}
FORMATS = {"skew": ".4g", "strength": ".4g", "entropy_normalized": ".2f", GAIN: "+.1f"}  # else one decimal
DEFINITIONS = (
    "LS: label smoothing, CP: confidence penalty, GER: generalized entropy regularization; the objective is "
    f"NLL + strength * J_skew(u || p), and {GAMMA} = strength / (1 + strength) at skew 1.",
    "Ĥ: entropy of the predicted next-token distribution under the gold prefix, mean over the test tokens, divided by "
    "log V; V is the size of the softmax. The csv also has Ĥ without the vocabulary's filler entries.",
    "BLEU: detokenised hypotheses against untouched references. BLEU as published: on tokenised text, the paper's way; "
    "it alone is set beside published numbers. gain: BLEU as published minus that of no regularization.",
    "±: standard deviation over n seeds; no ±: one seed.",
)
TIDY_HEADER = (
    *("artefact", "scale", "row", "column", "column_title", "quantity", "unit"),
    *("mean", "standard_deviation", "n_seeds", "signature", "status", "reason"),
    *("published", "published_printed", "published_data_set", "same_data_set", "published_certainty", "published_note"),
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    published = published or published_numbers()
    footnotes = Footnotes()
    cells = group(collected["rows"])
    rows = [*ROWS, *dict.fromkeys(row for row, _ in cells if row not in ROWS)]
    sections, tidy, untuned = [], [], []
    for column in collected["columns"]:
        task, counterpart = column["task"], column.get("published_as")
        if counterpart is not None and counterpart not in published.data_sets:
            allowed = ", ".join(published.data_sets)
            raise UserError(f"task '{task}' has published_as '{counterpart}'; allowed: {allowed}.")
        lines = []
        for row in rows:
            values = {quantity: value_of(cells, row, task, quantity) for quantity in UNITS}
            numbers = {quantity: published.find(PAPER, NAME, row, counterpart, quantity) for quantity in UNITS}
            lines.append(line(row, values, numbers, footnotes))
            if row in TUNED and all(equal(values[key], numbers[key]) for key in ("skew", "strength")):
                untuned.append(row)
            tidy += tidy_lines(collected, column, row, cells, values, numbers, published)
        sections.append(section(column, cells, lines, published))
    return Table(
        name=NAME,
        title="Paper A, Table 1: translation, BLEU and normalised entropy by regularizer",
        banner=scale_line(collected),
        sections=tuple(sections),
        notes=(*footnotes.notes(), *untuned_note(untuned), *notes(collected, published)),
        tidy_header=TIDY_HEADER,
        tidy_rows=tuple(tidy),
    )


def value_of(cells: Mapping[tuple[str, str], Sequence[Run]], row: str, task: str, quantity: str) -> Value:
    """The reproduced value of one quantity in one cell."""
    runs = cells.get((row, task), ())
    if row == "none" and quantity in ("skew", GAIN):
        return Value()
    if quantity in ("skew", "strength"):
        return declared(runs, quantity)
    if quantity != GAIN:
        return mean_over_seeds(runs, SPLIT, quantity)
    return mean_gain(runs, cells.get(("none", task), ()), SPLIT, "bleu_as_published")


def line(
    row: str, values: Mapping[str, Value], numbers: Mapping[str, PublishedNumber | None], footnotes: Footnotes
) -> tuple[Cell, ...]:
    """The cells of one row: label, reproduced, published."""
    reproduced = [shown(values[quantity], quantity, footnotes) for quantity in REPRODUCED]
    return ROWS.get(row, Cell(row)), *reproduced, *(shown_published(numbers[q], q, row, footnotes) for q in PUBLISHED)


def shown(value: Value, quantity: str, footnotes: Footnotes) -> Cell:
    """'31.2 ± 0.4 (n = 3)', '31.2', '-' where nothing applies, or 'n/a' with the reason in a footnote."""
    marks = (footnotes.mark(value.reason),) if value.reason else ()
    if value.mean is None:
        return Cell("n/a" if value.reason else "-", marks)
    form = FORMATS.get(quantity, ".1f")
    text = signless_zero(format(value.mean, form))
    if value.deviation is not None:
        text += f" ± {format(value.deviation, form.lstrip('+'))} (n = {value.n})"
    return Cell(text, marks)


def shown_published(number: PublishedNumber | None, quantity: str, row: str, footnotes: Footnotes) -> Cell:
    """The number as printed in the source; its note, where there is one, in a footnote."""
    if number is None:
        return Cell("-") if quantity == GAIN and row == "none" else Cell("n/a")
    marks = (footnotes.mark(f"published: {number.note}"),) if number.note else ()
    return Cell(number.printed or "n/a", marks)


def signless_zero(text: str) -> str:
    """'-0.0' and '+0.0' are '0.0'."""
    return text.lstrip("+-") if float(text) == 0 else text


def section(
    column: Mapping[str, Any],
    cells: Mapping[tuple[str, str], Sequence[Run]],
    lines: Sequence[tuple[Cell, ...]],
    published: Published,
) -> Section:
    """One data set's part of the table, saying what it is set beside."""
    task, counterpart = column["task"], column.get("published_as")
    name = published.data_sets.get(counterpart, "")
    if counterpart is None:
        title = f"{column['title']} (nothing is published on it)"
    elif counterpart == task:
        title = f"{column['title']}, beside published {name}"
    else:
        title = f"{column['title']}, beside published {name} (another data set: values are not to be equated)"
    done = [run["measures"][SPLIT] for key, runs in cells.items() for run in runs if key[1] == task and has_test(run)]
    keys = ("n_sentences", "n_tokens", "vocabulary_size", "filler_entries")
    sizes = sorted({tuple(m[key] for key in keys) for m in done})
    text = "; ".join(
        f"{sentences} sentences, {tokens} tokens, V = {v} ({filler} of them padding, start of sentence or filler)"
        for sentences, tokens, v, filler in sizes
    )
    return Section(
        title=title,
        text=f"Reproduced: test set of {text}." if text else "Reproduced: no finished run.",
        groups=(("", 1), ("reproduced", len(REPRODUCED)), ("published", len(PUBLISHED))),
        headers=(
            Cell("regularizer"),
            *(HEADERS[quantity] for quantity in REPRODUCED),
            *(PUBLISHED_HEADERS[quantity] for quantity in PUBLISHED),
        ),
        rows=tuple(lines),
    )


def has_test(run: Run) -> bool:
    return run["status"] == "done" and bool(run["measures"].get(SPLIT))


def equal(value: Value, number: PublishedNumber | None) -> bool:
    return number is not None and value.mean is not None and value.mean == number.value


def untuned_note(rows: Sequence[str]) -> tuple[Note, ...]:
    """Says which rows took their regularizer from the paper instead of being tuned on this data."""
    names = ", ".join(label.text for row, label in ROWS.items() if row in rows)
    return (Note(f"Run with the published skew and strength, not tuned on this data: {names}."),) if rows else ()


def notes(collected: Mapping[str, Any], published: Published) -> tuple[Note, ...]:
    """Definitions, signatures, and what is to be known of the published numbers."""
    lines = [Note(text) for text in DEFINITIONS]
    for key, label in (("bleu", "BLEU"), ("bleu_as_published", "BLEU as published")):
        runs = [run["measures"][SPLIT] for run in collected["rows"] if has_test(run)]
        signatures = sorted({measures.get(f"{key}_signature") or "unknown" for measures in runs})
        lines += [Note(f"{label}, signature:", code=signature) for signature in signatures]
    certainties = sorted({n.certainty for n in published.numbers.values() if (n.paper, n.artefact) == (PAPER, NAME)})
    lines.append(Note(f"Where the published numbers were read: {', '.join(certainties)}."))
    lines += [Note(text) for text in published.notes.get((PAPER, NAME), ())]
    shown_beside = {column.get("published_as") for column in collected["columns"]}
    absent = [published.data_sets[c] for c in published.columns(PAPER, NAME) if c not in shown_beside]
    if absent:
        lines.append(Note(f"Published, without a counterpart at this scale: {', '.join(absent)}."))
    return tuple(lines)


def tidy_lines(
    collected: Mapping[str, Any],
    column: Mapping[str, Any],
    row: str,
    cells: Mapping[tuple[str, str], Sequence[Run]],
    values: Mapping[str, Value],
    numbers: Mapping[str, PublishedNumber | None],
    published: Published,
) -> list[tuple[Any, ...]]:
    """One csv line for each quantity of the cell."""
    counterpart, lines = column.get("published_as"), []
    runs = [run["measures"][SPLIT] for run in cells.get((row, column["task"]), []) if has_test(run)]
    for quantity, unit in UNITS.items():
        value, number = values[quantity], numbers[quantity]
        key = f"{quantity.removesuffix('_gain')}_signature"
        signatures = " ".join(sorted({measures[key] for measures in runs if measures.get(key)}))
        lines.append(
            (
                *(collected["artefact"], collected["scale"], row, column["task"], column["title"], quantity, unit),
                *(value.mean, value.deviation, value.n, signatures, value.status, value.reason),
                number.value if number else None,
                number.printed if number else None,
                published.data_sets.get(counterpart),
                None if counterpart is None else str(counterpart == column["task"]).lower(),
                number.certainty if number else None,
                number.note if number else None,
            )
        )
    return lines
