"""Paper A, Table 3: share of the vocabulary of probability below a threshold, for pairs of models of equal entropy.

Thresholds: e^-10 and e^-15 as published, and the floor of each model's own equilibrium (`regularizers.equilibrium`)
times 1, .1 and .01: with a small vocabulary the floor lies above e^-10, and the published thresholds say little. All
values are of the validation set, on which the pairs are matched (`results.pairs`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.results.pairs import SPLIT, TOLERANCE, Pair, pairs_of
from entropyreg.results.published import Published, published_numbers
from entropyreg.tables import labels, sparsity_csv
from entropyreg.tables.collected import missing_text, scale_line
from entropyreg.tables.formats import Cell, Footnotes, Note, Section, Table
from entropyreg.tables.shown import NOT_APPLICABLE, number_text, percent_text
from entropyreg.tables.sparsity_csv import Side, published_share, sides

NAME, PAPER = sparsity_csv.NAME, sparsity_csv.PAPER
SHARES = {
    "share_below_e-10": Cell("% < e^-10", latex=r"\% $< e^{-10}$"),
    "share_below_e-15": Cell("% < e^-15", latex=r"\% $< e^{-15}$"),
    "share_below_floor_x1": Cell("% < floor"),
    "share_below_floor_x0.1": Cell("% < 0.1 floor"),
    "share_below_floor_x0.01": Cell("% < 0.01 floor"),
}
PUBLISHED_MEMBERS = {"label_smoothing": 1.0, "confidence_penalty": 0.0}  # by skew
OTHER = Cell("other member")
MEASURES = {  # quantity: header, format
    "entropy_normalized": (Cell("Ĥ"), ".4f"),
    "entropy_spread": (Cell("spread of Ĥ"), ".3f"),
    "log_floor": (Cell("log floor"), ".2f"),
}
HEADERS = (
    *(Cell("pair: member"), Cell("seed"), Cell("strength")),
    *(header for header, _ in MEASURES.values()),
    Cell("Ĥ minus LS"),
    *SHARES.values(),
)
SIZES = ("n_sentences", "n_tokens", "vocabulary_size")
DEFINITIONS = (
    labels.ABBREVIATIONS,
    "Pairs: label smoothing and another member of the family, same model and seed; matched where their Ĥ differ by at "
    f"most {TOLERANCE} on validation. A pair that is not matched is the nearest of all finished runs: its shares "
    "differ also because its entropies do.",
    "Ĥ: entropy of the predicted next-token distribution under the gold prefix, mean over the validation tokens, "
    "divided by log V; spread of Ĥ: its standard deviation between tokens.",
    "Shares: percentage of the vocabulary below the threshold, mean over the validation tokens; ±: standard error, "
    "sentences as units.",
    "log floor: natural logarithm of the probability of every word but the target at the equilibrium of skew and "
    "strength (e^-10 has -10). It follows from the predicted entropy, so it may differ where measured entropies agree.",
    "published: the paper's one pair, in every section because its data set is not stated; another data set's values "
    "are not to be equated with it.",
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    published, footnotes = published or published_numbers(), Footnotes()
    sections, tidy = [], []
    for column in collected["columns"]:
        pairs = pairs_of(collected["rows"], column["task"])
        sections.append(section(collected, column, pairs, published, footnotes))
        tidy += sparsity_csv.lines(collected, column, pairs, tuple(SHARES), published)
    certainties = sorted({n.certainty for n in published.numbers.values() if (n.paper, n.artefact) == (PAPER, NAME)})
    texts = (
        *DEFINITIONS,
        f"Where the published numbers were read: {', '.join(certainties)}.",
        *published.notes.get((PAPER, NAME), ()),
    )
    return Table(
        name=NAME,
        title="Paper A, Table 3: sparsity at equal entropy",
        banner=scale_line(collected),
        sections=tuple(sections),
        notes=(*footnotes.notes(), *map(Note, texts)),
        tidy_header=sparsity_csv.HEADER,
        tidy_rows=tuple(tidy),
    )


def section(
    collected: Mapping[str, Any],
    column: Mapping[str, Any],
    pairs: Sequence[Pair],
    published: Published,
    footnotes: Footnotes,
) -> Section:
    """The pairs of one data set, two lines each, and the published pair."""
    found = [pair for pair in pairs if pair.complete]
    sizes = sorted({tuple(pair.smoothed["measures"][SPLIT][key] for key in SIZES) for pair in found})
    texts = [
        pairs_text(pairs),
        *(f"validation set of {sentences} sentences, {tokens} tokens, V = {v}" for sentences, tokens, v in sizes),
        missing_text(run for run in collected["rows"] if run["column"] == column["task"]),
    ]
    return Section(
        title=column["title"],
        text="; ".join(text for text in texts if text) + ".",
        groups=(("", len(HEADERS)),),
        headers=HEADERS,
        rows=(
            *(line(side, footnotes) for side in sides(pairs)),
            *(published_line(member, published, footnotes) for member in PUBLISHED_MEMBERS),
        ),
    )


def pairs_text(pairs: Sequence[Pair]) -> str:
    """'Pairs: 1 matched, 2 not matched, 1 missing'."""
    kinds = Counter("missing" if not p.complete else "matched" if p.matched else "not matched" for p in pairs)
    return "Pairs: " + ", ".join(
        f"{kinds[kind]} {kind}" for kind in ("matched", "not matched", "missing") if kinds[kind]
    )


def line(side: Side, footnotes: Footnotes) -> tuple[Cell, ...]:
    """One member of a pair; without a run, the reason in a footnote."""
    if side.run is None:
        label = labels.LABEL_SMOOTHING if side.member == "label_smoothing" else OTHER
        missing = Cell("n/a", (footnotes.mark(side.pair.reason),))
        return numbered(side.number, label), *[missing] * (len(HEADERS) - 1)
    measures = side.run["measures"][SPLIT]
    return (
        numbered(side.number, labels.member(side.run["skew"], side.run["smoothing"])),
        Cell(str(side.run["seed"])),
        Cell(f"{side.run['strength']:.4g}"),
        *(measured(measures.get(name), form, footnotes) for name, (_, form) in MEASURES.items()),
        mismatch(side.pair) if side.member != "label_smoothing" else NOT_APPLICABLE,
        *(
            measured(None, "", footnotes)
            if measures.get(name) is None
            else Cell(percent_text(measures[name], measures.get(f"{name}_standard_error")))
            for name in SHARES
        ),
    )


def numbered(number: int, label: Cell) -> Cell:
    return Cell(f"{number}: {label.text}", latex=None if label.latex is None else f"{number}: {label.latex}")


def measured(value: float | None, form: str, footnotes: Footnotes) -> Cell:
    return Cell("n/a", (footnotes.mark("not measured"),)) if value is None else Cell(number_text(value, form))


def mismatch(pair: Pair) -> Cell:
    """'+0.0021', or '+0.0312 (not matched)'."""
    return Cell(number_text(pair.mismatch, "+.4f") + ("" if pair.matched else " (not matched)"))


def published_line(member: str, published: Published, footnotes: Footnotes) -> tuple[Cell, ...]:
    """A row of published shares, '38 ± 0.01' as printed."""
    label = labels.member(PUBLISHED_MEMBERS[member])
    unknown = Cell("n/a", (footnotes.mark("published: not available to us"),))
    cells = [NOT_APPLICABLE] + [unknown] * (len(HEADERS) - len(SHARES) - 2)
    for name in SHARES:
        number, spread = published_share(member, name, published)
        notes = [one.note for one in (number, spread) if one and one.note]
        marks = tuple(footnotes.mark(f"published: {note}") for note in notes)
        cells.append(Cell(f"{number.printed} ± {(spread and spread.printed) or 'n/a'}", marks) if number else unknown)
    return Cell(f"published: {label.text}", latex=rf"\emph{{published:}} {label.latex}"), *cells
